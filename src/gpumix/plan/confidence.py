"""What confidence costs: the same work with all speeds at one quantile of their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import NormalDist

from gpumix.domain.confidence import ConfidenceCost
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.options.other_speeds import (
    Slowdown,
    at_confidence,
    at_slowdowns,
    planned_slowdown,
)
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.plan.regret import cost_at

LEVELS = (0.5, 0.8, 0.95)
"""Confidences whose cost is told."""

_DIGITS = 6


def at_speeds(choice: Choice, slowdown: Callable[[Workload], Slowdown]) -> Choice:
    """The choice with its options planned at another speed, and without those that then keep no
    promise; needs of common queues are counted by the same options as before."""
    options: dict[str, list[Option]] = {}
    pools = dict(choice.pools)
    for workload in choice.inventory.workloads:
        pairs = at_slowdowns(workload, choice.options[workload.id], slowdown(workload))
        options[workload.id] = [new for _, new in pairs if new.serves]
        if workload.id in pools and options[workload.id]:
            new_of = {id(old): new for old, new in pairs if new.serves}
            led = tuple(new_of[id(o)] for o in pools[workload.id].leading if id(o) in new_of)
            first = tuple(options[workload.id][:1])
            pools[workload.id] = replace(pools[workload.id], leading=led or first)
    return replace(choice, options=options, pools=pools)


def confidence_costs(answer: Answer, choice: Choice, cycle: Cycle) -> tuple[ConfidenceCost, ...]:
    """What the plan's work costs a month at each of `LEVELS`, all workloads alike: predicted, not
    replayed, from the supplies that the plan holds or, where they do not do, from all.

    What keeps a higher confidence keeps a lower one, so no level costs more than a higher one, or
    than the plan where all of that is planned as sure; nor less, where none of it is surer.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(lambda level: _cost_at(level, answer, choice, cycle), LEVELS))
    planned = _planned_confidences(answer)
    costs: list[ConfidenceCost] = []
    for cost in reversed(found):
        usd = cost.usd_per_month
        if usd is not None:
            least = [answer.usd / answer.level_months] if cost.confidence >= max(planned) else []
            most = [answer.usd / answer.level_months] if cost.confidence <= min(planned) else []
            most += [c.usd_per_month for c in costs if c.usd_per_month is not None]
            usd = min([max([usd, *least]), *most])
        costs.append(replace(cost, usd_per_month=usd))
    return tuple(reversed(costs))


def _cost_at(level: float, answer: Answer, choice: Choice, cycle: Cycle) -> ConfidenceCost:
    surer = at_speeds(choice, lambda _: at_confidence(level))
    unable = [name for name, options in surer.options.items() if not options]
    if unable:
        return ConfidenceCost(level, None, f"nothing keeps the promises of {', '.join(unable)}")
    usd = cost_at(answer, surer, cycle)
    if usd is None:
        return ConfidenceCost(level, None, "no plan keeps every limit")
    return ConfidenceCost(level, usd / answer.level_months, "")


def _planned_confidences(answer: Answer) -> list[float]:
    """The probability with which each option that the plan runs is at least as fast as planned;
    those without an interval do not count."""
    ran = {
        (id(use.cell.option)): (use.cell.workload, use.cell.option)
        for line in answer.lines
        for use in line.uses
    }
    found = [
        round(NormalDist().cdf(math.log(planned_slowdown(workload, option)) / sigma), _DIGITS)
        for workload, option in ran.values()
        if (sigma := option.sigma) > 0.0
    ]
    return found or [0.5]
