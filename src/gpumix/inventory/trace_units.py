"""Which unit a trace counts its times in, and how long the blocks behind its hashes are.

A second taken for a millisecond is a thousandfold load. So a column whose name does not say its
unit is read by what is plausible; what stays in doubt is asked for, and what was read is stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.errors import InputError, Problem
from gpumix.units import MS, SECONDS_PER_DAY, SECONDS_PER_HOUR
from gpumix.values import FloatArray

UNITS = {"s": 1.0, "ms": MS}
"""Units of time that a trace may count in [s]."""
WORDS = {"s": "seconds", "ms": "milliseconds"}

SLOWEST_PER_S, FASTEST_PER_S = 1e-3, 500.0
"""Mean requests/s of a trace that somebody records: public ones have 0.1 to 300."""
USUAL_PER_S = 0.05
"""Mean requests/s above which a trace with nothing else against it is taken as read."""
ABSURD_PER_S = 5_000.0
"""Mean requests/s at which even a unit that a format states is doubted."""

_EPOCHS = ((9e8, 1e11, 1.0), (9e11, 1e14, MS), (9e14, 1e17, 1e-6), (9e17, 1e20, 1e-9))
"""Clocks since 1970 count 1.7e9 s, 1.7e12 ms...: lowest, highest value, seconds of the unit."""

BLOCKS = (16, 32, 64, 128, 256, 512, 1024, 2048)
"""Tokens a block of a prefix cache may have; Qwen-Bailian 16, Mooncake 512."""
_BLOCK_AGREES = 0.9


@dataclass(frozen=True, slots=True)
class Clock:
    """A unit [s], the moment that counts as 0 (in the trace's own numbers), and why."""

    unit_s: float
    why: str
    zero: float = 0.0


def clock_of(
    times: FloatArray, column: str, place: str, *, published: str, certain: bool, asked: str
) -> Clock:
    """The unit of a column of times.

    Args:
        times: in the trace's own numbers; NaN where there is none.
        published: unit of the format it looks like, s or ms; '' = open.
        certain: whether the column's or the format's name states seconds.
        asked: the user's own word, s or ms, or ''.

    Raises: InputError where both units are plausible, or none is.
    """
    known = times[np.isfinite(times)]
    if asked:
        return Clock(UNITS[asked], "as you say")
    if len(known) < 2:
        return Clock(UNITS[published or "s"], "as its format is published")
    if not certain and (epoch := _epoch(known)):
        return epoch
    span = float(known.max() - known.min())
    if span == 0.0:
        return Clock(UNITS[published or "s"], "as its format is published")
    as_s = (len(known) - 1) / span
    if certain:
        if as_s <= ABSURD_PER_S:
            return Clock(UNITS["s"], "as its format is published")
        raise _doubt(column, place, as_s, span)
    unit, why = _choice(as_s, bool((known != np.floor(known)).any()), published)
    if not unit:
        raise _doubt(column, place, as_s, span)
    return Clock(UNITS[unit], why)


def _choice(as_s: float, fractions: bool, published: str) -> tuple[str, str]:
    """The unit and why it is that, or '' where it is in doubt; `as_s` are requests/s in seconds."""
    as_ms = as_s / MS
    seconds, milliseconds = (SLOWEST_PER_S <= rate <= FASTEST_PER_S for rate in (as_s, as_ms))
    other = f"milliseconds would be {as_ms:,.0f} requests/s"
    if seconds and not milliseconds:
        if published == "ms" and not fractions and as_ms <= ABSURD_PER_S:
            return "", ""
        return "s", f"{other}, fractions of a millisecond apart" if fractions else other
    if milliseconds and not seconds:
        wrong = fractions or published == "s"
        return ("", "") if wrong else ("ms", f"seconds would be {as_s:.2g} requests/s")
    if not seconds:
        return published, "as its format is published" if published else ""
    if published == "ms" and not fractions:
        return "ms", "as its format is published"
    if published == "s" and fractions:
        return "s", "as its format is published"
    if as_s >= USUAL_PER_S and (fractions or published == "s"):
        return "s", "times have fractions" if fractions else "as its format is published"
    return "", ""


def _doubt(column: str, place: str, as_s: float, span: float) -> InputError:
    rates = (
        f"{as_s:,.3g} requests/s over {length_of_time(span)} if in seconds, "
        f"{as_s / MS:,.3g} over {length_of_time(span * MS)} if in milliseconds"
    )
    return InputError(
        Problem(
            place,
            f"the unit of {column} is in doubt: {rates}",
            "say which: --trace-unit s or ms; in an inventory traffic.trace_unit",
        )
    )


def _epoch(times: FloatArray) -> Clock | None:
    """The clock of times since 1970, counted from the Monday 00:00 before the first."""
    first = float(times.min())
    for low, high, unit_s in _EPOCHS:
        if low <= first and float(times.max()) <= high:
            day = np.floor(first * unit_s / (SECONDS_PER_DAY))
            monday = day - (day + 3) % 7
            zero = monday * SECONDS_PER_DAY / unit_s
            return Clock(unit_s, "counted from 1970", float(zero))
    return None


def length_of_time(seconds: float) -> str:
    """A span in the unit that people would say it in.

    >>> length_of_time(0.06), length_of_time(90.0), length_of_time(7200.0)
    ('60 ms', '90 s', '2 h')
    """
    if seconds < 1.0:
        return f"{seconds / MS:.3g} ms"
    if seconds < 600.0:
        return f"{seconds:.3g} s"
    if seconds < 2 * SECONDS_PER_DAY:
        return f"{seconds / SECONDS_PER_HOUR:.3g} h"
    return f"{seconds / SECONDS_PER_DAY:.3g} days"


def block_tokens(lengths: FloatArray, blocks: Sequence[int]) -> int | None:
    """Prompt tokens behind one hash: the size at which counts of blocks and lengths agree.

    A last block may be counted or not. None where no size agrees for nine in ten prompts.

    >>> block_tokens(np.array([511.0, 1425.0, 420.0]), [32, 90, 27])
    16
    """
    counts = np.asarray(blocks, dtype=float)
    told = np.isfinite(lengths) & (counts > 0)
    if not told.any():
        return None
    agree = {
        size: float(
            np.mean(
                (counts[told] == np.ceil(lengths[told] / size))
                | (counts[told] == np.floor(lengths[told] / size))
            )
        )
        for size in BLOCKS
    }
    best = max(agree, key=lambda size: agree[size])
    return best if agree[best] >= _BLOCK_AGREES else None
