"""Numbers back to words: a solved mix problem becomes the Plan that reports render."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpumix.cost.unit_cost import split_by_time
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import (
    Candidate,
    CostPart,
    HourlyGpus,
    MixLine,
    Placement,
    SloCheck,
    WorkloadPlan,
)
from gpumix.domain.workload import Kind, Workload
from gpumix.options.serving import Option
from gpumix.plan.accounts import Line, Use, lines_of, usd_by_workload
from gpumix.plan.cycle import WEEKS_PER_YEAR, work_per_week
from gpumix.plan.formulate import (
    Cell,
    Choice,
    Formulation,
    holds,
    may_run,
    rate_on,
    unit_cost_usd,
)
from gpumix.plan.search import Found
from gpumix.supply.rentals import Supply
from gpumix.units import HOURS_PER_WEEK, MEGA, MONTHS_PER_YEAR

COST_UNIT = {
    Kind.CHAT: "USD per million total tokens",
    Kind.BATCH: "USD per million total tokens",
    Kind.EMBEDDING: "USD per million total tokens",
    Kind.FINETUNE: "USD per run",
    Kind.PRETRAIN: "USD per run",
    Kind.MEDIA: "USD per sample",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A found mix and the accounts drawn from it."""

    found: Found
    lines: tuple[Line, ...]

    @property
    def choice(self) -> Choice:
        """The options and supplies it was made of."""
        return self.found.choice

    @property
    def formulation(self) -> Formulation:
        """The problem that was solved."""
        return self.found.formulation

    @property
    def months(self) -> float:
        """Months of the horizon."""
        return self.choice.inventory.years * MONTHS_PER_YEAR

    @property
    def usd(self) -> float:
        """Cost over the horizon [USD]."""
        return math.fsum(line.usd for line in self.lines)

    @property
    def capex_usd(self) -> float:
        """Cash spent on servers [USD]."""
        bought = [x for x in self.lines if x.supply.purchase is Purchase.BUY]
        return math.fsum(line.supply.capex_usd * line.most for line in bought)


def answer_of(found: Found) -> Answer:
    """The accounts of a found mix."""
    return Answer(found, lines_of(found.formulation, found.solution))


# -- the mix ---------------------------------------------------------------------------------


def mix_lines(answer: Answer) -> tuple[MixLine, ...]:
    """One line a supply held, dearest first."""
    return tuple(_mix_line(line, answer) for line in answer.lines)


def _mix_line(line: Line, answer: Answer) -> MixLine:
    supply, usd = line.supply, line.usd
    hours = [len(b.hours) for b in answer.formulation.cycle.blocks]
    mean = math.fsum(n * h for n, h in zip(line.running, hours, strict=True)) / sum(hours)
    return MixLine(
        resource=supply.id,
        gpu=supply.gpu,
        gpus_per_instance=supply.gpus_per_instance,
        purchase=supply.purchase.value,
        provider=supply.provider,
        region=supply.region,
        country=supply.country,
        count=line.most,
        mean_count=mean,
        usd_per_gpu_hour=usd / line.gpu_hours if line.gpu_hours else supply.usd_per_gpu_hour,
        usd_per_month=usd / answer.months,
        usd_horizon=usd,
        utilisation=line.utilisation,
        serves=tuple(dict.fromkeys(use.cell.workload.id for use in line.uses)),
        price_as_of=supply.as_of,
        basis=supply.basis,
        source=supply.source,
    )


def cost_parts(answer: Answer) -> tuple[CostPart, ...]:
    """The plan's cost by component and year, the largest component first."""
    years = range(answer.choice.inventory.years)
    names = dict.fromkeys(name for line in answer.lines for name in line.usd_parts)
    parts = [
        CostPart(
            name,
            tuple(
                math.fsum(
                    line.usd_parts[name][y] for line in answer.lines if name in line.usd_parts
                )
                for y in years
            ),
        )
        for name in names
    ]
    return tuple(
        sorted((p for p in parts if any(p.usd_by_year)), key=lambda p: -sum(p.usd_by_year))
    )


def idle_usd(answer: Answer) -> float:
    """Cost of GPU-hours that are held and do not work, over the horizon [USD]."""
    return math.fsum(line.usd * (1.0 - line.utilisation) for line in answer.lines)


def utilisation(answer: Answer) -> float:
    """Share of all GPU-hours held that work (0-1)."""
    held = math.fsum(line.gpu_hours for line in answer.lines)
    return math.fsum(line.busy_gpu_hours for line in answer.lines) / held if held else 0.0


def hourly_gpus(answer: Answer) -> HourlyGpus:
    """GPUs committed, rented by the hour, and busy, in every hour of a week of the first year."""
    cycle = answer.formulation.cycle
    committed, hourly, busy = ([0.0] * int(HOURS_PER_WEEK) for _ in range(3))
    for p in cycle.of_year(0):
        block = cycle.blocks[p]
        for line in answer.lines:
            gpus = line.running[p] * line.supply.gpus_per_instance
            held = committed if line.supply.purchase.is_committed else hourly
            for hour in block.hours:
                held[hour] += gpus
            for use in line.uses:
                if use.block == p:
                    _add_busy(busy, use, block.hours)
    return HourlyGpus(tuple(committed), tuple(hourly), tuple(busy))


