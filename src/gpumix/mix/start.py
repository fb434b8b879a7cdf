"""A good plan for a large problem, found one block at a time (relax and fix).

First the committed instances in whole numbers, all else in fractions: that settles what to commit
to. Then block after block in whole numbers, what came before fixed, what comes after still in
fractions. Each step is a small program, and the plan they lead to is one that the solver's own
heuristics need minutes to find. Nothing is proven here: the search that follows does that.

Source: Wolsey, "Integer Programming", section 12.5 (relax-and-fix).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from gpumix.mix.linear import Linear
from gpumix.mix.model import Model

Solve = Callable[[Linear], tuple[float, ...]]
"""Values of a program's columns, empty where the solver found none."""


def relax_and_fix(model: Model, solve: Solve) -> tuple[float, ...]:
    """A plan's values for all columns of the program; empty if fixing led into a dead end."""
    linear = copy.copy(model.linear)
    linear.lower, linear.upper = list(linear.lower), list(linear.upper)
    done: set[int] = set()
    values: tuple[float, ...] = ()
    for stage in range(-1, len(model.problem.blocks)):
        now = {c for c, s in enumerate(linear.stage) if s == stage and linear.integer[c]}
        done |= now
        values = solve(linear.relaxed(done))
        if not values:
            return ()
        _fix(linear, now, values)
    return values


def _fix(linear: Linear, columns: Iterable[int], values: tuple[float, ...]) -> None:
    for column in columns:
        linear.lower[column] = linear.upper[column] = float(round(values[column]))
