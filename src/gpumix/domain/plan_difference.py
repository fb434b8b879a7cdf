"""Two plans side by side: what differs in dollars, mix and promises, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two plans."""

    name: str
    start: date
    months: int
    as_of: date
    version: str
    data_as_of: date | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of both plans; None where one does not have it."""

    name: str
    before: float | None
    after: float | None

    @property
    def delta(self) -> float | None:
        """The second less the first."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def share(self) -> float | None:
        """The change as a share of the first; None where that is 0 or unknown."""
        return self.delta / abs(self.before) if self.delta is not None and self.before else None


@dataclass(frozen=True, slots=True)
class CashChange:
    """Cash of a year of the horizon, named by the year of the calendar in which it begins [USD]."""

    year: int
    before_usd: float | None
    after_usd: float | None


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the mix whose count differs; a count of 0 where a plan does not have it."""

    resource: str
    gpu: str
    gpus_per_instance: int
    before_count: int
    after_count: int
    before_usd_per_month: float
    after_usd_per_month: float


@dataclass(frozen=True, slots=True)
class PromiseChange:
    """A promise in both plans: whether it is kept, and by what margin, as a share of its limit.

    None where a plan does not make it.
    """

    workload: str
    name: str
    before_kept: bool | None
    after_kept: bool | None
    before_margin: float | None
    after_margin: float | None


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A price that both plans rest on, and that differs [USD per GPU-hour]."""

    resource: str
    before_usd_per_gpu_hour: float
    after_usd_per_gpu_hour: float


@dataclass(frozen=True, slots=True)
class InputChange:
    """An input that differs: `kind` is demand, workloads, limits, supply, prices, data, program or
    horizon; `what` its place in the inventory. Values are as people read them; empty = absent."""

    kind: str
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """All that differs between two plans; `inputs` say why."""

    before: Side
    after: Side
    figures: tuple[Figure, ...]
    cash_by_year: tuple[CashChange, ...]
    mix: tuple[LineChange, ...]
    promises: tuple[PromiseChange, ...]
    workloads_added: tuple[str, ...]
    workloads_removed: tuple[str, ...]
    prices: tuple[PriceChange, ...]
    inputs: tuple[InputChange, ...]
    schema_version: int = SCHEMA_VERSION

    def figure(self, name: str) -> Figure | None:
        """The figure of this name; None where there is none."""
        return next((one for one in self.figures if one.name == name), None)

    @property
    def broken(self) -> tuple[PromiseChange, ...]:
        """Promises that the second plan breaks."""
        return tuple(one for one in self.promises if one.after_kept is False)

    @property
    def is_same(self) -> bool:
        """Whether neither mix, dollars nor promises differ."""
        same_money = all(not one.delta for one in self.figures if one.name == "horizon_usd")
        kept = all(one.before_kept == one.after_kept for one in self.promises)
        return (
            same_money and kept and not (self.mix or self.workloads_added or self.workloads_removed)
        )
