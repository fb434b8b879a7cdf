"""Who uses what, and what it costs: the solution's counts as GPU-hours and dollars.

Every config that runs becomes a `Use`; every supply that is held becomes a `Line`. A workload's
load is spread over its replicas in proportion to what they deliver, so a replica that is there
for the peak or for the loss of another is idle the rest of the time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix import mix
from gpumix.cost.case.streams import Stream, paid_monthly, present_cost_of
from gpumix.cost.site_charges import SiteLoad
from gpumix.options.working import working_share
from gpumix.plan.cohorts import FREED, OWED, RENTAL, Cohort
from gpumix.plan.cycle import Block, Cycle, demand_by_hour
from gpumix.plan.data import data_streams
from gpumix.plan.formulate import Cell, Formulation
from gpumix.plan.nights import done_by_hour
from gpumix.plan.periods import Period, work_per_week
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_WEEK
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Use:
    """Replicas of one cell in one block.

    `rate` is what one of them can deliver [units/h], shares of an hour included (`duty`); `units`
    done in the block over the horizon; `loads` are the shares of their capacity that are asked for
    on average, in each hour of the block (0-1), `loaded_gpu_hours` those of the GPU-hours held.
    `working` is the share of the time that a replica works in each of these hours (0-1),
    `busy_gpu_hours` the GPU-hours of it over the horizon. Of replicas that several workloads
    share the cell's workload uses `share` (0-1).
    """

    cell: Cell
    block: int
    replicas: int
    rate: float
    loads: tuple[float, ...]
    units: float
    loaded_gpu_hours: float
    working: tuple[float, ...]
    busy_gpu_hours: float
    energy_usd: float
    share: float = 1.0

    @property
    def load(self) -> float:
        """The mean of its hours' loads (0-1)."""
        return math.fsum(self.loads) / len(self.loads)


@dataclass(frozen=True, slots=True)
class Line:
    """A supply held: instances by block, GPU-hours, and what is paid for it and when.

    `running` counts instances, shares of an hour included (`duty`), `at_once` whole ones by block;
    `streams` are all its payments over `months` months, of which `data` by workload pay for its
    data, not for what is held. `cohorts` are the commitments with their counts. All costs are
    present costs at `rate_per_year`, cash aside.
    """

    supply: Supply
    running: tuple[float, ...]
    at_once: tuple[int, ...]
    gpu_hours: float
    streams: tuple[Stream, ...]
    uses: tuple[Use, ...]
    data: Mapping[str, tuple[Stream, ...]]
    months: int
    rate_per_year: float
    cohorts: tuple[tuple[Cohort, int], ...] = ()

    @property
    def most(self) -> int:
        """The most instances at once."""
        return max(self.at_once)

    @property
    def usd(self) -> float:
        """Present cost over the horizon [USD]."""
        return present_cost_of(self.streams, self.rate_per_year)

    @property
    def data_usd(self) -> dict[str, float]:
        """Workload -> present cost of its data [USD]."""
        return {n: present_cost_of(own, self.rate_per_year) for n, own in self.data.items()}

    @property
    def held_usd(self) -> float:
        """Present cost of what is held, data and what sales free left out [USD]."""
        return self.usd - math.fsum(self.data_usd.values()) - self.freed_usd

    @property
    def freed_usd(self) -> float:
        """What sales of servers that stand free, below 0 [USD]."""
        return self._usd_of(*FREED)

    @property
    def owed_usd(self) -> float:
        """What its commitments cost after the horizon, counted in its cost [USD]."""
        return self._usd_of(OWED)

    def _usd_of(self, *items: str) -> float:
        own = [stream for stream in self.streams if stream.item in items]
        return present_cost_of(own, self.rate_per_year)

    @property
    def busy_gpu_hours(self) -> float:
        """GPU-hours worked over the horizon."""
        return math.fsum(use.busy_gpu_hours for use in self.uses)

    @property
    def loaded_gpu_hours(self) -> float:
        """GPU-hours that its work would take on full replicas."""
        return math.fsum(use.loaded_gpu_hours for use in self.uses)

    @property
    def utilisation(self) -> float:
        """Share of the GPU-hours held in which the GPUs work (0-1)."""
        return min(self.busy_gpu_hours / self.gpu_hours, 1.0) if self.gpu_hours else 0.0


ENERGY = "energy at work"


def rent_of(line: Line) -> tuple[Stream, ...]:
    """Rent of a line within the horizon; empty where it is not rented from a cloud."""
    if not line.supply.purchase.is_rental:
        return ()
    return tuple(s for s in line.streams if s.item == RENTAL[line.supply.purchase])


