"""What a plan runs for a workload, hours by hours: what its proof needs to know, written down."""

from __future__ import annotations

from gpumix.domain.offer import Purchase
from gpumix.domain.proof import PlannedHours, PlannedReplicas
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.options.proof import slowdown_of
from gpumix.plan.cycle import Block, peak_demand
from gpumix.plan.interpret import Answer

Running = dict[PlannedReplicas, Option]


def running_in(
    answer: Answer, workload: Workload, index: int
) -> tuple[PlannedHours, Running] | None:
    """A block of the plan with the replicas that serve a workload in it, and what each of them is;
    None where nothing arrives."""
    block = answer.formulation.cycle.blocks[index]
    counts: dict[tuple[Option, float], int] = {}
    able = 0.0
    for line in answer.lines:
        for use in line.uses:
            if use.block == index and use.cell.workload.id == workload.id:
                rate = use.rate / use.cell.duty  # what is rented for a part of an hour can stay on
                able += rate * use.replicas
                if line.supply.purchase is not Purchase.API:
                    key = (use.cell.option, rate)
                    counts[key] = counts.get(key, 0) + use.replicas
    peak = peak_demand(workload, block)
    if peak <= 0.0 and not counts:
        return None
    found = {_replicas(o, n, rate, rate * n / able): o for (o, rate), n in counts.items()}
    return _hours(block, peak, tuple(found)), found


def _replicas(option: Option, count: int, rate: float, share: float) -> PlannedReplicas:
    part = option.slice.name if option.slice else ""
    slower = slowdown_of(option)
    return PlannedReplicas(
        option.gpu, option.tp, option.precision, part, count, rate, share, slower, option.rtt_s
    )


def _hours(block: Block, peak: float, running: tuple[PlannedReplicas, ...]) -> PlannedHours:
    return PlannedHours(block.period.year, block.period.name, block.hours, peak, running)


def planned_hours(answer: Answer, workload: Workload) -> tuple[PlannedHours, ...]:
    """Every block of the horizon in which there is work, as plan.json holds it; none of jobs, whose
    runs are no hours."""
    if workload.run is not None:
        return ()
    blocks = range(len(answer.formulation.cycle.blocks))
    found = [running_in(answer, workload, index) for index in blocks]
    return tuple(one[0] for one in found if one is not None)
