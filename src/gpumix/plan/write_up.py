"""A found mix, its replays and its alternatives as the one record that reports render."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from gpumix.domain.confidence import ConfidenceCost
from gpumix.domain.plan import WITHOUT_LOSS, Alternative, Plan
from gpumix.domain.scenarios import CurvePoint, Scenarios, TermTarget
from gpumix.plan import assumptions, interpret, regret
from gpumix.plan.api import all_by_api, by_api
from gpumix.plan.api_supply import api_warnings
from gpumix.plan.break_evens import break_evens
from gpumix.plan.burst import burst_rules
from gpumix.plan.classes import by_class
from gpumix.plan.confirmed import rests_on
from gpumix.plan.interpret import Answer
from gpumix.plan.money import money
from gpumix.plan.regret import Variant
from gpumix.plan.rules import decision_rules
from gpumix.plan.sharing import today_of_each
from gpumix.plan.slices import cuts
from gpumix.plan.timeline import late_orders, timeline
from gpumix.plan.today import TodayFleet, alternative, today_plan
from gpumix.plan.workloads import Results, workload_plans
from gpumix.predict.software import unknown_software
from gpumix.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Others:
    """What the plan is held against: variants, the cheapest mix found, the way from that to the
    plan, its cost at either end of every speed's interval [USD], prices to ask for, what runs
    today, and its cost in other scenarios and at other confidences.

    `cut_short_s` is the limit of time that ended all this early [s], if one did.
    """

    variants: Sequence[Variant]
    cheapest: Answer
    curve: tuple[CurvePoint, ...]
    ends_usd: tuple[float | None, float | None]
    targets: tuple[TermTarget, ...]
    fleet: TodayFleet | None = None
    cut_short_s: float | None = None
    scenarios: Scenarios | None = None
    confidence_costs: tuple[ConfidenceCost, ...] = ()


def write_up(
    results: Results,
    others: Others,
    unproven: Sequence[str],
    started: float,
) -> Plan:
    """The whole plan; `unproven` are workloads that no option serves in simulation, `started` the
    clock when planning began [s]."""
    answer, catalog, supplies = results.answer, results.catalog, results.supplies
    inventory, solution = answer.choice.inventory, interpret.proof_of(answer)
    sure = money(
        answer,
        others.variants,
        supplies.of,
        catalog.money_ranges,
        others.ends_usd,
        others.scenarios,
    )
    horizon = sure.options[0].present
    workloads = workload_plans(results)
    rules = decision_rules(answer, workloads)
    notes = [
        f"{w.id}: {note}"
        for w in inventory.workloads
        for note in unknown_software(w, catalog.coefficients)
    ]
    apis = by_api(answer, catalog.api_prices, supplies.of)
    alternatives = regret.alternatives(others.cheapest, others.variants)
    surviving_usd_per_month, surviving_share = _surviving(alternatives, answer.level_months)
    fx_per_usd, fx_as_of = catalog.exchange_rate(inventory.report_currency)
    return Plan(
        name=inventory.name,
        status=solution.status,
        as_of=inventory.as_of,
        start=inventory.start,
        years=inventory.years,
        timezone=inventory.timezone,
        report_currency=inventory.report_currency,
        fx_per_usd=fx_per_usd,
        fx_as_of=fx_as_of,
        mix=interpret.mix_lines(answer, catalog.ageing),
        monthly_usd=answer.usd / answer.level_months,
        cash_usd=math.fsum(answer.cash_by_year),
        cash_by_year_usd=answer.cash_by_year,
        cost_of_capital=answer.formulation.rate_per_year,
        ledger=interpret.ledger(answer),
        cash_years=interpret.cash_years(answer),
        room_use=interpret.room_use(answer),
        cash_by_year_local=interpret.cash_by_year_local(answer),
        rests_on=rests_on(answer),
        horizon_usd=answer.usd,
        horizon_low_usd=horizon.p10,
        horizon_high_usd=horizon.p90,
        capex_usd=answer.capex_usd,
        bound=min(solution.bound or 0.0, answer.minimised_usd),
        gap=solution.gap or 0.0,
        utilisation=interpret.utilisation(answer),
        idle_usd_per_month=interpret.idle_usd(answer) / answer.level_months,
        costs=interpret.cost_parts(answer),
        workloads=workloads,
        regret=(
            *alternatives,
            all_by_api(apis, others.cheapest),
            *([alternative(others.fleet, others.cheapest)] if others.fleet else []),
        ),
        break_evens=break_evens(results.shared, rules, supplies.of),
        hourly_gpus=interpret.hourly_gpus(answer),
        assumptions=assumptions.assumptions(answer, catalog, (*inventory.notes, *supplies.notes)),
        warnings=(
            *assumptions.warnings(answer, notes),
            *late_orders(answer),
            *interpret.cash_warnings(answer),
            *assumptions.replay_warnings(results.proof, unproven),
            *api_warnings(results.shared.lines),
        ),
        seconds=time.perf_counter() - started,
        data_as_of=catalog.data_as_of,
        inventory=inventory,
        targets=others.targets,
        cheapest_usd=others.cheapest.usd,
        curve=others.curve,
        api=apis,
        today=today_of_each(today_plan(others.fleet, answer), results.groups)
        if others.fleet
        else None,
        timeline=timeline(answer),
        first_year_monthly_usd=interpret.first_year_usd(answer) / MONTHS_PER_YEAR,
        owed_usd=answer.owed_usd,
        cut_short_s=others.cut_short_s,
        wait_usd=answer.wait_usd,
        by_class=by_class(answer.lines, answer.level_months),
        rules=rules,
        cuts=cuts(answer),
        burst=burst_rules(answer, catalog.defaults),
        scenarios=others.scenarios,
        surviving_usd_per_month=surviving_usd_per_month,
        surviving_share=surviving_share,
        confidence_costs=others.confidence_costs,
        money=sure,
    )


def _surviving(
    alternatives: Sequence[Alternative], months: float
) -> tuple[float | None, float | None]:
    """What surviving the loss of an instance costs: a month [USD] and as a share of the cheapest
    mix's cost; None where no work asks for it, or it is not known."""
    other = next((a for a in alternatives if a.name == WITHOUT_LOSS), None)
    if other is None or other.delta_usd is None or other.delta_share is None:
        return None, None
    return max(-other.delta_usd, 0.0) / months, max(-other.delta_share, 0.0)
