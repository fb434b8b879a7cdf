"""A plan of groups that share replicas, told apart: every member has its part of work and cost."""

from __future__ import annotations

import math
from dataclasses import replace

from gpumix.domain.today_plan import TodayPlan
from gpumix.domain.workload import Inventory, Workload
from gpumix.options.sharing import Groups, options_of_each
from gpumix.plan.accounts import Use
from gpumix.plan.cycle import Cycle, demand_by_hour
from gpumix.plan.interpret import Answer
from gpumix.plan.periods import work_per_week


def told_apart(answer: Answer, inventory: Inventory, groups: Groups) -> Answer:
    """The answer with every workload of its own: the replicas of a group are those of each member,
    its work and GPU time are split by what each asks for, hour by hour."""
    if len(groups) == len(inventory.workloads):
        return answer
    cycle, options = answer.formulation.cycle, options_of_each(answer.choice.options, groups)
    lines = tuple(
        replace(line, uses=tuple(one for use in line.uses for one in _uses(use, cycle, groups)))
        for line in answer.lines
    )
    choice = replace(answer.choice, inventory=inventory, options=options)
    return replace(answer, found=replace(answer.found, choice=choice), lines=lines)


def _uses(use: Use, cycle: Cycle, groups: Groups) -> list[Use]:
    members = groups[use.cell.workload.id]
    if len(members) == 1:
        return [use]
    asked = [_asked(member, use, cycle) for member in members]
    totals = [math.fsum(hour) for hour in zip(*asked, strict=True)]
    return [
        _part(use, member, tuple(a / t if t else 0.0 for a, t in zip(own, totals, strict=True)))
        for member, own in zip(members, asked, strict=True)
    ]


def _part(use: Use, member: Workload, shares: tuple[float, ...]) -> Use:
    """What a member asks of replicas, given its share of the demand in each hour of the block."""
    loads = tuple(load * share for load, share in zip(use.loads, shares, strict=True))
    working = tuple(time * share for time, share in zip(use.working, shares, strict=True))
    share = math.fsum(loads) / math.fsum(use.loads) if any(use.loads) else 0.0
    busy = math.fsum(working) / math.fsum(use.working) if any(use.working) else 0.0
    cell = replace(use.cell, workload=member, option=replace(use.cell.option, workload=member.id))
    return replace(
        use,
        cell=cell,
        loads=loads,
        units=use.units * share,
        loaded_gpu_hours=use.loaded_gpu_hours * share,
        working=working,
        busy_gpu_hours=use.busy_gpu_hours * busy,
        energy_usd=use.energy_usd * share,
        share=share,
    )


def _asked(workload: Workload, use: Use, cycle: Cycle) -> tuple[float, ...]:
    """What a member asks for in each hour of a block; of work that may wait, in a week."""
    block, period = cycle.blocks[use.block], use.cell.period
    if period is not None:
        return (work_per_week(workload, period),) * len(block.hours)
    return demand_by_hour(workload, block)


def today_of_each(today: TodayPlan, groups: Groups) -> TodayPlan:
    """Today's fleet with the promises of every member."""
    promises = tuple(
        replace(promise, workload=m.id)
        for promise in today.promises
        for m in groups[promise.workload]
    )
    return replace(today, promises=promises)
