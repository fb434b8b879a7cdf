"""Which GPUs a data centre buys today, and which ones an engine no longer runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged


@dataclass(frozen=True, slots=True)
class Dropped:
    """An architecture that an engine runs on no longer, from a version on."""

    engine: str
    since: str
    architecture: str


def load_markets(folder: Path | None = None) -> dict[str, str]:
    """GPU id -> the market of a part that is no data-centre part on sale: consumer, workstation,
    legacy, not sold, China only. Raises: DataError naming every bad row."""
    return dict(read_packaged("gpu_markets.csv", _market, folder))


def load_dropped(folder: Path | None = None) -> tuple[Dropped, ...]:
    """What engines no longer run on. Raises: DataError naming every bad row."""
    return read_packaged("engine_dropped.csv", _dropped, folder)


def _market(row: Row) -> tuple[str, str]:
    return row.required_text("gpu"), row.required_text("market")


def _dropped(row: Row) -> Dropped:
    return Dropped(
        row.required_text("engine"), row.required_text("since"), row.required_text("architecture")
    )