def _add_busy(busy: list[float], use: Use, hours: Sequence[int]) -> None:
    """GPUs a use keeps busy in each hour: as its workload's demand rises and falls in the block."""
    gpus = use.replicas * use.cell.option.gpus * use.cell.duty * use.load
    demand = use.cell.workload.demand
    mean = math.fsum(demand.units_per_hour[h] for h in hours) / len(hours) if demand else 0.0
    for hour in hours:
        shape = demand.units_per_hour[hour] / mean if demand and mean > 0.0 else 1.0
        busy[hour] += gpus * shape


# -- workloads -------------------------------------------------------------------------------


def workload_plans(
    answer: Answer, tried: Mapping[str, Sequence[Option]], supplies: Sequence[Supply]
) -> tuple[WorkloadPlan, ...]:
    """Each workload's part of the plan; `tried` holds all its options, refused ones included."""
    usd = usd_by_workload(answer.lines)
    return tuple(
        _workload_plan(answer, w, usd.get(w.id, 0.0), tried[w.id], supplies)
        for w in answer.choice.inventory.workloads
    )


def _workload_plan(
    answer: Answer,
    workload: Workload,
    usd: float,
    tried: Sequence[Option],
    supplies: Sequence[Supply],
) -> WorkloadPlan:
    uses = [(x, u) for x in answer.lines for u in x.uses if u.cell.workload.id == workload.id]
    years = answer.choice.inventory.years
    units = tuple(work_per_week(workload, y) * WEEKS_PER_YEAR for y in range(years))
    candidates = _candidates(answer.choice, workload, tried, supplies, uses)
    return WorkloadPlan(
        id=workload.id,
        kind=workload.kind.value,
        model=workload.model,
        tier=workload.tier.value,
        unit=workload.unit,
        units_per_year=units,
        usd_per_month=usd / answer.months,
        slo=_tightest(uses),
        placements=_placements(answer, uses),
        candidates=candidates,
        cost_unit=COST_UNIT[workload.kind],
        levers=(),
        why=_why(candidates, COST_UNIT[workload.kind]),
        demand_per_hour=workload.demand.units_per_hour if workload.demand else (),
        capacity_per_hour=_capacity_per_hour(answer, workload, uses),
        replay=None,
        job=None,
        **_unit_costs(workload, usd, sum(units), uses),
    )


def _unit_costs(
    workload: Workload, usd: float, units: float, uses: Sequence[tuple[Line, Use]]
) -> dict[str, float | None]:
    """USD per million tokens, run or sample; None for those that do not apply."""
    names = ("mtok_input", "mtok_output", "mtok_total", "run", "sample")
    costs: dict[str, float | None] = {f"usd_per_{name}": None for name in names}
    if not units:
        return costs
    if workload.kind in (Kind.FINETUNE, Kind.PRETRAIN):
        return costs | {"usd_per_run": usd / units}
    if workload.kind is Kind.MEDIA or workload.demand is None:
        return costs | {"usd_per_sample": usd / units}
    inputs = units * workload.demand.input.mean
    outputs = units * workload.demand.output.mean
    busy = math.fsum(u.busy_gpu_hours for _, u in uses)
    prefill = math.fsum(u.busy_gpu_hours * u.cell.option.prefill_share for _, u in uses)
    per_input, per_output = split_by_time(usd, prefill, busy - prefill, inputs, outputs)
    return costs | {
        "usd_per_mtok_input": per_input,
        "usd_per_mtok_output": per_output if outputs else None,
        "usd_per_mtok_total": usd / (inputs + outputs) * MEGA,
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


def _checks(cell: Cell) -> tuple[SloCheck, ...]:
    """Promises as kept on this supply: deadlines on spot are those of interrupted runs."""
    spot = cell.supply.purchase is Purchase.SPOT
    return cell.option.spot_slos if spot and cell.option.spot_slos else cell.option.slos


def _placements(answer: Answer, uses: Sequence[tuple[Line, Use]]) -> tuple[Placement, ...]:
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
            )
        )
    return tuple(sorted(placements, key=lambda p: (-p.share, p.resource)))


def _rate(choice: Choice, cell: Cell) -> float:
    return rate_on(cell.option, cell.supply, cell.workload, choice.spot_useful_share)


def _capacity_per_hour(
    answer: Answer, workload: Workload, uses: Sequence[tuple[Line, Use]]
) -> tuple[float, ...] | None:
    """Units per hour that the first year's replicas can deliver, by hour of the week."""
    if workload.is_deferrable:
        return None
    cycle = answer.formulation.cycle
    capacity = [0.0] * int(HOURS_PER_WEEK)
    for _, use in uses:
        block = cycle.blocks[use.block]
        if block.year == 0:
            for hour in block.hours:
                capacity[hour] += use.replicas * _rate(answer.choice, use.cell)
    return tuple(capacity)


