"""A plan made anew from what its fleet is on a later day, beside going on as planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gpumix.domain.plan_difference import PlanDifference
from gpumix.domain.timeline import Step
from gpumix.domain.today_plan import Move

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """What becomes of the plan that there is."""

    KEEP = "keep"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class SwitchingCost:
    """What going over to other machines costs once [USD], and how that was counted."""

    what: str
    usd: float
    how: str


@dataclass(frozen=True, slots=True)
class FleetCount:
    """GPUs of a kind that the plan has on the day beside those that were seen, and what that was
    taken to mean."""

    gpu: str
    planned: int
    seen: int
    note: str


@dataclass(frozen=True, slots=True)
class Replanned:
    """The answer of `gpumix replan`.

    From `start` to the end of the plan before, `months` later, going on as planned costs `keep_usd`
    (present cost, the worth of waiting for training jobs included; None where that is no longer a
    plan, with `keep_reason`), the best plan found `new_usd` and going over to it `switching`. With
    the verdict `keep` the plan that stands is signed again. `moves` lead from what stands to the
    first year of the plan, `steps` are all of it with their dates; `difference` is that of the two
    plans. `not_counted` is what going over may cost beside that.
    """

    name: str
    as_of: date
    start: date
    months: int
    verdict: Verdict
    keep_usd: float | None
    keep_reason: str
    new_usd: float
    switching: tuple[SwitchingCost, ...]
    simplicity: float
    moves: tuple[Move, ...]
    steps: tuple[Step, ...]
    counts: tuple[FleetCount, ...]
    difference: PlanDifference | None
    notes: tuple[str, ...]
    not_counted: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def switching_usd(self) -> float:
        """All that going over costs [USD]."""
        return sum(one.usd for one in self.switching)

    @property
    def saves_usd(self) -> float | None:
        """What the best plan found saves against going on, switching paid [USD]; below 0 where it
        is dearer, None where going on is no plan."""
        if self.keep_usd is None:
            return None
        return self.keep_usd - self.new_usd - self.switching_usd
