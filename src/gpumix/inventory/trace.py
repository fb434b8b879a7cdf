"""A trace file of the user's own requests -> lengths, burstiness, shape of the week, peak rate.

CSV (plain or .gz) and JSON lines need nothing; Parquet needs pyarrow. Columns: `arrival_s` (or
`t_s`), `input_tokens`, `output_tokens`, or those of the public formats in `trace_formats`; time
counts from Monday 00:00 of the plan's timezone. `prefix_id` and `prefix_tokens` are optional.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpumix.domain.cells import numbers_in
from gpumix.domain.evidence import Basis
from gpumix.domain.quantities import shown
from gpumix.domain.traffic import Lengths, Profile, Requests
from gpumix.errors import InputError, Problem
from gpumix.files import read_numbered_columns
from gpumix.inventory.trace_formats import Reading, generic_columns, read_json_lines
from gpumix.reading import MOST_BYTES, MOST_CELLS, refuse_unplain
from gpumix.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

_PROBABILITIES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_SHOWN = 5
_COVERED = 0.98
_LONGEST_DAYS = 3_660
_LIMITS = {
    "arrival_s": (0.0, 1e11, "a time in seconds from 0 to 100,000,000,000"),
    "input_tokens": (1.0, 1e7, "a whole count from 1 to 10,000,000"),
    "output_tokens": (0.0, 1e7, "a whole count from 0 to 10,000,000"),
}
"""Column -> smallest and largest value, and what to write."""
_SHARED = {"prefix_id": np.array(-1.0), "prefix_tokens": np.array(0.0)}
"""Optional column -> what holds without it."""
_SHARED_LIMITS = {
    "prefix_id": (-1.0, 1e9, "an id from 0, or -1 for none"),
    "prefix_tokens": (0.0, 1e7, "a whole count from 0 to 10,000,000"),
}
AS_IT_LOOKS = Reading()
_PARQUET_FIX = "pip install 'gpumix[parquet]', or save it as CSV"


def read_trace(path: Path, reading: Reading = AS_IT_LOOKS) -> tuple[Profile, float]:
    """The demand profile of a trace (its busiest hour has factor 1), and that hour's requests/s.

    Raises: InputError naming the lines whose cells are missing, not numbers, negative, absurd, or
    earlier than the line before.
    """
    requests = read_requests(path, reading)
    arrival = requests.arrival_s
    inputs = requests.input_tokens.astype(np.float64)
    outputs = requests.output_tokens.astype(np.float64)
    shape, note = _hour_of_week(arrival)
    profile = Profile(
        id=path.name,
        input=_lengths(inputs),
        output=_lengths(outputs),
        arrival_cv=_gap_cv(arrival),
        length_correlation=rank_correlation(inputs, outputs),
        prefix_share=(
            float(requests.prefix_tokens.sum() / inputs.sum())
            if requests.prefix_id.max() >= 0
            else None
        ),
        hour_of_week=shape,
        shape_basis=Basis.MEASURED,
        source=requests.note or f"{path.name}: {len(arrival):,} requests",
        note=note,
    )
    return profile, _busiest_requests_per_s(arrival)


def read_requests(path: Path, reading: Reading = AS_IT_LOOKS) -> Requests:
    """The requests of a trace as they arrived; their note says in which unit times were read.

    Raises: InputError, as `read_trace`.
    """
    read, lines = _read(path, reading)
    columns, note = generic_columns(read, str(path), reading)
    missing = [name for name in _LIMITS if name not in columns]
    if missing:
        raise InputError(
            Problem(
                str(path),
                f"has no column {', '.join(missing)}; it has {shown(', '.join(read))}",
                "a trace has arrival_s, input_tokens, output_tokens",
            )
        )
    if len(lines) < 2:
        raise InputError(Problem(str(path), f"holds {len(lines)} requests", "at least 2"))
    problems: list[Problem] = []
    arrival, inputs, outputs = (
        _numbers(path, name, columns[name], lines, problems) for name in _LIMITS
    )
    shared = {
        name: _numbers(path, name, columns[name], lines, problems) if name in columns else none
        for name, none in _SHARED.items()
    }
    if problems:
        raise InputError(problems)
    _refuse_disorder(path, arrival, lines)
    if "prefix_tokens" in columns and "prefix_id" not in columns:
        shared["prefix_id"] = np.where(shared["prefix_tokens"] > 0, 0.0, -1.0)
    tokens = np.minimum(np.broadcast_to(shared["prefix_tokens"], len(lines)), inputs - 1.0)
    return Requests(
        arrival,
        inputs.astype(np.int32),
        outputs.astype(np.int32),
        _dense(np.broadcast_to(shared["prefix_id"], len(lines))),
        tokens.astype(np.int32),
        np.zeros(len(lines), dtype=np.int8),
        np.full(len(lines), -1, dtype=np.int64),
        note=f"{path.name}: {note}" if note else "",
    )


def _dense(ids: np.ndarray) -> np.ndarray:
    """Ids as counts from 0 in order of size, -1 kept."""
    _, dense = np.unique(ids, return_inverse=True)
    return (dense - np.count_nonzero(np.unique(ids) < 0)).clip(-1).astype(np.int32)


def _busiest_requests_per_s(arrival: np.ndarray) -> float:
    """Mean rate of the busiest hour: of the clock in a trace of a day or more, else of its own."""
    span_s = float(arrival[-1] - arrival[0])
    if span_s < SECONDS_PER_HOUR:
        return len(arrival) / max(span_s, 1.0)
    covers_a_day = span_s >= HOURS_PER_DAY * SECONDS_PER_HOUR * _COVERED
    hours = np.floor((arrival if covers_a_day else arrival - arrival[0]) / SECONDS_PER_HOUR)
    return float(np.bincount((hours - hours[0]).astype(int)).max()) / SECONDS_PER_HOUR


def _read(path: Path, reading: Reading) -> tuple[dict[str, list[str]], list[int]]:
    if path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return read_json_lines(path, reading)
    if path.suffix != ".parquet":
        return read_numbered_columns(path)
    refuse_unplain(path, "name a CSV or Parquet file")
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            Problem(str(path), "reading Parquet needs pyarrow", _PARQUET_FIX)
        ) from None
    try:
        _refuse_large(path, pq.read_metadata(path))
        table = pq.read_table(path)
        columns = {
            name: ["" if v is None else str(v) for v in table[name].to_pylist()]
            for name in table.column_names
        }
    except InputError:
        raise
    except Exception as error:
        raise InputError(Problem(str(path), f"cannot be read as Parquet: {error}")) from None
    return columns, list(range(1, table.num_rows + 1))


def _refuse_large(path: Path, metadata: Any) -> None:
    """Raise InputError for a file that unpacks to too many values, or to too many bytes."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    values = sum(g.column(i).num_values for g in groups for i in range(metadata.num_columns))
    if values > MOST_CELLS:
        raise InputError(Problem(str(path), f"holds more than {MOST_CELLS:,} cells"))
    if sum(group.total_byte_size for group in groups) > MOST_BYTES:
        raise InputError(Problem(str(path), f"unpacks to more than {MOST_BYTES // 2**20} MiB"))