def lines_of(formulation: Formulation, solution: mix.Solution) -> tuple[Line, ...]:
    """All supplies held in the solution, owned ones included, dearest first."""
    uses = _uses(formulation, solution)
    held: dict[str, list[tuple[str, float]]] = {}
    duty = {
        config.resource: cell.duty
        for config, cell in zip(formulation.problem.configs, formulation.cells, strict=True)
        if cell is not None
    }
    for resource in formulation.problem.resources:
        share = duty.get(resource.id, 1.0)
        held.setdefault(formulation.supply[resource.id].id, []).append((resource.id, share))
    lone = _with_one_server(formulation, solution)
    lines = []
    done = _units_by_period(formulation, [use for own in uses.values() for use in own])
    for members in held.values():
        line = _line(formulation, solution, members, uses, done, lone)
        if line.most or line.cohorts:
            lines.append(line)
    lines = _with_sites(lines, formulation)
    return tuple(sorted(lines, key=lambda line: (-line.usd, line.supply.id)))


def _with_one_server(formulation: Formulation, solution: mix.Solution) -> set[str]:
    """Sites on which there is never more than one server."""
    found: dict[str, FloatArray] = {}
    for resource in formulation.problem.resources:
        supply = formulation.supply[resource.id]
        if supply.site is None:
            continue
        counts = found.setdefault(supply.site, np.zeros(formulation.cycle.periods[-1].end))
        for cohort, n in _cohorts(formulation, solution, resource.id, alone=False):
            counts[cohort.start : cohort.until] += n * supply.servers_per_instance
    return {site for site, counts in found.items() if counts.max() <= 1.0 + 1e-9}


def _with_sites(lines: Sequence[Line], formulation: Formulation) -> list[Line]:
    """The lines with what their sites pay, each its share by servers and months."""
    found = {line.supply.id: line for line in lines}
    for site in formulation.sites:
        own = [line for line in lines if line.supply.site == site.site and _server_months(line)]
        paid = site.paid(_site_load(own, formulation.cycle))
        stood = math.fsum(map(_server_months, own))
        for line in own:
            share = _server_months(line) / stood
            bears = [stream.counted(share) for stream in paid]
            found[line.supply.id] = replace(line, streams=(*line.streams, *bears))
    return list(found.values())


def _site_load(lines: Sequence[Line], cycle: Cycle) -> SiteLoad:
    """What stands on a site and draws there: every server idles, and replicas that run are under
    full load; the peak of a month is that of the block of its week which draws most."""
    servers, nameplate_kw, idle_kw, busy_kw = (np.zeros(cycle.periods[-1].end) for _ in range(4))
    by_block = [0.0] * len(cycle.blocks)
    for line in lines:
        supply, draw = line.supply, line.supply.draw
        for cohort, n in line.cohorts:
            there = slice(cohort.start, cohort.until)
            servers[there] += n * supply.servers_per_instance
            nameplate_kw[there] += n * draw.nameplate_kw if draw else 0.0
            idle_kw[there] += n * draw.idle_kw if draw else 0.0
        work_kw = (draw.load_kw - draw.idle_kw) / supply.gpus_per_instance if draw else 0.0
        for use in line.uses:
            by_block[use.block] += use.replicas * use.cell.option.gpu_share * work_kw
    for period in cycle.periods:
        busy_kw[period.start : period.end] = max(by_block[p] for p in cycle.of_period(period))
    return SiteLoad(servers, nameplate_kw, idle_kw + busy_kw)


def _server_months(line: Line) -> float:
    """Months that the servers of a line stand, all together."""
    months = math.fsum(n * (cohort.until - cohort.start) for cohort, n in line.cohorts)
    return months * line.supply.servers_per_instance


def _cohorts(
    formulation: Formulation, solution: mix.Solution, resource: str, *, alone: bool
) -> list[tuple[Cohort, int]]:
    """The commitments of a resource that are made, with their counts; what stands and serves no
    term is sold at once."""
    supply, counts = formulation.supply[resource], solution.terms.get(resource, {})
    cohorts = formulation.cohorts(resource, alone=alone)
    made = [(cohort, counts.get(cohort.id, 0)) for cohort in cohorts]
    if made[0][0].until == 0:
        made[0] = (made[0][0], supply.count - sum(counts.values()))
    return [(cohort, n) for cohort, n in made if n]


