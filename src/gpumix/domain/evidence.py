"""Where a number comes from and how wrong it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Basis(StrEnum):
    """The four kinds of evidence, strongest first."""

    MEASURED = "measured"
    CALIBRATED = "calibrated"
    MODELLED = "modelled"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A predicted figure with its 80 % interval, in the unit that the field's name states."""

    value: float
    low: float
    high: float
    basis: Basis = Basis.MODELLED
    source: str = ""

    def later(self, seconds: float) -> Estimate:
        """The same estimate of a time, so much later [s]."""
        low, value, high = (end + seconds for end in (self.low, self.value, self.high))
        return Estimate(value, low, high, self.basis, self.source)

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit (`factor` > 0)."""
        return Estimate(
            self.value * factor, self.low * factor, self.high * factor, self.basis, self.source
        )


@dataclass(frozen=True, slots=True)
class Assumption:
    """One figure or rule the plan rests on, as the report's audit table lists it.

    `owner` answers for it in the team, `confirmed_on` is the day on which it was confirmed, `note`
    says how; empty and None where the inventory's `assumptions` do not say.
    """

    subject: str
    value: str
    basis: Basis
    source: str
    as_of: date | None = None
    owner: str = ""
    confirmed_on: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Who in the team answers for an assumption, and since when it is confirmed (None: not yet).

    `subject` is that of the assumption, or of several with `*` for what differs.
    """

    subject: str
    owner: str
    confirmed_on: date | None = None
    note: str = ""

    def names(self, subject: str) -> bool:
        """Whether an assumption of this subject is meant.

        >>> Confirmation("dhaka: *", "Ana").names("dhaka: electricity")
        True
        """
        parts = map(re.escape, self.subject.split("*"))
        return re.fullmatch(".*".join(parts), subject) is not None


@dataclass(frozen=True, slots=True)
class RestsOn:
    """A present cost by what its prices rest on; the three add up to it [USD].

    `known_usd` are amounts whose price is not assumed, `confirmed_usd` those of which every assumed
    figure is confirmed, `unconfirmed_usd` all others. What is received counts below 0.
    """

    known_usd: float
    confirmed_usd: float
    unconfirmed_usd: float


@dataclass(frozen=True, slots=True)
class NearestMeasurement:
    """The packaged measured row nearest to a prediction, and how wrong the engine is there.

    `measured` and `predicted` are of the row itself, in the unit of `metric`; `error` is predicted
    over measured - 1. `fitted` says that the constants were fitted to it too: its error is then no
    proof. `distance` is 0 for the same work on the same deployment, `closeness` what that is worth
    (close, related, distant); `differs` says what it is made of, the row over what was asked.
    """

    id: str
    source: str
    as_of: str
    deployment: str
    load: str
    metric: str
    measured: float
    predicted: float | None
    error: float | None
    fitted: bool
    distance: float
    closeness: str
    differs: str


@dataclass(frozen=True, slots=True)
class StepPart:
    """A part of one step: its time, its share of the step (0-1), the dotted path of its formula."""

    name: str
    seconds: float
    share: float
    formula: str


@dataclass(frozen=True, slots=True)
class Speed:
    """Why a replica is as fast as it is: the prediction of `quantity`, a field's name.

    `formula` is a dotted path; `limit` is what binds; `parts` add up to a step of `step_s`, largest
    first. None and empty where the work has no steps told apart; what a team measured has neither
    formula nor limit.
    """

    quantity: str
    predicted: Estimate
    formula: str
    limit: str
    step_s: float | None
    parts: tuple[StepPart, ...]
