"""Today's fleet beside the plan: whether the stated demand explains it, what the plan saves, and
the moves from one to the other.

Savings are told only where gpumix's own sizing and pricing of today's fleet come near to what runs
and to what is billed: else what it says of a better fleet means nothing for this team.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpumix.cost.finance import discount_factor
from gpumix.domain.plan import Alternative
from gpumix.domain.today_plan import CLOSE, Difference, TodayPlan
from gpumix.domain.workload import Kind, Workload
from gpumix.plan.accounts import Line
from gpumix.plan.credits import left_after, with_credits
from gpumix.plan.fleet import Carried, as_it_runs, cut, grown
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer, cost_of_year, first_year_usd
from gpumix.plan.moves import moves_between
from gpumix.supply.supply import Supplies
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

NAME = "today's fleet"
"""The alternative of going on as today, with more of the same as the demand grows."""


@dataclass(frozen=True, slots=True)
class TodayFleet:
    """What runs today under the plan's demand; `years` is going on so, year by year (None: no
    number of these GPUs will do), `needed` what the first year's demand needs of it."""

    choice: Choice
    now: Carried
    needed: Carried | None
    years: tuple[Carried | None, ...]

    @property
    def usd(self) -> float | None:
        """Present cost of going on as today [USD]."""
        usd = [one.usd * worth for one, worth in self._dated() if one is not None]
        return math.fsum(usd) if len(usd) == len(self.years) else None

    @property
    def wait_usd(self) -> float:
        """What waiting for training jobs is worth at the start, beside that [USD]."""
        return math.fsum(
            one.answer.wait_usd * worth for one, worth in self._dated() if one is not None
        )

    def _dated(self) -> list[tuple[Carried | None, float]]:
        """Each year with what a dollar at its start is worth at the plan's."""
        rate = self.choice.rate_per_year
        return [(one, float(discount_factor(rate, float(i)))) for i, one in enumerate(self.years)]


def fleet_of(choice: Choice, supplies: Supplies) -> TodayFleet | None:
    """Today's fleet with the plan's ways of doing the work; None where it is not stated, or where
    nothing can be said of it."""
    if choice.inventory.today is None or all(w.from_month for w in choice.inventory.workloads):
        return None
    standing = tuple(
        replace(s, always_on=True) for s in supplies.of if s.site is not None and s.count
    )
    runs = replace(choice, supplies=(*supplies.today, *standing))
    now = as_it_runs(runs)
    if now is None:
        return None
    years = _year_by_year(runs)
    return TodayFleet(runs, now, cut(runs) or years[0], years)


def _year_by_year(runs: Choice) -> tuple[Carried | None, ...]:
    """Going on so, each year with the credits that those before it left."""
    found: list[Carried | None] = []
    for year in range(runs.inventory.years):
        one = grown(runs, year)
        found.append(one)
        if one is not None:
            left = left_after(one.answer.lines, one.answer.choice.inventory)
            runs = replace(runs, inventory=with_credits(runs.inventory, left))
    return tuple(found)


def alternative(fleet: TodayFleet, cheapest: Answer) -> Alternative:
    """Going on as today against the cheapest mix, the worth of waiting counted in what is above;
    what commitments that run already cost past the horizon is owed either way."""
    usd, broken = fleet.usd, [p.workload for p in fleet.now.promises if not p.kept]
    reason = f"does not carry {', '.join(broken)} today" if broken else ""
    if usd is None:
        reason = reason or "no number of its GPUs carries the demand to the end"
        return Alternative(NAME, "infeasible", None, None, None, reason)
    running = (line for line in cheapest.lines if line.supply.until_month is not None)
    usd += math.fsum(line.owed_usd for line in running)
    delta, least_usd = usd + fleet.wait_usd - cheapest.minimised_usd, cheapest.minimised_usd
    share = delta / least_usd if least_usd else None
    return Alternative(NAME, "feasible", usd, delta, share, "", breaks=_never_carried(fleet))


def _never_carried(fleet: TodayFleet) -> tuple[str, ...]:
    """Work that no number of these GPUs does in some year, with the reason."""
    broken = {
        promise.workload: f"{promise.workload}: {promise.reason}"
        for one in fleet.years
        if one is not None
        for promise in one.promises
        if not promise.kept
    }
    return tuple(broken.values())