def _numbers(
    path: Path, name: str, cells: Sequence[str], lines: Sequence[int], problems: list[Problem]
) -> np.ndarray:
    """The column as numbers; the first few cells that are none go to `problems`."""
    low, high, fix = (_LIMITS | _SHARED_LIMITS)[name]
    values = numbers_in(cells)
    fits = (values >= low) & (values <= high)
    if name != "arrival_s":
        fits &= values == np.floor(values)
    wrong = np.flatnonzero(~fits)
    for row in wrong[:_SHOWN]:
        what = f"is {shown(cells[row])}" if cells[row].strip() else "is missing"
        problems.append(Problem(f"{path} {_unit(path)} {lines[row]}", f"{name} {what}", fix))
    if len(wrong) > _SHOWN:
        problems.append(Problem(str(path), f"and {len(wrong) - _SHOWN} more wrong {name}"))
    return values


def _unit(path: Path) -> str:
    return "row" if path.suffix == ".parquet" else "line"


def _and_more(times: int) -> str:
    return f" and {times} times more" if times > 1 else " and once more" if times else ""


def _refuse_disorder(path: Path, arrival: np.ndarray, lines: Sequence[int]) -> None:
    early = np.flatnonzero(np.diff(arrival) < 0)
    if len(early):
        raise InputError(
            Problem(
                f"{path} {_unit(path)} {lines[early[0] + 1]}",
                f"arrival_s falls (here{_and_more(len(early) - 1)})",
                "sort the trace by arrival",
            )
        )
    days = float(arrival[-1] - arrival[0]) / SECONDS_PER_HOUR / HOURS_PER_DAY
    if days > _LONGEST_DAYS:
        raise InputError(
            Problem(
                str(path),
                f"spans {days:,.0f} days, more than {_LONGEST_DAYS:,}",
                "arrival_s counts seconds",
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


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation; 0 where one side never changes.

    >>> round(rank_correlation(np.array([1.0, 2.0, 9.0]), np.array([5.0, 5.0, 6.0])), 3)
    0.866
    """
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, equal values at the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    return np.asarray((below + 0.5 * (count - 1))[place])


def _hour_of_week(arrival: np.ndarray) -> tuple[tuple[float, ...], str]:
    """Factors by hour of week: of the week if the trace covers one, of the day, or flat."""
    hours = (arrival / SECONDS_PER_HOUR).astype(int)
    span_h = (arrival[-1] - arrival[0]) / SECONDS_PER_HOUR
    for period, note in (
        (int(HOURS_PER_WEEK), ""),
        (int(HOURS_PER_DAY), "shorter than a week: every day is treated the same"),
    ):
        if span_h >= period * _COVERED:
            counts = np.bincount(hours % period, minlength=period).astype(float)
            covered = np.bincount(np.arange(hours[0], hours[-1] + 1) % period, minlength=period)
            mean = counts / np.maximum(covered, 1)
            factors = np.tile(mean / mean.max(), int(HOURS_PER_WEEK) // period)
            return tuple(float(f) for f in factors), note
    return (1.0,) * int(HOURS_PER_WEEK), "shorter than a day: every hour is treated the same"
