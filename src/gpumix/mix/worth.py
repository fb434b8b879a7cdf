"""Blocks of which an hour counts for less: prices that fall, money that is paid later.

An hour of a block is made shorter, and the work that its hours must do is less alike: the costs of
all that runs by the hour, and nothing else, are scaled by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpumix.mix.problem import Problem, Resource, Shift, Workload


def at_worth(problem: Problem, worth: Sequence[float]) -> Problem:
    """The problem with hourly costs of each block times a factor.

    Args:
        problem: in which batch work is done in blocks of one factor.
        worth: by block, above 0.

    Source: a cost of c an hour for h hours at a worth w is one of c for w h hours.
    """
    return replace(
        problem,
        blocks=tuple(
            replace(block, hours=block.hours * share)
            for block, share in zip(problem.blocks, worth, strict=True)
        ),
        resources=tuple(_fixed(problem, r) for r in problem.resources),
        workloads=tuple(
            _scaled(w, worth, worth[w.window[0]]) if w.is_batch and w.window else w
            for w in problem.workloads
        ),
    )


def _scaled(batch: Workload, hours: Sequence[float], work: float) -> Workload:
    """Batch work in blocks whose hours are scaled, each by its own factor."""
    shifts = tuple(
        Shift(s.work * work, tuple(h * x for h, x in zip(s.hours, hours, strict=True)))
        for s in batch.shifts
    )
    return replace(batch, work=batch.work * work, shifts=shifts)


def _fixed(problem: Problem, resource: Resource) -> Resource:
    """A commitment whose cost does not hang on the length of hours."""
    if not resource.is_committed or resource.terms:
        return resource
    rent_usd = resource.hourly_cost * problem.repeat * problem.cycle_hours
    return replace(resource, fixed_cost=resource.fixed_cost + rent_usd, hourly_cost=0.0)