def _line(
    formulation: Formulation,
    solution: mix.Solution,
    members: list[tuple[str, float]],
    uses: Mapping[str, list[Use]],
    done: Mapping[tuple[str, Period], float],
    lone: Collection[str],
) -> Line:
    supply, cycle = formulation.supply[members[0][0]], formulation.cycle
    blocks, resources = range(len(cycle.blocks)), formulation.problem.resource_by_id
    counts = [[mix.instances(solution, resources[name], p) for name, _ in members] for p in blocks]
    made = [
        one
        for name, _ in members
        if supply.is_held
        for one in _cohorts(formulation, solution, name, alone=supply.site in lone)
    ]
    running = tuple(
        math.fsum(n * duty for n, (_, duty) in zip(row, members, strict=True)) for row in counts
    )
    own = tuple(use for name, _ in members for use in uses.get(name, ()))
    gpu_hours = math.fsum(running[p] * cycle.hours(p) * supply.gpus_per_instance for p in blocks)
    data = _data_by_workload(formulation, supply, own, done)
    paid = _streams(formulation, supply, running, own, made)
    return Line(
        supply,
        running,
        tuple(_most_at_once(supply, p, running[p], own) for p in blocks),
        gpu_hours,
        (*paid, *(stream for streams in data.values() for stream in streams)),
        own,
        data,
        cycle.periods[-1].end,
        formulation.rate_per_year,
        tuple(made),
    )


def _units_by_period(
    formulation: Formulation, uses: Iterable[Use]
) -> dict[tuple[str, Period], float]:
    """(workload, period) -> units done."""
    done: dict[tuple[str, Period], float] = {}
    for use in uses:
        key = (use.cell.workload.id, formulation.cycle.blocks[use.block].period)
        done[key] = done.get(key, 0.0) + use.units
    return done


def _data_by_workload(
    formulation: Formulation,
    supply: Supply,
    uses: tuple[Use, ...],
    done: Mapping[tuple[str, Period], float],
) -> dict[str, tuple[Stream, ...]]:
    """Workload -> what its data costs here: of each period the share of its units done here."""
    share: dict[str, dict[Period, float]] = {}
    for (name, period), units in _units_by_period(formulation, uses).items():
        share.setdefault(name, {})[period] = units / done[name, period] if units else 0.0
    workloads = {use.cell.workload.id: use.cell.workload for use in uses}
    return {
        name: data_streams(workload, supply, share[name])
        for name, workload in workloads.items()
        if workload.has_data
    }


def _most_at_once(supply: Supply, block: int, running: float, uses: tuple[Use, ...]) -> int:
    """Instances that run at the same time in a block: whole ones, and never part of a gang."""
    gangs = [
        math.ceil(use.cell.option.gpus / supply.gpus_per_instance)
        for use in uses
        if use.block == block
    ]
    return max([math.ceil(running - 1e-9), *gangs])


def _streams(
    formulation: Formulation,
    supply: Supply,
    running: tuple[float, ...],
    uses: tuple[Use, ...],
    made: Sequence[tuple[Cohort, int]],
) -> list[Stream]:
    """Rent by the hour or what commitments cost, and energy at work."""
    cycle = formulation.cycle
    paid = [stream.counted(n) for cohort, n in made for stream in cohort.streams]
    if not supply.is_held:
        hours = {
            period: math.fsum(running[p] * cycle.hours(p) for p in cycle.of_period(period))
            for period in cycle.periods
        }
        of = ("rent" if supply.purchase.is_rental else "api", RENTAL[supply.purchase])
        paid += _by_month(supply, *of, "instance-hour", supply.usd_per_instance_hour, hours)
    if supply.usd_per_gpu_busy_hour:
        usd = dict.fromkeys(cycle.periods, 0.0)
        for use in uses:
            usd[cycle.blocks[use.block].period] += use.energy_usd
        price = supply.usd_per_gpu_busy_hour
        busy = {period: amount / price for period, amount in usd.items()}
        paid += _by_month(supply, "energy", ENERGY, "GPU-hour at work", price, busy)
    return paid


def _by_month(
    supply: Supply, category: str, item: str, unit: str, usd: float, of: Mapping[Period, float]
) -> list[Stream]:
    """So many units of each period, the same in each of its months; nothing where there are
    none."""
    found = [(period, units) for period, units in of.items() if units]
    if not found:
        return []
    months = np.concatenate([period.ends for period, _ in found])
    quantity = np.concatenate([np.full(p.months, units / p.months) for p, units in found])
    evidence = {"source": supply.source, "basis": supply.basis, "as_of": supply.as_of}
    price = usd * supply.energy_change.factors(months - 1.0) if category == "energy" else usd
    return [paid_monthly(category, item, unit, price, quantity, months, **evidence)]