def today_plan(fleet: TodayFleet, plan: Answer) -> TodayPlan:
    """What the plan says of today."""
    now, last = fleet.now, fleet.years[-1]
    differences = tuple(_differences(fleet))
    first_usd, end_usd = first_year_usd(plan), cost_of_year(plan.lines, -1, ("residual",))
    end_months = MONTHS_PER_YEAR - fleet.choice.inventory.short_months
    saves_end = None if last is None else (_cash_usd(last) - end_usd) / end_months
    stated = fleet.choice.inventory.today
    return TodayPlan(
        monthly_usd=_cash_usd(now) / MONTHS_PER_YEAR,
        promises=now.promises,
        saves_first_year_usd_per_month=None
        if differences
        else (_cash_usd(now) - first_usd) / MONTHS_PER_YEAR,
        saves_end_usd_per_month=None if differences else saves_end,
        moves=() if differences else moves_between(now.answer, plan),
        stated_usd_per_month=stated.monthly_usd if stated else None,
        rented_usd_per_month=_rent_usd(now),
        gpus=now.gpus,
        needed_gpus=fleet.needed.gpus if fleet.needed else None,
        end_usd_per_month=None if last is None else _cash_usd(last) / end_months,
        differences=differences,
    )


def _cash_usd(carried: Carried) -> float:
    """Cash of the year [USD]."""
    return math.fsum(carried.answer.cash_by_year)


def _rent_usd(carried: Carried) -> float:
    """What clouds bill a month for instances, before credits [USD]."""
    return math.fsum(_bill_usd(line) for line in carried.answer.lines)


def _bill_usd(line: Line) -> float:
    supply = line.supply
    return supply.usd_per_instance_hour * line.most * HOURS_PER_MONTH


# -- is it this team's fleet? ----------------------------------------------------------------


def _differences(fleet: TodayFleet) -> list[Difference]:
    """Figures that are further apart than `CLOSE`: GPUs needed and running, bills foretold and
    stated."""
    today, needed = fleet.choice.inventory.today, fleet.needed
    found: list[Difference] = []
    if needed is not None:
        found += _apart("GPUs", fleet.now.gpus, needed.gpus, _sizing_inputs(fleet))
    if today is not None and today.monthly_usd is not None:
        prices = _price_inputs(fleet)
        found += _apart("bill", today.monthly_usd, _rent_usd(fleet.now), prices)
        if needed is not None and not found:
            inputs = (*_sizing_inputs(fleet), *prices)
            found += _apart("bill", today.monthly_usd, _rent_usd(needed), inputs)
    return found


def _apart(what: str, stated: float, predicted: float, inputs: Sequence[str]) -> list[Difference]:
    difference = Difference(what, stated, predicted, tuple(inputs))
    return [difference] if abs(difference.share) > CLOSE else []


def _sizing_inputs(fleet: TodayFleet) -> list[str]:
    """Keys that decide how many GPUs the demand needs, of the workload that takes most first."""
    taken: dict[str, float] = {}
    for line in fleet.now.answer.lines:
        for use in line.uses:
            name = use.cell.workload.id
            taken[name] = taken.get(name, 0.0) + use.loaded_gpu_hours
    workloads = {w.id: w for w in fleet.choice.inventory.workloads}
    ranked = sorted(workloads, key=lambda name: -taken.get(name, 0.0))
    keys = [f"workloads.{name}.{_demand_key(workloads[name])}" for name in ranked[:2]]
    about = f"workloads.{ranked[0]}" if ranked else "workloads"
    return [*keys, f"{about}.engine", f"{about}.precision", "today.rented.count"]


def _demand_key(workload: Workload) -> str:
    """The key that states how much work there is."""
    if workload.run is not None:
        return "tokens"
    if workload.kind is Kind.MEDIA:
        return "videos_per_day" if workload.frames else "images_per_day"
    if workload.kind is Kind.CUSTOM:
        return "per_day" if workload.is_deferrable else "traffic"
    return "tokens_per_day" if workload.is_deferrable else "traffic"


def _price_inputs(fleet: TodayFleet) -> list[str]:
    """Keys that decide the bill: prices that are not stated first."""
    today = fleet.choice.inventory.today
    rows = today.rented if today else ()
    unknown = [i for i, rented in enumerate(rows) if rented.usd_per_gpu_hour is None]
    prices = [f"today.rented.{i}.usd_per_gpu_hour" for i in unknown]
    found = prices or ["today.rented.usd_per_gpu_hour"]
    return [*found, "supply.cloud.discounts", "today.rented.count", "today.monthly_usd"]
