"""Who uses what, and what it costs: the solution's counts as GPU-hours and dollars.

Every config that runs becomes a `Use`; every supply that is held becomes a `Line`. A workload's
load is spread over its replicas in proportion to what they deliver, so a replica that is there
for the peak or for the loss of another is idle the rest of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpumix import mix
from gpumix.options.working import working_share
from gpumix.plan.cohorts import FREED, RENTAL, Cohort
from gpumix.plan.cycle import Block, demand_by_hour
from gpumix.plan.data import data_usd_by_year
from gpumix.plan.formulate import Cell, Formulation
from gpumix.plan.nights import done_by_hour
from gpumix.plan.periods import Period, work_per_week
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_WEEK


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
    """A supply held: instances by block, GPU-hours and cost over the horizon.

    `running` counts instances, shares of an hour included (`duty`), `at_once` whole ones by block;
    `usd_parts` are USD by component and year of the horizon, of which `data_usd` by workload pay
    for its data, not for what is held. `cohorts` are the commitments with their counts.
    """

    supply: Supply
    running: tuple[float, ...]
    at_once: tuple[int, ...]
    gpu_hours: float
    usd_parts: Mapping[str, tuple[float, ...]]
    uses: tuple[Use, ...]
    data_usd: Mapping[str, float]
    cohorts: tuple[tuple[Cohort, int], ...] = ()

    @property
    def most(self) -> int:
        """The most instances at once."""
        return max(self.at_once)

    @property
    def usd(self) -> float:
        """Cost over the horizon [USD]."""
        return math.fsum(usd for years in self.usd_parts.values() for usd in years)

    @property
    def held_usd(self) -> float:
        """Cost over the horizon of what is held, data and what sales free left out [USD]."""
        return self.usd - math.fsum(self.data_usd.values()) - self.freed_usd

    @property
    def freed_usd(self) -> float:
        """What sales of servers free over the horizon, below 0 [USD]."""
        return math.fsum(self.usd_parts.get(FREED, ()))

    @property
    def owed_usd(self) -> float:
        """What its commitments cost after the horizon, counted in its cost [USD]."""
        return math.fsum(n * cohort.owed_usd for cohort, n in self.cohorts)

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


def rent_of(line: Line) -> tuple[float, ...]:
    """Rent of a line by year [USD]; empty where it is not rented from a cloud."""
    if not line.supply.purchase.is_rental:
        return ()
    return line.usd_parts[RENTAL[line.supply.purchase]]


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
    lines = []
    done = _units_by_period(formulation, [use for own in uses.values() for use in own])
    for members in held.values():
        line = _line(formulation, solution, members, uses, done)
        if line.most or line.cohorts:
            lines.append(line)
    return tuple(sorted(lines, key=lambda line: (-line.usd, line.supply.id)))


def _cohorts(
    formulation: Formulation, solution: mix.Solution, resource: str
) -> list[tuple[Cohort, int]]:
    """The commitments of a resource that are made, with their counts; what stands and serves no
    term is sold at once."""
    supply, counts = formulation.supply[resource], solution.terms.get(resource, {})
    made = [(cohort, counts.get(cohort.id, 0)) for cohort in formulation.cohorts(resource)]
    if made[0][0].until == 0:
        made[0] = (made[0][0], supply.count - sum(counts.values()))
    return [(cohort, n) for cohort, n in made if n]


def _line(
    formulation: Formulation,
    solution: mix.Solution,
    members: list[tuple[str, float]],
    uses: Mapping[str, list[Use]],
    done: Mapping[tuple[str, Period], float],
) -> Line:
    supply, cycle = formulation.supply[members[0][0]], formulation.cycle
    blocks, resources = range(len(cycle.blocks)), formulation.problem.resource_by_id
    counts = [[mix.instances(solution, resources[name], p) for name, _ in members] for p in blocks]
    made = [
        one
        for name, _ in members
        if supply.is_held
        for one in _cohorts(formulation, solution, name)
    ]
    running = tuple(
        math.fsum(n * duty for n, (_, duty) in zip(row, members, strict=True)) for row in counts
    )
    own = tuple(use for name, _ in members for use in uses.get(name, ()))
    gpu_hours = math.fsum(running[p] * cycle.hours(p) * supply.gpus_per_instance for p in blocks)
    data = _data_by_workload(formulation, supply, own, done)
    return Line(
        supply,
        running,
        tuple(_most_at_once(supply, p, running[p], own) for p in blocks),
        gpu_hours,
        _usd_parts(formulation, supply, running, own, made) | _added_up(data.values()),
        own,
        {
            name: math.fsum(usd for years in parts.values() for usd in years)
            for name, parts in data.items()
        },
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
) -> dict[str, dict[str, tuple[float, ...]]]:
    """Workload -> what its data costs here, by component and year [USD]: of each period the share
    of its units that is done here."""
    years = formulation.cycle.years
    share: dict[str, dict[Period, float]] = {}
    for (name, period), units in _units_by_period(formulation, uses).items():
        share.setdefault(name, {})[period] = units / done[name, period] if units else 0.0
    workloads = {use.cell.workload.id: use.cell.workload for use in uses}
    return {
        name: data_usd_by_year(workload, supply, share[name], years)
        for name, workload in workloads.items()
        if workload.has_data
    }


def _added_up(parts: Iterable[Mapping[str, tuple[float, ...]]]) -> dict[str, tuple[float, ...]]:
    """Sums by component and year; components that cost nothing are left out."""
    sums: dict[str, tuple[float, ...]] = {}
    for part in parts:
        for name, usd in part.items():
            before = sums.get(name, (0.0,) * len(usd))
            sums[name] = tuple(a + b for a, b in zip(before, usd, strict=True))
    return {name: usd for name, usd in sums.items() if any(usd)}


def _most_at_once(supply: Supply, block: int, running: float, uses: tuple[Use, ...]) -> int:
    """Instances that run at the same time in a block: whole ones, and never part of a gang."""
    gangs = [
        math.ceil(use.cell.option.gpus / supply.gpus_per_instance)
        for use in uses
        if use.block == block
    ]
    return max([math.ceil(running - 1e-9), *gangs])


def _usd_parts(
    formulation: Formulation,
    supply: Supply,
    running: tuple[float, ...],
    uses: tuple[Use, ...],
    made: Sequence[tuple[Cohort, int]],
) -> dict[str, tuple[float, ...]]:
    cycle = formulation.cycle
    years = range(cycle.years)
    parts: dict[str, tuple[float, ...]] = {}
    if not supply.is_held:
        parts[RENTAL[supply.purchase]] = tuple(
            math.fsum(running[p] * cycle.hours(p) for p in cycle.of_year(y))
            * supply.usd_per_instance_hour
            for y in years
        )
    for name in dict.fromkeys(name for cohort, _ in made for name in cohort.parts):
        parts[name] = tuple(
            math.fsum(n * cohort.parts[name][y] for cohort, n in made if name in cohort.parts)
            for y in years
        )
    at_work = [(cycle.blocks[u.block].period.year, u.energy_usd) for u in uses]
    energy = tuple(math.fsum(usd for year, usd in at_work if year == y) for y in years)
    if any(energy):
        parts[ENERGY] = energy
    return parts


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
    """Cost of each workload over the horizon [USD]: its data, and of every line that by the
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
