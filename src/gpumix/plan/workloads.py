"""Each workload's part of a plan: where it runs, what it costs, why, and what would save."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gpumix.cost.unit_cost import split_by_time, usd_per_million, usd_per_unit
from gpumix.domain.class_plan import ClassPlan
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Placement, SloCheck, WorkloadPlan
from gpumix.domain.proof import Replay
from gpumix.domain.workload import Kind, Workload
from gpumix.options.classes import class_plans
from gpumix.options.levers import Asker, Change, Priced, levers
from gpumix.options.option import Option
from gpumix.options.reasons import Reason, Way, reasons_by_way, way_of
from gpumix.options.room import room_of
from gpumix.options.sharing import Groups, members_of, shared_with, summed
from gpumix.options.watts import per_watt
from gpumix.options.workloads import whole_options
from gpumix.plan.accounts import Line, Use, usd_by_workload
from gpumix.plan.availability import availability
from gpumix.plan.candidates import candidates_of, cheapest_way, ways_of_gpus, why
from gpumix.plan.formulate import Cell, Choice, rate_on
from gpumix.plan.interpret import Answer
from gpumix.plan.job_ways import job_plan
from gpumix.plan.periods import units_by_year
from gpumix.plan.replay_queue import running
from gpumix.plan.running import planned_hours
from gpumix.serving.pools import pool_rate
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supplies
from gpumix.units import HOURS_PER_WEEK, MS, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

COST_UNIT = {
    Kind.CHAT: "USD per million total tokens",
    Kind.BATCH: "USD per million total tokens",
    Kind.EMBEDDING: "USD per million total tokens",
    Kind.FINETUNE: "USD per run",
    Kind.PRETRAIN: "USD per run",
    Kind.MEDIA: "USD per sample",
}


def cost_unit(workload: Workload) -> str:
    """What a workload's cost is counted in, in words."""
    return COST_UNIT.get(workload.kind, f"USD per {workload.unit}")


@dataclass(frozen=True, slots=True)
class Results:
    """What a plan is written from: the mix found, what it was found among, and its replays.

    `tried` holds all options of every workload, refused ones included; `groups` are those that
    share replicas, told apart in `answer`, and not in `shared`. `premium_usd` is what premium
    classes of requests add to the cost, of a whole group [USD over the horizon].
    """

    answer: Answer
    catalog: Catalog
    supplies: Supplies
    tried: Mapping[str, Sequence[Option]]
    proof: Mapping[str, Replay]
    groups: Groups
    shared: Answer
    premium_usd: Mapping[str, float]


def workload_plans(results: Results) -> tuple[WorkloadPlan, ...]:
    """Every workload's part of the plan, in the inventory's order."""
    usd, asker = usd_by_workload(results.answer.lines), _asker(results)
    return tuple(
        _workload_plan(results, workload, usd.get(workload.id, 0.0), asker)
        for workload in results.answer.choice.inventory.workloads
    )


def _workload_plan(results: Results, workload: Workload, usd: float, asker: Asker) -> WorkloadPlan:
    answer, tried = results.answer, results.tried[workload.id]
    choice, of = answer.choice, results.supplies.of
    whole = summed(members_of(workload, results.groups))
    uses = [(x, u) for x in answer.lines for u in x.uses if u.cell.workload.id == workload.id]
    units = units_by_year(workload, choice.inventory.months)
    ways = ways_of_gpus(choice, workload, tried, of)
    shown = [u.cell.option for _, u in uses] + [way.best.option for way in ways if way.best]
    behind = reasons_by_way(workload, tried, shown, results.catalog)
    placements = _placements(answer, uses, behind, shared_with(workload, results.groups))
    watts = partial(per_watt, workload, catalog=results.catalog)
    candidates = candidates_of(ways, behind, {u.cell.option.gpu for _, u in uses}, watts)
    return WorkloadPlan(
        id=workload.id,
        kind=workload.kind.value,
        model=workload.model,
        tier=workload.tier.value,
        unit=workload.unit,
        units_per_year=units,
        usd_per_month=usd / answer.level_months,
        slo=_checked(workload, _tightest(uses), results.proof.get(workload.id)),
        placements=placements,
        candidates=candidates,
        cost_unit=cost_unit(workload),
        levers=levers(
            whole,
            asker,
            min((c.unit_cost_usd for c in candidates if c.unit_cost_usd), default=None),
        ),
        why=why(candidates, cost_unit(workload)),
        demand_per_hour=whole.demand.units_per_hour if whole.demand else (),
        capacity_per_hour=_capacity_per_hour(answer, workload, uses),
        replay=results.proof.get(workload.id),
        demand_from=workload.demand.demand_from if workload.demand else None,
        planned_hours=planned_hours(results.shared, whole),
        availability=availability(workload, uses),
        promised_availability=workload.availability,
        classes=_classes(results, workload, whole, uses, usd),
        job=job_plan(placements, workload, tried, of, results.catalog) if workload.run else None,
        **_unit_costs(workload, answer.level(usd), sum(units), uses),
    )


