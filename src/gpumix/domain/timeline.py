"""What a plan does and when: the steps that somebody signs, in the order of their dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day  # noqa: N812 (a field is called so)
from enum import StrEnum


class Action(StrEnum):
    """What a step does, in the order in which steps of one day are told."""

    KEEP = "keep"
    SELL = "sell"
    END = "end"
    RELEASE = "release"
    BUY = "buy"
    RESERVE = "reserve"
    RENT = "rent"


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: `count` instances of a resource of the mix from a day on.

    `usd` is what the step costs in the plan, what is owed past the horizon included; energy at
    work, data and credits come on top. `cash_usd` moves on its day: the price of servers, what is
    paid up front, what a sale brings (below 0). `in_service` is the first day
    that it serves, where that is later than its date; `ends` the last day that is paid; None = to
    the plan's end, or open.
    """

    date: Day
    action: Action
    resource: str
    count: int
    usd: float
    cash_usd: float = 0.0
    in_service: Day | None = None
    ends: Day | None = None
