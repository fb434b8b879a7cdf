"""`gpumix observe`: any mix of sources into one dated folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gpumix.domain.fleet import DISMISSED_FILE, FleetSummary
from gpumix.errors import InputError, Problem
from gpumix.telemetry.declared import Declared, read_declared
from gpumix.telemetry.observe import NOT_OBSERVED, Asked, kind_of, observe
from gpumix.telemetry.store import FLEET_FILE, Fleet, open_fleet, summary_of, write


def observe_sources(
    sources: Sequence[str],
    out: Path,
    declare: Path | None = None,
    start: str | None = None,
    end: str | None = None,
) -> FleetSummary:
    """Add what sources say to the fleet in `out`, which is made where it is missing.

    A source is a file, or the address of a server of metrics, which is asked for what lies between
    `start` and `end` (RFC 3339 or a day, UTC where no zone is told), or for all that it has.

    Raises: InputError with the problems of all sources; nothing is written then.
    """
    servers = tuple(source for source in sources if "://" in source)
    asked = Asked(servers, _moment(start, "--start"), _moment(end, "--end"))
    declared = read_declared(declare) if declare else None
    if declared is None and (out / FLEET_FILE).exists():
        declared = open_fleet(out).declared
    files = [Path(source) for source in sources if source not in servers]
    found = observe(files, declared or Declared(), asked)
    return summary_of(write(out, found, declared))


def _moment(text: str | None, place: str) -> int | None:
    """Seconds since 1970 UTC. Raises: InputError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(Problem(place, f"{text!r:.40} is no time", "2026-10-18T06:00Z")) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@dataclass(frozen=True, slots=True)
class Opened:
    """A fleet, and the bills and price books that lay beside its sources."""

    fleet: Fleet
    bills: tuple[Path, ...] = ()
    prices: tuple[Path, ...] = ()
    is_kept: bool = True


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    """A fleet's folder, or a folder of raw sources, observed in passing: nothing is written there.

    Raises: InputError where it is neither.
    """
    if (folder / FLEET_FILE).is_file():
        yield Opened(open_fleet(folder))
        return
    if not folder.is_dir():
        fix = f"gpumix observe SOURCE... --out {folder}"
        raise InputError(Problem(str(folder), "is no folder of a fleet", fix))
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix not in (".md", ".html") and path.name != DISMISSED_FILE
    )
    declarations = [path for path in files if path.stem in ("declare", "declared")]
    declared = read_declared(declarations[0]) if declarations else Declared()
    kinds = {path: kind_of(path, declared) for path in files if path not in declarations}
    if not kinds:
        fix = f"gpumix observe SOURCE... --out {folder}"
        raise InputError(Problem(str(folder), "holds no fleet and no sources", fix))
    with TemporaryDirectory() as scratch:
        sources = [path for path, kind in kinds.items() if kind not in NOT_OBSERVED]
        fleet = write(Path(scratch) / "fleet", observe(sources, declared), declared)
        yield Opened(
            fleet,
            tuple(path for path, kind in kinds.items() if kind == "bill"),
            tuple(path for path, kind in kinds.items() if kind == "prices"),
            is_kept=False,
        )
