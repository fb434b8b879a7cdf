"""The cheapest plan of a mix problem: proven where it is small, near the best elsewhere."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from gpumix.errors import GpumixError, InputError
from gpumix.errors import Problem as Fault
from gpumix.mix.decompose import Task, plans, whole_columns, whole_solution
from gpumix.mix.effort import NORMAL, Effort
from gpumix.mix.highs import DEFAULT_GAP, Deadline, OutOfTime, proven, run
from gpumix.mix.model import build
from gpumix.mix.plan import Solution, check, price, relative_gap
from gpumix.mix.pool import shared_pools, single_pools
from gpumix.mix.problem import Problem, limits
from gpumix.mix.prune import prune
from gpumix.mix.quickxplain import minimal_conflict
from gpumix.mix.read import check_problem

WORKERS = 2
"""Threads at most that solve blocks side by side; the plan is the same with one."""


def solve(
    problem: Problem,
    *,
    effort: Effort = NORMAL,
    gap: float = DEFAULT_GAP,
    time_limit_s: float | None = None,
    workers: int | None = None,
    explained: bool = True,
) -> Solution:
    """The cheapest plan that keeps every limit, or the limits that cannot hold together.

    A problem is taken apart, and one of at most `effort.exact` whole numbers searched whole too,
    so that the plan is proven unless the effort ends first.

    Args:
        problem: what is wanted and what can be had.
        effort: how much work the search may do; the same plan on any machine.
        gap: stop once (cost - bound) / cost is at most this (0-1).
        time_limit_s: stop after so long [s] with the best plan found; the plan then depends on
            the machine.
        workers: threads that solve blocks; None = as many as there are cores, `WORKERS` at most.
        explained: whether to look for the conflict of a problem without a plan.

    Raises:
        InputError: the problem breaks a rule of its form.
        InputError: the time limit passed without a plan.
        GpumixError: the solver failed, or the effort ended without a plan.
    """
    started = time.perf_counter()
    check_ends(gap, time_limit_s)
    check_problem(problem)
    deadline = Deadline.after(time_limit_s)
    pruned, kept = prune(problem)
    task = Task(problem, pruned, kept, shared_pools(pruned))
    threads = min(os.cpu_count() or 1, WORKERS) if workers is None else workers
    found = _Best(gap)
    try:
        _search(task, effort, deadline, threads, found)
    except OutOfTime:
        if found.plan is None and not found.infeasible:
            raise _too_little_time("no plan was found", time_limit_s) from None
    seconds = time.perf_counter() - started
    if found.infeasible:
        why = conflict(problem) if explained else ()
        return Solution("infeasible", None, None, None, {}, (), why, seconds)
    if found.plan is None or found.plan.cost is None:
        raise GpumixError("no plan was found in the work allowed; none is proven impossible")
    cost = found.plan.cost
    bound = min(max(found.bound, 0.0), cost)
    status = "optimal" if proven(cost, bound, gap) else "feasible"
    return replace(
        found.plan, status=status, bound=bound, gap=relative_gap(cost, bound), seconds=seconds
    )


FLOOR_COUNTS = 50_000_000
"""Whole numbers looked at, all nodes together, for any plan at all where blocks by themselves gave
none: a problem has a plan, however dear, or is told to have none."""


AT_ONCE = 300
"""Whole numbers up to which branch and bound goes first; in a larger problem it proves, and betters
where it can, what was found by taking the problem apart."""


class _Best:
    """The cheapest plan so far and the highest bound."""

    def __init__(self, gap: float) -> None:
        self.gap = gap
        self.plan: Solution | None = None
        self.bound = 0.0
        self.infeasible = False

    def take(self, plan: Solution) -> None:
        """Keep a plan if it is cheaper, its bound if it is higher."""
        self.bound = max(self.bound, plan.bound or 0.0)
        if plan.cost is None:
            self.infeasible = plan.status == "infeasible"
        elif self.plan is None or self.plan.cost is None or plan.cost < self.plan.cost:
            self.plan = plan

    @property
    def is_proven(self) -> bool:
        """Whether there is nothing left to look for."""
        if self.plan is None or self.plan.cost is None:
            return self.infeasible
        return proven(self.plan.cost, self.bound, self.gap)


def _search(task: Task, effort: Effort, deadline: Deadline, workers: int, found: _Best) -> None:
    size = whole_numbers(task.pruned)
    if size <= AT_ONCE and size <= effort.exact:
        found.take(_exact(task, effort.exact_counts, found.gap, deadline))
        if found.is_proven:
            return
    for plan in plans(task, effort, deadline, workers):
        found.take(plan)
    if AT_ONCE < size <= effort.exact and not found.is_proven:
        found.take(_exact(task, effort.exact_counts, found.gap, deadline, begin=found.plan))
    if found.plan is None and not found.infeasible:
        found.take(_exact(task, FLOOR_COUNTS, found.gap, deadline, any_plan=True))


def _exact(
    task: Task,
    counts: int,
    gap: float,
    deadline: Deadline,
    *,
    any_plan: bool = False,
    begin: Solution | None = None,
) -> Solution:
    """Branch and bound on the whole problem, so many whole numbers looked at; `any_plan`: until
    there is one; `begin`: from a plan that is known."""
    model = build(task.pruned, task.pools)
    nodes = max(counts // max(sum(model.linear.integer), 1), 1)
    outcome = run(
        model.linear,
        gap=gap,
        node_limit=nodes,
        any_point=any_plan,
        start=None if begin is None else whole_columns(task, model, begin),
        deadline=deadline,
    )
    if not outcome.values and outcome.status != "optimal":
        bound = None if outcome.status == "infeasible" else outcome.bound
        return Solution(outcome.status, None, bound, None, {}, ())
    plan = whole_solution(task, model, outcome.values)
    cost = price(task.stated, plan)
    _guard(task.stated, plan, cost, model.linear.objective(np.array(outcome.values)))
    return replace(plan, cost=cost, bound=outcome.bound)


def whole_numbers(problem: Problem) -> int:
    """About how many whole numbers a plan for the problem holds."""
    per_block = len(problem.configs) + len(problem.resources)
    dated = sum(len(r.terms) for r in problem.resources)
    return len(problem.blocks) * per_block + dated + len(problem.groups)


def check_ends(gap: float, time_limit_s: float | None) -> None:
    """Whether a search can end so.

    Raises:
        InputError: a gap that is no share of the cost (a gap of 1 calls any plan optimal), a time
            limit that is no time.
    """
    faults = []
    if not 0.0 <= gap < 1.0:
        faults.append(Fault("gap", f"must be at least 0 and below 1, not {gap:g}"))
    if time_limit_s is not None and not 0.0 < time_limit_s < math.inf:
        faults.append(Fault("time limit", f"must be above 0 s, not {time_limit_s:g}"))
    if faults:
        raise InputError(faults)


def feasible(problem: Problem, *, dropped: Collection[str] = (), fractions: bool = False) -> bool:
    """Whether some plan keeps all limits but the dropped ones, be it in fractions.

    What fractions cannot keep is infeasible at once. Of a large problem whole numbers are looked
    for among few nodes; what is not refuted in them counts as feasible.
    """
    asked = _asked(problem, dropped)
    program = build(asked, single_pools(asked), dropped=dropped).linear.program()
    program = replace(program, cost=np.zeros_like(program.cost))
    if fractions or whole_numbers(asked) > NORMAL.exact:
        if run(program.relaxed()).status == "infeasible":
            return False
        if fractions:
            return True
    nodes = None if whole_numbers(asked) <= NORMAL.exact else 1
    return run(program, node_limit=nodes).status != "infeasible"


def _asked(problem: Problem, dropped: Collection[str]) -> Problem:
    """The problem without the workloads of which nothing is asked once limits are dropped."""
    left = {
        w.id
        for w in problem.workloads
        if (f"work:{w.id}" if w.is_batch else f"demand:{w.id}") not in dropped
    }
    return replace(
        problem,
        workloads=tuple(w for w in problem.workloads if w.id in left),
        configs=tuple(c for c in problem.configs if c.cut or c.workload in left),
    )


def conflict(problem: Problem) -> tuple[str, ...]:
    """Limits that cannot hold together, none of them to spare; () if the problem has a plan.

    Of several such sets it finds the one told in the weightiest limits (the order of
    `problem.limits`), always the same one. In a large problem it is looked for among limits that
    fractions cannot keep together either, where there are such.
    """
    names = limits(problem)

    def holds(kept: Sequence[str], fractions: bool = False) -> bool:
        dropped = set(names).difference(kept)
        return feasible(problem, dropped=dropped, fractions=fractions)

    among = names
    if whole_numbers(problem) > NORMAL.exact:
        among = minimal_conflict(names, lambda kept: holds(kept, fractions=True)) or names
    return minimal_conflict(among, holds)


def least_slack(
    problem: Problem, relaxed: Collection[str], dropped: Collection[str] = ()
) -> float | None:
    """By how much some limits, all alike, must give for a plan to exist, all others but the dropped
    ones kept; None if that is no way.

    In the limits' own measure: a share (0-1) of the demand or work, kW, USD, instances, replicas.
    Of a large problem it is what fractions need.
    """
    asked = _asked(problem, dropped)
    model = build(asked, single_pools(asked), relaxed=relaxed, dropped=dropped)
    program = model.linear.program()
    is_large = whole_numbers(asked) > NORMAL.exact
    outcome = run(program.relaxed() if is_large else program)
    if outcome.status != "optimal":
        return None
    return max(outcome.values[model.slack], 0.0)


def _guard(problem: Problem, plan: Solution, cost: float, objective: float) -> None:
    """Refuse a plan that breaks a limit or costs more than the solver said.

    Raises:
        GpumixError: naming what is broken.
    """
    if broken := check(problem, plan):
        raise GpumixError(f"the solver's plan breaks {', '.join(broken)} after rounding")
    if cost > objective + 1e-6 * abs(objective):
        raise GpumixError(f"the plan costs {cost:.6g}, the solver said {objective:.6g}")


def _too_little_time(what: str, time_limit_s: float | None) -> InputError:
    return InputError(Fault("time limit", f"{what} in {time_limit_s or 0.0:g} s", "allow more"))
