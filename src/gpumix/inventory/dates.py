"""Dates of an inventory as months after the plan's start."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gpumix.errors import Hint
from gpumix.inventory.yaml import KeyPath
from gpumix.units import MONTHS_PER_YEAR

Say = Callable[[KeyPath, str, str | Hint], None]
"""Notes a problem at a key, with its fix."""


@dataclass(frozen=True, slots=True)
class Span:
    """The horizon that dates are counted in."""

    start: date
    years: int

    @property
    def months(self) -> int:
        """Its length [months]."""
        return self.years * int(MONTHS_PER_YEAR)

    @property
    def last_day(self) -> date:
        """The day before its end."""
        year = self.start.year + self.years
        days = calendar.monthrange(year, self.start.month)[1]
        return date(year, self.start.month, min(self.start.day, days)) - timedelta(days=1)

    def before(self, day: date) -> int:
        """Whole months that have passed when a day begins: what starts on it starts then."""
        months = (day.year - self.start.year) * int(MONTHS_PER_YEAR) + day.month - self.start.month
        return months - (day.day < self.start.day)

    def through(self, last_day: date) -> int:
        """Months that have begun when a day ends: what stops on it holds so many."""
        return self.before(last_day) + 1


def phases_of(span: Span, stated: Sequence[date] | None, say: Say) -> tuple[int, ...] | None:
    """Months of the plan in which it may buy, reserve or sell, as stated; None where it is not."""
    if stated is None:
        return None
    path: KeyPath = ("supply", "phases")
    first = span.start.year * int(MONTHS_PER_YEAR) + span.start.month
    months = [day.year * int(MONTHS_PER_YEAR) + day.month - first for day in stated]
    last = span.last_day
    for i, (month, day) in enumerate(zip(months, stated, strict=True)):
        if not 0 <= month < span.months:
            say(
                (*path, i),
                f"{day:%Y-%m} is outside the plan, {span.start:%Y-%m} to {last:%Y-%m}",
                "write a month of the plan, or leave it out",
            )
        elif month in months[:i]:
            say((*path, i), f"names {day:%Y-%m} a second time", "keep one of them")
        elif i and month < months[i - 1]:
            say((*path, i), f"{day:%Y-%m} comes before the month above it", "sort the months")
    return tuple(months)


def active_months(
    span: Span, path: KeyPath, starts: date | None, ends: date | None, say: Say
) -> tuple[int, int | None]:
    """From which month on, and before which, something runs; None = to the end of the horizon."""
    if starts is not None and starts < span.start:
        say(
            (*path, "from"),
            f"is before the plan's start, {span.start}",
            "leave it out: what runs already runs from the start",
        )
    elif starts is not None and starts > span.last_day:
        say(
            (*path, "from"),
            f"is after the plan's end, {span.last_day}",
            "plan more years (horizon.years), or leave the workload out",
        )
    if ends is not None and ends > span.last_day:
        say(
            (*path, "until"),
            f"is after the plan's end, {span.last_day}",
            "leave it out: what has no end runs to the plan's",
        )
    elif ends is not None and ends < span.start:
        say((*path, "until"), f"is before the plan's start, {span.start}", "leave the workload out")
    elif ends is not None and starts is not None and ends < starts:
        say((*path, "until"), f"is before its start, {starts}", "swap from and until")
    begins = span.before(starts) if starts is not None and starts > span.start else 0
    until = span.months if ends is None else span.through(ends)
    return begins, until if until < span.months else None
