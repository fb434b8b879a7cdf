"""What an option still pays once what it starts with is committed: the marginal view of a case.

The view is of the whole case, so no option is ever full beside one that is marginal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gpumix.cost.case.lines import Written
from gpumix.cost.case.streams import Stream

_LEFT_OUT: Final = ("staff", "financing")
"""Categories that running on does not move: the people and the money that are there anyway."""


def still_paid(before: Sequence[Stream], lines: Sequence[Written]) -> Iterator[Stream]:
    """Streams of an option without staff, financing, and what is paid once at the start with its
    taxes, refunds and resale.

    Args:
        before: what the option pays besides its lines (electricity, staff).
        lines: its lines as they are counted.

    Source: ConfigIQ, HYBRID_SAVINGS_METHODOLOGY.md in its docs, "Full TCO and marginal cost".
    """
    yield from (stream for stream in before if stream.category not in _LEFT_OUT)
    for one in lines:
        if one.line.category not in _LEFT_OUT and not _is_committed(one):
            yield from one.streams


def _is_committed(written: Written) -> bool:
    """Whether a line is paid once, at the start."""
    if written.line.often != "once" or written.line.category == "credit":
        return False
    months = [float(month) for s in written.paid for month in s.months]
    return bool(months) and not any(months)