def _classes(
    results: Results,
    workload: Workload,
    whole: Workload,
    uses: Sequence[tuple[Line, Use]],
    usd: float,
) -> tuple[ClassPlan, ...]:
    """Its classes of requests; what premium adds is spread over all that share the replicas."""
    if workload.demand is None or not workload.demand.classes:
        return ()
    answer, extra_usd = results.answer, results.premium_usd.get(workload.id)
    months = answer.choice.inventory.months
    units = math.fsum(units_by_year(whole, months))
    return class_plans(
        workload.demand,
        [(use.cell.option, use.loaded_gpu_hours) for _, use in uses],
        math.fsum(units_by_year(workload, months)),
        answer.level(usd),
        answer.months,
        answer.level(extra_usd) / units if extra_usd is not None and units else None,
    )


def _asker(results: Results) -> Asker:
    """How the plan's levers are predicted, and priced at its own supplies."""

    def ask(workload: Workload, change: Change) -> list[Option]:
        return whole_options(workload, results.supplies, results.catalog, change)

    def price(workload: Workload, options: Sequence[Option]) -> Priced | None:
        allowed = [s for s in results.supplies.of if may_run(workload, s)]
        best = cheapest_way(results.answer.choice, workload, options, allowed)
        return None if best is None else Priced(best.usd, best.option)

    return Asker(results.catalog, ask, price)


def _unit_costs(
    workload: Workload, usd: float, units: float, uses: Sequence[tuple[Line, Use]]
) -> dict[str, float | None]:
    """USD per million tokens, run, sample or unit; None for those that do not apply."""
    names = ("mtok_input", "mtok_output", "mtok_total", "run", "sample", "unit")
    costs: dict[str, float | None] = {f"usd_per_{name}": None for name in names}
    if not units:
        return costs
    if workload.kind in (Kind.FINETUNE, Kind.PRETRAIN):
        return costs | {"usd_per_run": usd_per_unit(usd, units)}
    if workload.kind is Kind.CUSTOM:
        return costs | {"usd_per_unit": usd_per_unit(usd, units)}
    if workload.kind is Kind.MEDIA or workload.demand is None:
        return costs | {"usd_per_sample": usd_per_unit(usd, units)}
    inputs = units * workload.demand.input.mean
    outputs = units * workload.demand.output.mean
    busy = math.fsum(u.loaded_gpu_hours for _, u in uses)
    prefill = math.fsum(u.loaded_gpu_hours * u.cell.option.prefill_share for _, u in uses)
    per_input, per_output = split_by_time(usd, prefill, busy - prefill, inputs, outputs)
    return costs | {
        "usd_per_mtok_input": per_input,
        "usd_per_mtok_output": per_output if outputs else None,
        "usd_per_mtok_total": usd_per_million(usd, inputs + outputs),
    }


def _tightest(uses: Sequence[tuple[Line, Use]]) -> tuple[SloCheck, ...]:
    """Each promise on the placement that comes nearest to its limit."""
    found: dict[str, SloCheck] = {}
    for _, use in uses:
        for check in _checks(use.cell):
            known = found.get(check.name)
            if known is None or check.predicted.value > known.predicted.value:
                found[check.name] = check
    return tuple(found.values())


