"""A trace file of the user's own requests -> lengths, burstiness and shape of the week.

CSV (plain or .gz) needs nothing; Parquet needs pyarrow. Columns: `arrival_s` (or `t_s`),
`input_tokens`, `output_tokens`; time counts from Monday 00:00 of the plan's timezone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gpumix.domain.evidence import Basis
from gpumix.domain.traffic import Lengths, Profile
from gpumix.errors import InputError, Problem
from gpumix.files import read_columns
from gpumix.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

_PROBABILITIES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_SHOWN = 5
_PARQUET_FIX = "pip install 'gpumix[parquet]', or save it as CSV"


def read_trace(path: Path) -> Profile:
    """The demand profile of a trace; its busiest hour has factor 1.

    Raises: InputError naming the lines whose cells are missing, not numbers, negative, or
    earlier than the line before.
    """
    columns = _parquet_columns(path) if path.suffix == ".parquet" else dict(read_columns(path))
    if "t_s" in columns and "arrival_s" not in columns:
        columns["arrival_s"] = columns["t_s"]
    missing = [n for n in ("arrival_s", "input_tokens", "output_tokens") if n not in columns]
    if missing:
        raise InputError(
            Problem(
                str(path),
                f"has no column {', '.join(missing)}",
                "a trace has arrival_s, input_tokens, output_tokens",
            )
        )
    arrival, inputs, outputs = (
        _numbers(path, name, columns[name])
        for name in ("arrival_s", "input_tokens", "output_tokens")
    )
    if len(arrival) < 2:
        raise InputError(Problem(str(path), f"holds {len(arrival)} requests", "at least 2"))
    _refuse_disorder(path, arrival)
    shape, note = _hour_of_week(arrival)
    return Profile(
        id=path.name,
        input=_lengths(inputs),
        output=_lengths(outputs),
        arrival_cv=_gap_cv(arrival),
        length_correlation=_correlation(inputs, outputs),
        prefix_share=0.0,
        hour_of_week=shape,
        shape_basis=Basis.MEASURED,
        source=f"{path.name}: {len(arrival):,} requests",
        note=note,
    )


def requests_per_s_of_busiest_hour(path: Path) -> float:
    """Mean rate of the busiest clock hour of a trace that was read before [requests/s]."""
    columns = _parquet_columns(path) if path.suffix == ".parquet" else dict(read_columns(path))
    arrival = _numbers(path, "arrival_s", columns.get("arrival_s", columns.get("t_s", [])))
    span_s = float(arrival[-1] - arrival[0])
    if span_s < SECONDS_PER_HOUR:
        return len(arrival) / max(span_s, 1.0)
    counts = np.bincount(((arrival - arrival[0]) // SECONDS_PER_HOUR).astype(int))
    return float(counts.max()) / SECONDS_PER_HOUR


def _parquet_columns(path: Path) -> dict[str, list[str]]:
    if not path.exists():
        raise InputError(Problem(str(path), "no such file"))
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            Problem(str(path), "reading Parquet needs pyarrow", _PARQUET_FIX)
        ) from None
    try:
        table = pq.read_table(path)
    except Exception as error:
        raise InputError(Problem(str(path), f"cannot be read as Parquet: {error}")) from None
    return {name: [str(v) for v in table[name].to_pylist()] for name in table.column_names}


def _numbers(path: Path, name: str, cells: Sequence[str]) -> np.ndarray:
    values = np.empty(len(cells))
    problems: list[Problem] = []
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell)
        except ValueError:
            values[row] = math.nan
        low = -math.inf if name == "arrival_s" else (1.0 if name == "input_tokens" else 0.0)
        if not math.isfinite(values[row]) or values[row] < low:
            what = "is missing" if not cell.strip() else f"is {cell!r}"
            fix = "a time in seconds" if name == "arrival_s" else f"a count of at least {low:g}"
            problems.append(Problem(f"{path} line {row + 2}", f"{name} {what}", fix))
    if problems:
        hidden = len(problems) - _SHOWN
        more = [Problem(str(path), f"and {hidden} more lines like these")] if hidden > 0 else []
        raise InputError(problems[:_SHOWN] + more)
    return values


def _refuse_disorder(path: Path, arrival: np.ndarray) -> None:
    early = np.flatnonzero(np.diff(arrival) < 0)
    if len(early):
        line = int(early[0]) + 3
        raise InputError(
            Problem(
                f"{path} line {line}",
                f"arrival_s falls ({len(early)} such lines)",
                "sort the trace by arrival",
            )
        )


def _lengths(tokens: np.ndarray) -> Lengths:
    mean = float(tokens.mean())
    points = np.quantile(tokens, _PROBABILITIES)
    return Lengths(
        mean=mean,
        cv=float(tokens.std()) / mean if mean else 0.0,
        quantiles=tuple(zip(_PROBABILITIES, (float(v) for v in points), strict=True)),
    )


def _gap_cv(arrival: np.ndarray) -> float:
    gaps = np.diff(arrival)
    mean = float(gaps.mean())
    return float(gaps.std()) / mean if mean > 0 else 1.0


def _correlation(inputs: np.ndarray, outputs: np.ndarray) -> float:
    if inputs.std() == 0 or outputs.std() == 0:
        return 0.0
    return float(np.corrcoef(inputs, outputs)[0, 1])


def _hour_of_week(arrival: np.ndarray) -> tuple[tuple[float, ...], str]:
    """Factors by hour of week: of the week if the trace covers one, of the day, or flat."""
    hours = (arrival / SECONDS_PER_HOUR).astype(int)
    span_h = (arrival[-1] - arrival[0]) / SECONDS_PER_HOUR
    for period, note in (
        (int(HOURS_PER_WEEK), ""),
        (int(HOURS_PER_DAY), "shorter than a week: every day is taken alike"),
    ):
        if span_h >= period * 0.98:
            counts = np.bincount(hours % period, minlength=period).astype(float)
            covered = np.bincount(np.arange(hours[0], hours[-1] + 1) % period, minlength=period)
            mean = counts / np.maximum(covered, 1)
            factors = np.tile(mean / mean.max(), int(HOURS_PER_WEEK) // period)
            return tuple(float(f) for f in factors), note
    return (1.0,) * int(HOURS_PER_WEEK), "shorter than a day: every hour is taken alike"
