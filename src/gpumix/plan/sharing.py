"""Workloads that may be served by the same replicas: planned as one, told apart at the end.

Requests of the same model, lengths and promises cannot be told apart by a replica: any of them
keeps its promise where all together keep it, and apart they would only round up more often and
have smaller queues (decision 0024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gpumix.domain.today_plan import TodayPlan
from gpumix.domain.workload import Inventory, Workload
from gpumix.options.option import Option
from gpumix.plan.accounts import Line, Use
from gpumix.plan.cycle import Cycle, mean_demand
from gpumix.plan.interpret import Answer
from gpumix.plan.periods import work_per_week

Groups = Mapping[str, tuple[Workload, ...]]
"""Workloads that share replicas, by the id of the first of them, which stands for all."""
T = TypeVar("T")


def together(inventory: Inventory) -> tuple[Inventory, Groups]:
    """The inventory with workloads that may share replicas as one, under the first one's id."""
    found: dict[object, list[Workload]] = {}
    for workload in inventory.workloads:
        found.setdefault(_alike(workload), []).append(workload)
    groups = {members[0].id: tuple(members) for members in found.values()}
    whole = tuple(_summed(members) for members in groups.values())
    return replace(inventory, workloads=whole), groups


def _alike(workload: Workload) -> object:
    """What must be the same for two workloads to share: all but their names and their hours."""
    demand = workload.demand
    alone = not workload.share_replicas or workload.run is not None or workload.has_data
    if alone or demand is None:
        return workload.id
    asked = replace(demand, units_per_hour=(), profile="", evidence=())
    return replace(workload, id="", demand=asked)


def _summed(members: Sequence[Workload]) -> Workload:
    first = members[0]
    if first.demand is None or len(members) == 1:
        return first
    hours = zip(*(m.demand.units_per_hour for m in members if m.demand), strict=True)
    demand = replace(first.demand, units_per_hour=tuple(map(math.fsum, hours)))
    return replace(first, demand=demand)


def of_each(found: Mapping[str, T], groups: Groups) -> dict[str, T]:
    """What was found of each group, by the ids of its members."""
    return {m.id: found[name] for name, members in groups.items() if name in found for m in members}


def options_of_each(
    tried: Mapping[str, Sequence[Option]], groups: Groups
) -> dict[str, Sequence[Option]]:
    """The options of each group as those of its members."""
    return {
        m.id: tried[name] if m.id == name else [replace(o, workload=m.id) for o in tried[name]]
        for name, members in groups.items()
        for m in members
    }


def told_apart(answer: Answer, inventory: Inventory, groups: Groups) -> Answer:
    """The answer with every workload of its own: the replicas of a group are those of each member,
    its work and GPU time are split by what each asks for."""
    if len(groups) == len(inventory.workloads):
        return answer
    cycle, options = answer.formulation.cycle, options_of_each(answer.choice.options, groups)
    lines = tuple(_line(line, cycle, groups) for line in answer.lines)
    choice = replace(answer.choice, inventory=inventory, options=options)
    return replace(answer, found=replace(answer.found, choice=choice), lines=lines)


def _line(line: Line, cycle: Cycle, groups: Groups) -> Line:
    uses = (one for use in line.uses for one in _uses(use, cycle, groups))
    return replace(line, uses=tuple(uses))


def _uses(use: Use, cycle: Cycle, groups: Groups) -> list[Use]:
    members = groups[use.cell.workload.id]
    if len(members) == 1:
        return [use]
    asked = [_asked(member, use, cycle) for member in members]
    total = math.fsum(asked)
    found = []
    for member, own in zip(members, asked, strict=True):
        share = own / total if total else 1.0 / len(members)
        cell = replace(
            use.cell, workload=member, option=replace(use.cell.option, workload=member.id)
        )
        part = replace(
            use,
            cell=cell,
            share=share,
            load=use.load * share,
            units=use.units * share,
            busy_gpu_hours=use.busy_gpu_hours * share,
            energy_usd=use.energy_usd * share,
        )
        found.append(part)
    return found


def _asked(workload: Workload, use: Use, cycle: Cycle) -> float:
    """Work of a member that the replicas of its group do beside that of the others."""
    if use.cell.period is not None:
        return work_per_week(workload, use.cell.period)
    return mean_demand(workload, cycle.blocks[use.block])


def demand_of(workload: Workload, groups: Groups) -> tuple[float, ...]:
    """What all that share its replicas ask for, by hour of the week [units/h]."""
    summed = _summed(_members(workload, groups)).demand
    return summed.units_per_hour if summed else ()


def shared_with(workload: Workload, groups: Groups) -> tuple[str, ...]:
    """The other workloads on its replicas."""
    return tuple(m.id for m in _members(workload, groups) if m.id != workload.id)


def _members(workload: Workload, groups: Groups) -> tuple[Workload, ...]:
    return next(members for members in groups.values() if workload.id in {m.id for m in members})


def today_of_each(today: TodayPlan, groups: Groups) -> TodayPlan:
    """Today's fleet with the promises of every member."""
    promises = tuple(
        replace(promise, workload=m.id)
        for promise in today.promises
        for m in groups[promise.workload]
    )
    return replace(today, promises=promises)
