"""The plan's work done by APIs: what that would cost, and from which demand GPUs win."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gpumix.cost.api import BreakEven, Level, Replicas, break_even
from gpumix.domain.api import ApiPrice
from gpumix.domain.api_plan import (
    NOT_OFFERED,
    ApiAlternative,
    ApiBreakEven,
    ApiOption,
    WorkloadApi,
)
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Alternative
from gpumix.domain.workload import Demand, Tier, Workload
from gpumix.options.option import Option
from gpumix.plan.accounts import usd_by_workload
from gpumix.plan.cycle import Cycle, peak_demand
from gpumix.plan.data import data_usd_per_unit
from gpumix.plan.formulate import (
    Choice,
    holds,
    rate_on,
    usd_per_busy_hour,
)
from gpumix.plan.interpret import Answer
from gpumix.plan.periods import WEEKS_PER_YEAR, first_month, units_in, work_per_week
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.allowed import may_run
from gpumix.supply.apis import Quote, quotes, usd_per_mtok
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_WEEK, MONTHS_PER_YEAR

UNKNOWN = "unknown"
_DAYS_PER_WEEK = 7.0
_WEEKS_PER_MONTH = WEEKS_PER_YEAR / MONTHS_PER_YEAR
_NEVER = {
    "rent": "no rental that keeps the promises costs less at any demand",
    "own": "no server that keeps the promises costs less at any demand",
}


def by_api(answer: Answer, prices: Sequence[ApiPrice], offered: Sequence[Supply]) -> ApiAlternative:
    """Every workload by API, beside its share of the plan's cost, and all of them together.

    `offered` is all that the plan was chosen from: a smaller demand may want what this one does
    not.
    """
    usd = usd_by_workload(answer.lines)
    choice = replace(answer.choice, supplies=tuple(offered))
    choice = replace(choice, supplies=worthwhile(choice))
    workloads = choice.inventory.workloads
    found = tuple(_workload(w, answer, choice, usd.get(w.id, 0.0), prices) for w in workloads)
    done = [w for w in found if w.same or w.substitutes]
    substituted = tuple(w.id for w in done if not w.same)
    left = tuple(w.id for w in found if not (w.same or w.substitutes))
    if not done:
        return ApiAlternative(None, None, None, None, (), (), left, found)
    total = math.fsum(_best(w).usd_horizon for w in done)
    own = math.fsum(usd.get(w.id, 0.0) for w in done)
    return ApiAlternative(
        usd_horizon=total,
        usd_per_month=total / answer.level_months,
        plan_usd_horizon=own,
        delta_share=total / own - 1.0 if own else None,
        covers=tuple(w.id for w in done),
        substituted=substituted,
        not_covered=left,
        workloads=found,
    )


def _best(found: WorkloadApi) -> ApiOption:
    return (*found.same, *found.substitutes)[0]


def all_by_api(found: ApiAlternative, cheapest: Answer) -> Alternative:
    """The same as one of the plan's alternatives, with the commitments that run already and are
    paid all the same; impossible where APIs cannot do everything."""
    name = "all by API"
    if found.substituted:
        name += f" ({', '.join(found.substituted)}: another model)"
    if found.usd_horizon is None or found.not_covered:
        reasons = {w.id: w.reason for w in found.workloads}
        why = "; ".join(f"{id}: {reasons[id]}" for id in found.not_covered)
        return Alternative("all by API", "infeasible", None, None, None, why)
    running = [line for line in cheapest.lines if line.supply.until_month is not None]
    usd = found.usd_horizon + math.fsum(line.usd for line in running)
    least_usd = cheapest.minimised_usd
    delta = usd - least_usd
    share = delta / least_usd if least_usd else None
    return Alternative(name, "feasible", usd, delta, share, "")


def _workload(
    workload: Workload,
    answer: Answer,
    choice: Choice,
    plan_usd: float,
    prices: Sequence[ApiPrice],
) -> WorkloadApi:
    offers, demand = quotes(workload, prices), workload.demand
    month = plan_usd / answer.level_months
    if demand is None or offers.best is None:
        return WorkloadApi(workload.id, None, month, (), (), offers.refused, (), offers.reason)
    rate = choice.rate_per_year
    periods = answer.formulation.cycle.periods
    units = math.fsum(units_in(workload, p) * p.worth(rate) for p in periods)

    def option(quote: Quote) -> ApiOption:
        usd = quote.usd_per_unit * units
        return ApiOption(
            provider=quote.price.provider,
            name=quote.price.name,
            kind=quote.price.kind,
            batch=quote.batch,
            usd_per_mtok_total=usd_per_mtok(quote, demand),
            usd_per_month=usd / answer.level_months,
            usd_horizon=usd,
            delta_share=usd / plan_usd - 1.0 if plan_usd else None,
            latency=UNKNOWN,
            as_of=quote.price.as_of,
            source=quote.price.source,
        )

    return WorkloadApi(
        id=workload.id,
        tokens_per_day=tokens_per_day(workload, demand),
        plan_usd_per_month=month,
        same=tuple(map(option, offers.same)),
        substitutes=tuple(map(option, offers.substitutes)),
        refused=offers.refused,
        break_evens=tuple(
            _break_even(way, workload, offers.best, choice, answer.formulation.cycle)
            for way in ("rent", "own")
        ),
        reason="",
    )


def tokens_per_day(workload: Workload, demand: Demand) -> float:
    """Tokens in and out of its first year's mean day."""
    tokens = demand.input.mean + demand.output.mean
    return work_per_week(workload, first_month(workload)) * tokens / _DAYS_PER_WEEK