def _uses(formulation: Formulation, solution: mix.Solution) -> dict[str, list[Use]]:
    """Uses by resource id."""
    problem, cycle = formulation.problem, formulation.cycle
    delivered = _delivered(formulation, solution)
    done = _done(formulation, delivered)
    found: dict[str, list[Use]] = {}
    for p, plan in enumerate(solution.blocks):
        block = cycle.blocks[p]
        hours = cycle.hours(p)
        for config, cell, z in zip(problem.configs, formulation.cells, plan.replicas, strict=True):
            if not z or cell is None:
                continue
            loads = _loads(cell, config.workload, block, p, delivered, done)
            load = math.fsum(loads) / len(loads)
            gpu_hours = z * cell.option.gpu_share * hours * cell.duty
            working = _working(cell, config.plain_rate, loads)
            found.setdefault(config.resource, []).append(
                Use(
                    cell=cell,
                    block=p,
                    replicas=z,
                    rate=config.plain_rate,
                    loads=loads,
                    units=z * config.plain_rate * hours * load,
                    loaded_gpu_hours=gpu_hours * load,
                    working=working,
                    busy_gpu_hours=gpu_hours * math.fsum(working) / len(working),
                    energy_usd=cell.supply.usd_per_gpu_busy_hour
                    * cell.option.gpu_share
                    * z
                    * hours,
                )
            )
    return found


def _delivered(formulation: Formulation, solution: mix.Solution) -> dict[tuple[str, int], float]:
    """(workload of the problem, block) -> rate."""
    problem = formulation.problem
    rates: dict[tuple[str, int], float] = {}
    for p, plan in enumerate(solution.blocks):
        for config, z in zip(problem.configs, plan.replicas, strict=True):
            rate = config.plain_rate * z
            key = (config.workload, p)
            rates[key] = rates.get(key, 0.0) + rate
    return rates


def _working(cell: Cell, rate: float, loads: tuple[float, ...]) -> tuple[float, ...]:
    """The share of the time that a replica of `rate` units an hour works, in each of some hours of
    which these are its loads."""
    if cell.period is not None or cell.workload.demand is None:
        return loads
    return tuple(working_share(cell.option, cell.workload, rate * np.array(loads)).tolist())


def _done(
    formulation: Formulation, delivered: Mapping[tuple[str, int], float]
) -> dict[str, tuple[float, ...]]:
    """Work that may wait, by its name in the problem -> units done in each hour of a week."""
    cycle, found = formulation.cycle, {}
    works = {
        config.workload: cell
        for config, cell in zip(formulation.problem.configs, formulation.cells, strict=True)
        if cell is not None and cell.period is not None
    }
    for name, cell in works.items():
        if cell.period is None:
            continue
        capacity = [0.0] * int(HOURS_PER_WEEK)
        for p in cycle.of_period(cell.period):
            for hour in cycle.blocks[p].hours:
                capacity[hour] = delivered.get((name, p), 0.0)
        work = work_per_week(cell.workload, cell.period)
        found[name] = done_by_hour(cell.workload, work, capacity)
    return found


def _loads(
    cell: Cell,
    name: str,
    block: Block,
    index: int,
    delivered: Mapping[tuple[str, int], float],
    done: Mapping[str, tuple[float, ...]],
) -> tuple[float, ...]:
    """Load in each hour of a block: as the work is done, or as demand rises and falls."""
    rate = delivered[name, index]
    if cell.period is not None:
        return tuple(min(done[name][hour] / rate, 1.0) for hour in block.hours)
    return tuple(units / rate for units in demand_by_hour(cell.workload, block))


def usd_by_workload(lines: tuple[Line, ...]) -> dict[str, float]:
    """Present cost of each workload [USD]: its data, and of every line that by the
    GPU-hours that its work would take on full replicas."""
    usd: dict[str, float] = {}
    for line in lines:
        loaded = line.loaded_gpu_hours
        for use in line.uses:
            share = use.loaded_gpu_hours / loaded if loaded else 0.0
            name = use.cell.workload.id
            usd[name] = usd.get(name, 0.0) + line.held_usd * share
        for name, data_usd in line.data_usd.items():
            usd[name] = usd.get(name, 0.0) + data_usd
    return usd
