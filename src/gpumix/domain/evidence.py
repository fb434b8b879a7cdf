"""Where a number comes from and how wrong it may be."""

from __future__ import annotations

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
    """One figure or rule the plan rests on, as the report's audit table lists it."""

    subject: str
    value: str
    basis: Basis
    source: str
    as_of: date | None = None


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
