"""What the money room asks of a plan: entries of it and of its alternatives, and what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gpumix.domain.defaults import BOOK_YEARS, MONEY_DRAWS, MONEY_SEED
from gpumix.domain.money import PlanMoney
from gpumix.domain.money_ranges import Acts, MoneyRange
from gpumix.domain.offer import Purchase
from gpumix.domain.scenarios import Scenarios
from gpumix.money.held import SIGNED, ByTheHour, Held, Option
from gpumix.money.inputs import Whole
from gpumix.money.money import PLAN, Decision, plan_money
from gpumix.plan.accounts import Line
from gpumix.plan.break_evens import replaces
from gpumix.plan.interpret import Answer, answer_of, entries_of
from gpumix.plan.regret import Variant
from gpumix.supply.supply import Supply
from gpumix.values import more_by

_DUST = 1e-9
"""Share by which sums of the same cost may differ."""


def money(
    answer: Answer,
    variants: Sequence[Variant],
    supplies: Sequence[Supply],
    ranges: tuple[MoneyRange, ...],
    ends_usd: tuple[float | None, float | None],
    scenarios: Scenarios | None,
) -> PlanMoney:
    """How sure the plan's cost is, what would flip it and what it saves; `ends_usd` is its cost
    at the fast and the slow end of every speed's interval [USD]."""
    others = list(_others(answer, variants))
    lines = [line for _, other in others for line in other.lines]
    held = {line.supply.id: _of_rental(line) for line in lines}
    held |= {line.supply.id: _held(line, supplies) for line in answer.lines}
    options = [
        Option(variant.restriction.name, entries_of(other), variant.restriction.breaks)
        for variant, other in others
    ]
    decision = Decision(
        (Option(PLAN, entries_of(answer)), *options),
        held,
        ranges,
        _whole(answer.usd, ends_usd, scenarios),
        round(answer.months),
        answer.formulation.rate_per_year,
    )
    return plan_money(decision, MONEY_DRAWS, MONEY_SEED, BOOK_YEARS)


def _others(answer: Answer, variants: Sequence[Variant]) -> Iterator[tuple[Variant, Answer]]:
    """What was found under each restriction that the plan does not keep itself.

    One that keeps every promise for less is what the plan was made simpler from (its `curve`), not
    what it was chosen over.
    """
    for variant in variants:
        found = variant.found
        if found is None or found.solution.cost is None:
            continue
        other = answer_of(found)
        if other.usd < more_by(answer.usd, -_DUST) and not variant.restriction.breaks:
            continue
        if not variant.restriction.is_kept_by(answer.lines):
            yield variant, other


def _of_rental(line: Line) -> Held:
    """How a line is paid for, and by how much an assumed price may be off."""
    supply, offer = line.supply, line.supply.offer
    price = offer.usd_per_instance_hour if offer else 0.0
    low = offer.low_usd_per_instance_hour if offer else 0.0
    high = offer.high_usd_per_instance_hour if offer else 0.0
    return Held(
        resource=supply.id,
        gpu=supply.gpu,
        gpus_per_instance=supply.gpus_per_instance,
        purchase=supply.purchase.value if supply.until_month is None else SIGNED,
        provider=supply.provider,
        low=low / price if price and low else None,
        high=high / price if price and high else None,
    )


def _held(line: Line, supplies: Sequence[Supply]) -> Held:
    """The same with what stands and what could be rented in its place, where it is committed."""
    one, supply = _of_rental(line), line.supply
    if not supply.purchase.is_committed:
        return one
    gpus = [0.0] * line.months
    for cohort, count in line.cohorts:
        for month in range(cohort.start, cohort.until):
            gpus[month] += count * supply.gpus_per_instance
    rivals = tuple(
        ByTheHour(other.id, other.provider, other.usd_per_gpu_hour, replaces(other, line))
        for other in supplies
        if other.gpu == supply.gpu and other.purchase is Purchase.ON_DEMAND
    )
    hardware = supply.hardware if supply.purchase is Purchase.OWNED else None
    return replace(
        one,
        gpus_by_month=tuple(gpus),
        busy=line.utilisation,
        rivals=rivals,
        sells_for_usd=hardware.resale_usd(0.0) * supply.count if hardware else None,
    )


def _whole(
    usd: float, ends_usd: tuple[float | None, float | None], scenarios: Scenarios | None
) -> Mapping[Acts, Whole]:
    """What speed and growth do to the plan's cost, as factors of it: growth that its commitments do
    not carry costs at least what the best plan for it does."""
    found: dict[Acts, Whole] = {}
    fast_usd, slow_usd = ends_usd
    if usd > 0.0 and fast_usd and slow_usd:
        ends = tuple(sorted((fast_usd / usd, 1.0, slow_usd / usd)))
        found[Acts.SPEED] = Whole(ends, ends)
    grown = {
        s.growth_factor: s.plan_usd or s.best_usd
        for s in (scenarios.of if scenarios else ())
        if not s.price_change_per_year
    }
    known = {value: cost for value, cost in sorted(grown.items()) if cost}
    if len(known) > 1 and 1.0 in known:
        factors = tuple(cost / known[1.0] for cost in known.values())
        found[Acts.GROWTH] = Whole(tuple(known), factors)
    return found