# -- candidates ------------------------------------------------------------------------------


def _candidates(
    choice: Choice,
    workload: Workload,
    tried: Sequence[Option],
    supplies: Sequence[Supply],
    uses: Sequence[tuple[Line, Use]],
) -> tuple[Candidate, ...]:
    """The best way of every GPU to do the workload, cheapest first, those that cannot last."""
    chosen = {use.cell.option.gpu for _, use in uses}
    rows = []
    for gpu in dict.fromkeys(option.gpu for option in tried):
        own = [option for option in tried if option.gpu == gpu]
        offers = [s for s in supplies if s.gpu == gpu and may_run(workload, s)]
        rows.append(_candidate(choice, workload, own, offers, gpu in chosen))
    return tuple(
        sorted(rows, key=lambda c: (c.unit_cost_usd is None, c.unit_cost_usd or 0.0, c.gpu))
    )


def _candidate(
    choice: Choice,
    workload: Workload,
    options: Sequence[Option],
    supplies: Sequence[Supply],
    chosen: bool,
) -> Candidate:
    best = cheapest_way(choice, workload, options, supplies)
    if best is None:
        return _refused(options, chosen)
    usd, option, supply = best
    latencies = {check.name: check.predicted.value for check in option.slos}
    return Candidate(
        gpu=option.gpu,
        tp=option.tp,
        gpus=option.gpus,
        precision=option.precision,
        units_per_hour=option.units_per_hour,
        tokens_per_s_per_gpu=option.tokens_per_s / option.gpus if option.tokens_per_s else None,
        ttft_p95_s=latencies.get("ttft_p95"),
        tpot_p95_s=latencies.get("tpot_p95"),
        usd_per_gpu_hour=supply.usd_per_gpu_hour,
        purchase=supply.purchase.value,
        unit_cost_usd=usd,
        chosen=chosen,
        reason=option.note,
    )


def cheapest_way(
    choice: Choice, workload: Workload, options: Sequence[Option], supplies: Sequence[Supply]
) -> tuple[float, Option, Supply] | None:
    """USD per cost unit on full replicas, with the option and supply that cost least.

    `supplies` are those the workload may run on; None where no option serves on any.
    """
    priced = [
        (unit_cost_usd(o, s, workload, rate), o, s)
        for o in options
        if o.serves
        for s in supplies
        if s.gpu == o.gpu and holds(s, o, workload)
        if (rate := rate_on(o, s, workload, choice.spot_useful_share)) > 0.0
    ]
    if not priced:
        return None
    usd, option, supply = min(priced, key=lambda p: (p[0], p[1].gpus, p[2].id))
    return usd / _units_per_cost_unit(workload), option, supply


def _refused(options: Sequence[Option], chosen: bool) -> Candidate:
    able = [o for o in options if o.serves]
    nearest = min(able or options, key=lambda o: (o.shortfall or math.inf, o.gpus))
    reason = (
        "no offer or server of this GPU is allowed for this workload" if able else nearest.reason
    )
    late = None if able else nearest.tokens_per_s
    return Candidate(
        gpu=nearest.gpu,
        tp=nearest.tp if late else None,
        gpus=nearest.gpus if late else None,
        precision=nearest.precision if late else None,
        units_per_hour=None,
        tokens_per_s_per_gpu=late / nearest.gpus if late else None,
        ttft_p95_s=None,
        tpot_p95_s=None,
        usd_per_gpu_hour=None,
        purchase=None,
        unit_cost_usd=None,
        chosen=chosen,
        reason=reason,
    )


def _units_per_cost_unit(workload: Workload) -> float:
    """Cost units (million tokens, runs, samples) in a unit of demand."""
    if workload.demand is None or workload.run is not None or workload.kind is Kind.MEDIA:
        return 1.0
    return (workload.demand.input.mean + workload.demand.output.mean) / MEGA


def _usd(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.0f}" if amount >= 100.0 else f"{amount:.3g}"


def _why(candidates: Sequence[Candidate], cost_unit: str) -> str:
    """One sentence: what was chosen, at what full-replica cost, and what came next."""
    chosen = [c for c in candidates if c.chosen and c.unit_cost_usd is not None]
    if not chosen:
        return ""
    names = ", ".join(f"{c.gpu} ({c.precision}, {_usd(c.unit_cost_usd)})" for c in chosen)
    text = f"{names} in {cost_unit}, replicas full"
    others = [c for c in candidates if not c.chosen and c.unit_cost_usd is not None]
    if others and others[0].unit_cost_usd is not None and chosen[0].unit_cost_usd:
        extra = others[0].unit_cost_usd / chosen[0].unit_cost_usd - 1.0
        text += f"; next {others[0].gpu} ({others[0].precision}, {extra:+.0%})"
    return text