def _checked(
    workload: Workload, found: Sequence[SloCheck], proof: Replay | None
) -> tuple[SloCheck, ...]:
    """The promises as the replay found them, where there is one, with their confidence."""
    ran = {slo.name: slo for slo in proof.slo} if proof else {}
    return tuple(
        replace(
            check,
            kept=ran[check.name].kept if check.name in ran else check.kept,
            replayed=check.name in ran,
            p_kept=ran[check.name].p_kept if check.name in ran else None,
            confidence=None if workload.run else workload.confidence,
        )
        for check in found
    )


def _checks(cell: Cell) -> tuple[SloCheck, ...]:
    """Promises as kept on this supply: deadlines on spot are those of interrupted runs, latencies
    those that users see."""
    spot = cell.supply.purchase is Purchase.SPOT
    if spot and cell.option.spot_slos:
        return cell.option.spot_slos
    trip = cell.supply.round_trip(cell.workload.id)
    if trip is None:
        return cell.option.slos
    stated = {slo.name: slo for slo in cell.workload.slos}
    return tuple(
        replace(
            check,
            limit_s=stated[check.name].limit_s,
            predicted=check.predicted.later(
                trip.seconds if stated[check.name].is_seen_from_afar else 0.0
            ),
        )
        for check in cell.option.slos
    )


def _placements(
    answer: Answer,
    uses: Sequence[tuple[Line, Use]],
    behind: Mapping[Way, Reason],
    others: tuple[str, ...],
) -> tuple[Placement, ...]:
    """Replicas gathered by supply and layout, the largest share first."""
    groups: dict[tuple[str, Option], list[Use]] = {}
    for line, use in uses:
        groups.setdefault((line.supply.id, use.cell.option), []).append(use)
    total = math.fsum(u.units for _, u in uses)
    placements = []
    for (resource, option), members in groups.items():
        at_once: dict[int, int] = {}
        for use in members:
            at_once[use.block] = at_once.get(use.block, 0) + use.replicas
        trip = members[0].cell.supply.round_trip(members[0].cell.workload.id)
        placements.append(
            Placement(
                resource=resource,
                gpu=option.gpu,
                gpus=option.gpus,
                tp=option.tp,
                precision=option.precision,
                peak_replicas=max(at_once.values()),
                share=math.fsum(u.units for u in members) / total if total else 0.0,
                units_per_hour=_rate(answer.choice, members[0].cell),
                output_tokens_per_s=option.output_tokens_per_s,
                batch=option.batch,
                note=option.note,
                speed=behind[way_of(option)].speed,
                nearest=behind[way_of(option)].nearest,
                slice=option.slice.name if option.slice else "",
                shared_with=others,
                rtt_ms=trip.seconds / MS if trip else None,
                rtt_basis=trip.basis.value if trip else "",
                room=room_of(option, members[0].cell.workload),
            )
        )
    return tuple(sorted(placements, key=lambda p: (-p.share, p.resource)))


def _rate(choice: Choice, cell: Cell) -> float:
    return rate_on(cell.option, cell.supply, cell.workload, choice.spot_useful_share)


def _capacity_per_hour(
    answer: Answer, workload: Workload, uses: Sequence[tuple[Line, Use]]
) -> tuple[float, ...] | None:
    """Units per hour that the replicas of its first week can deliver, by hour of that."""
    if workload.is_deferrable:
        return None
    cycle = answer.formulation.cycle
    capacity = [0.0] * int(HOURS_PER_WEEK)
    first = frozenset(cycle.first_week(workload))
    for _, use in uses:
        if use.block in first:
            for hour in cycle.blocks[use.block].hours:
                capacity[hour] += use.replicas * _rate_in(answer, use)
    return tuple(capacity)


def _rate_in(answer: Answer, use: Use) -> float:
    """What a replica can deliver in its block: what shares one queue, in the pool that runs there
    [units/h]."""
    server = use.cell.option.server
    if server is None:
        return _rate(answer.choice, use.cell)
    pool = sum(n for _, n in running(answer, use.cell.workload, use.block))
    return pool_rate(server, pool) * SECONDS_PER_HOUR