# -- from which demand GPUs win --------------------------------------------------------------


def _break_even(
    way: str, workload: Workload, quote: Quote, choice: Choice, cycle: Cycle
) -> ApiBreakEven:
    """The option and supply that undercut the API at the least demand."""
    against = f"{quote.price.provider}, {quote.price.kind.value}"
    allowed = [s for s in choice.supplies if may_run(workload, s) and _way(s) == way]
    pairs = [
        (option, supply, rate)
        for supply in allowed
        for option in choice.options.get(workload.id, ())
        if option.gpu == supply.gpu and holds(supply, option, workload)
        if (rate := _rate(option, supply, workload, choice.spot_useful_share)) > 0.0
    ]
    week = work_per_week(workload, first_month(workload))
    found = [
        (even, option, supply)
        for option, supply, rate in pairs
        if (even := _even(workload, week, quote, option, supply, rate, cycle)) is not None
    ]
    if not found:
        reason = (_NEVER if pairs else NOT_OFFERED)[way]
        return ApiBreakEven(way, against, None, "", "", 0, None, reason)
    even, option, supply = min(found, key=lambda f: (f[0].scale, f[0].usd_per_week, f[2].id))
    demand = workload.demand
    return ApiBreakEven(
        way=way,
        against=against,
        tokens_per_day=even.scale * tokens_per_day(workload, demand) if demand else None,
        gpu=option.gpu,
        resource=supply.id,
        replicas=even.replicas,
        usd_per_month=even.usd_per_week * _WEEKS_PER_MONTH,
        reason="",
    )


def _way(supply: Supply) -> str:
    return "rent" if supply.purchase.is_cloud else "own"


def _rate(option: Option, supply: Supply, workload: Workload, share: Mapping[str, float]) -> float:
    """Units per hour of a replica; none on spot for work that is promised, which a share of spot
    alone may serve."""
    if supply.purchase is Purchase.SPOT and not workload.is_deferrable:
        return 0.0
    return rate_on(option, supply, workload, share)


def _even(
    workload: Workload,
    week: float,
    quote: Quote,
    option: Option,
    supply: Supply,
    rate: float,
    cycle: Cycle,
) -> BreakEven | None:
    per_instance = int(supply.gpus_per_instance / option.gpu_share + 1e-9)
    premium = workload.tier is Tier.PREMIUM and not workload.is_deferrable
    hourly = not supply.purchase.is_committed
    replicas = Replicas(
        rate,
        per_instance,
        supply.usd_per_gpu_hour * supply.gpus_per_instance,
        usd_per_busy_hour(option, supply)
        + rate * data_usd_per_unit(workload, supply, (first_month(workload),)),
        per_instance if premium else 0,
        supply.room,
    )
    even = break_even(_levels(workload, cycle, hourly=hourly), week, quote.usd_per_unit, replicas)
    if even is not None and hourly and workload.is_deferrable:  # counted in replica-hours
        return even._replace(replicas=math.ceil(even.replicas / len(workload.window)))
    return even


def _levels(workload: Workload, cycle: Cycle, *, hourly: bool) -> list[Level]:
    """Work that must be able to run at once, and the hours for which that is paid.

    Promised work by the hour: the peak of each block of the first year's week. Committed: the
    week's peak, or what waits spread over its window, for every hour. What waits, by the hour: the
    week's work in whole hours of a replica.
    """
    if workload.is_deferrable:
        week = work_per_week(workload, first_month(workload))
        if hourly:
            return [Level(week, 1.0)]
        return [Level(week / len(workload.window), HOURS_PER_WEEK)]
    blocks = [cycle.blocks[i] for i in cycle.first_week(workload)]
    levels = [Level(peak_demand(workload, block), float(len(block.hours))) for block in blocks]
    return levels if hourly else [Level(max(levels).units_per_hour, HOURS_PER_WEEK)]
