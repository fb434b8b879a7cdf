"""What several verbs read from a command line: lists of names, promises."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gpumix import formats
from gpumix.catalog.model_config import own_name
from gpumix.domain.defaults import ADAPTER_RANK
from gpumix.domain.promises import SLO_NAMES, limits_in, slo_of
from gpumix.domain.workload import HIGHEST_RANK, MOST_ADAPTERS, Adapters, Slo
from gpumix.errors import InputError, Problem, shortened, unknown_name
from gpumix.inventory import yaml
from gpumix.inventory.trace_formats import MAPPED, Reading
from gpumix.inventory.trace_units import UNITS
from gpumix.reading import read_text


def slos_of(text: str) -> tuple[Slo, ...]:
    """Promises as people type them: `ttft_p95=800ms,tpot_p95=50ms`; the form of point files,
    `ttft_p99_ms<=2000;tpot_p99_ms<=200`, is understood too.

    Raises: InputError for unknown promises and durations without a unit.
    """
    found: list[Slo] = []
    problems: list[Problem] = []
    for name, limit in limits_in(text):
        try:
            found.append(slo_of(name, limit))
            if found[-1].name in (s.name for s in found[:-1]):
                raise ValueError("is promised twice; keep one limit")
        except ValueError as error:
            fix = f"promises: {', '.join(SLO_NAMES)}"
            problems.append(Problem("--slo", f"{f'{name}={limit}'!r}: {error}", fix))
    if problems:
        raise InputError(problems)
    return tuple(found)


def adapters_of(count: int | None, rank: int | None) -> Adapters | None:
    """The adapters of --adapters and --adapter-rank; None without a number of them.

    Raises: InputError for a rank alone and for what is out of range.
    """
    if count is None:
        if rank is None:
            return None
        raise InputError(Problem("--adapter-rank", "says nothing without --adapters"))
    found = Adapters(count, ADAPTER_RANK if rank is None else rank)
    problems = [
        Problem(option, f"must be between 1 and {most:,}, got {value:,}")
        for option, value, most in (
            ("--adapters", found.count, MOST_ADAPTERS),
            ("--adapter-rank", found.rank, HIGHEST_RANK),
        )
        if not 1 <= value <= most
    ]
    if problems:
        raise InputError(problems)
    return found


NO_CONFIGS: Final[Mapping[str, Path]] = MappingProxyType({})


def configs_of(stated: Sequence[str] | None, model: str = "") -> dict[str, Path]:
    """Configs of models by name: `NAME=config.json`; without a name that of `model`, else its own.

    Raises: InputError where a name stands twice.
    """
    found: dict[str, Path] = {}
    for text in stated or ():
        name, _, file = text.rpartition("=")
        path = Path(file)
        name = name or model or own_name(path)
        if name in found:
            raise InputError(Problem("--model-config", f"states {shortened(name)} twice"))
        found[name] = path
    return found


def names_of(option: str, text: str | None) -> tuple[str, ...] | None:
    """Ids separated by commas, each once; None stays None. Raises: InputError where none is."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if not names:
        raise InputError(Problem(option, "names nothing", "separate ids by commas"))
    return names


def precisions_of(text: str | None, option: str = "--precision") -> tuple[str, ...]:
    """Weight precisions separated by commas, by any of their words; empty = not stated.

    Raises: InputError for unknown ones.
    """
    if text is None:
        return ()
    names = dict.fromkeys(p.strip() for p in text.split(",") if p.strip())
    found = {name: formats.canonical(name) for name in names}
    problems = [formats.unknown_precision(option, name) for name in names if found[name] is None]
    if problems or not names:
        raise InputError(problems or [Problem(option, "names no precision")])
    return tuple(dict.fromkeys(name for name in found.values() if name))


def trace_reading(unit: str, words: Sequence[str]) -> Reading:
    """How --trace-unit and --map want a trace read. Raises: InputError for unknown words."""
    problems = []
    if unit and unit not in UNITS:
        problems.append(Problem("--trace-unit", f"must be s or ms, not {unit[:20]!r}"))
    try:
        names = columns_of(words, MAPPED)
        missing = [name for name in MAPPED if names and name not in names]
        if missing:
            problems.append(Problem("--map", f"names no column for {', '.join(missing)}"))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return Reading(unit, names)


def columns_of(words: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """Columns as people map them: `value=tok_s` says that the file calls a value `tok_s`; a YAML
    file holds several, `value: tok_s` a line.

    Raises: InputError for words without =, unknown names and names given twice.
    """
    found: dict[str, str] = {}
    problems = []
    for word in (pair for given in words for pair in _pairs(given)):
        name, equals, column = (part.strip() for part in word.partition("="))
        if not equals or not column:
            problems.append(Problem("--map", f"{word[:60]!r} is no NAME=COLUMN"))
        elif name not in known:
            problems.append(unknown_name("--map", "name", name, known))
        elif name in found:
            problems.append(Problem("--map", f"{name} is given twice"))
        found[name] = column
    if problems:
        raise InputError(problems)
    return found


def _pairs(word: str) -> list[str]:
    """A word as it is, or the NAME=COLUMN of each line of the file it names."""
    if "=" in word or Path(word).suffix not in (".yaml", ".yml"):
        return [word]
    data = yaml.parse(read_text(Path(word), most_bytes=yaml.MOST_BYTES), word).data
    if not isinstance(data, dict):
        raise InputError(Problem(word, "is no map of columns", "one a line, as value: tok_s"))
    return [f"{name}={'' if isinstance(column, dict | list) else column}"
            for name, column in data.items()]  # fmt: skip
