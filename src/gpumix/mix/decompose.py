"""A good plan for a large problem, block by block, and a bound on all plans.

1. The fractional problem: at once where it is small, else first of blocks of like demand and then
   by Benders' cuts on all blocks. It bounds every plan.
2. The commitments in whole numbers, all else in fractions.
3. Every block in whole numbers by itself at those commitments, batch work at its price. A block
   that has no such plan raises the commitments by what it needs.
4. Batch work over its window, all inference as it is.
5. A search of the whole problem among the few ways that the plan and the fractions use.

Every step ends by work done, and blocks are solved in any order by any number of threads: the
same problem has the same plan on any machine.

Source: Geoffrion, "Generalized Benders decomposition", Journal of Optimization Theory and
Applications 10 (1972) 237-260; Wolsey, "Integer Programming", section 12.5 (relax-and-fix); Danna,
Rothberg and Le Pape, "Exploring relaxation induced neighborhoods to improve MIP solutions",
Mathematical Programming 102 (2005) 71-90, for step 5.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.benders import MISSED, Start, commit
from gpumix.mix.cluster import clusters, coarse
from gpumix.mix.commitments import limit_rows, quota_rows
from gpumix.mix.effort import Effort
from gpumix.mix.extract import block_plan
from gpumix.mix.highs import Deadline, run
from gpumix.mix.linear import Program
from gpumix.mix.model import Model, build
from gpumix.mix.parts import Priced, Split, price_blocks, split
from gpumix.mix.plan import Solution, check, instances, price
from gpumix.mix.pool import Pool
from gpumix.mix.problem import Problem
from gpumix.mix.whole import whole_blocks
from gpumix.mix.window import plan_batch

COMMIT_GAP = 1e-4
"""Gap at which the search for whole commitments may end."""


@dataclass(frozen=True, slots=True)
class Task:
    """A problem as stated and as searched: without dominated configs, `kept` their indices."""

    stated: Problem
    pruned: Problem
    kept: tuple[int, ...]
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The fractional problem: counts and shares of batch work by block, a bound, what it uses.

    `starts` are such counts and shares: in fractions, then with whole groups where there are such
    and blocks had to be put together; `model` is None if they had. `used` are numbers of ways.
    """

    starts: tuple[Start, ...]
    bound: float
    used: frozenset[int]
    model: Model | None


def plans(task: Task, effort: Effort, deadline: Deadline, workers: int) -> Iterator[Solution]:
    """Plans with a bound, each checked, better ones later; none where no plan was found.

    The first may be without a plan: infeasible, where the fractional problem is, or where it is
    with whole commitments.
    """
    relaxed = _relaxed(task, effort, deadline)
    if relaxed is None:
        yield Solution("infeasible", None, None, None, {}, ())
        return
    parts = split(task.pruned, task.pools, relaxed.bound, workers, deadline)
    committed = _committed(parts, relaxed, effort)
    if committed is None:
        yield Solution("infeasible", None, None, None, {}, ())
        return
    priced, bound = committed
    found = _whole_plan(task, parts, priced, effort)
    if found is None:
        return
    values, n = found
    plan = _assembled(task, parts, values, n)
    if not check(task.stated, plan):
        yield replace(plan, cost=price(task.stated, plan), bound=bound)
    if relaxed.model is not None:
        polished = _polished(task, relaxed, values, parts, effort)
        if polished is not None:
            yield replace(polished, bound=bound)


def _relaxed(task: Task, effort: Effort, deadline: Deadline) -> Relaxed | None:
    """The fractional optimum, of all blocks or of groups of like ones; None where there is none."""
    problem = task.pruned
    per_block = len(problem.configs) + len(problem.resources)
    is_small = per_block * len(problem.blocks) <= effort.whole
    every = range(len(problem.blocks))
    groups = tuple((p,) for p in every) if is_small else clusters(problem, effort.clusters)
    grouped = problem if is_small else coarse(problem, groups)
    model = build(grouped, task.pools)
    program = model.linear.program()
    outcome = run(program.relaxed(), deadline=deadline)
    if outcome.status == "infeasible":
        return None
    values = [np.array(outcome.values)]
    if not is_small and model.had.groups:
        whole = _with_whole(program, [model.committed[k] for k in model.had.group_columns])
        found = run(whole, gap=COMMIT_GAP, node_limit=effort.commit_nodes, deadline=deadline)
        values += [np.array(found.values)] if found.values else []
    return Relaxed(
        tuple((_counts(model, v), _shares(problem, model, v, groups)) for v in values),
        outcome.bound,
        _used(model, values[0]),
        model if is_small else None,
    )


def _with_whole(program: Program, columns: Sequence[int]) -> Program:
    """The program with those columns whole and no others."""
    whole = np.zeros_like(program.integer)
    whole[list(columns)] = True
    return replace(program, integer=whole)


def _counts(model: Model, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([max(values[c], 0.0) for c in model.committed])


def _shares(
    problem: Problem, model: Model, values: NDArray[np.float64], groups: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Each block's share of each batch work, within a group by hours."""
    batches = [w for w in problem.workloads if w.is_batch and w.work > 0.0]
    out = np.zeros((len(problem.blocks), len(batches)))
    for k, batch in enumerate(batches):
        ways = model.ways_of(batch)
        for i, group in enumerate(groups):
            block = model.problem.blocks[i]
            if not model.problem.workload_by_id[batch.id].counts_in(i):
                continue
            most = math.inf if model.problem.workload_by_id[batch.id].shifts else 1.0
            done = sum(
                min(way.config.plain_rate * block.hours / batch.work, most) * values[way.columns[i]]
                for way in ways
            )
            for p in group:
                out[p, k] = max(done, 0.0) * problem.blocks[p].hours / block.hours
    return out


def _used(model: Model, values: NDArray[np.float64]) -> frozenset[int]:
    return frozenset(
        i for i, way in enumerate(model.ways) if values[list(way.columns)].max() > 1e-6
    )


def _committed(parts: Split, relaxed: Relaxed, effort: Effort) -> tuple[Priced, float] | None:
    """Whole commitments, the blocks in fractions at them, and a bound; None if there are none."""
    model, nodes = relaxed.model, effort.commit_nodes
    if model is None:
        return commit(parts, relaxed.starts, effort.rounds, nodes)
    program = _with_whole(model.linear.program(), model.committed)
    outcome = run(program, gap=COMMIT_GAP, node_limit=nodes, deadline=parts.deadline)
    if outcome.status == "infeasible":
        return None
    bound = max(relaxed.bound, outcome.bound)
    if not outcome.values:
        priced, _ = commit(parts, relaxed.starts, effort.rounds, nodes)
        return priced, bound
    values = np.array(outcome.values)
    groups = [(p,) for p in range(len(parts.parts))]
    shares = _shares(parts.problem, model, values, groups)
    return price_blocks(parts, np.round(_counts(model, values)), shares), bound


def _whole_plan(
    task: Task, parts: Split, priced: Priced, effort: Effort
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]] | None:
    """Values of every block's columns and the commitments; None where some block has no plan."""
    for _ in range(2):
        found = whole_blocks(parts, priced, effort)
        n = priced.n
        for p, values in enumerate(found):
            lacks = priced.missing[p] > MISSED
            if values is None or lacks:
                raised = _raised(parts, p, n, priced.shares[p] * lacks, effort)
                if raised is None and values is None:
                    return None
                n = n if raised is None else raised
        if np.array_equal(n, priced.n):
            break
        priced = price_blocks(parts, n, priced.shares)
    whole = [values for values in found if values is not None]
    if len(whole) < len(found):
        return None
    return plan_batch(parts, whole, effort.window_nodes) or whole, priced.n


def _raised(
    parts: Split, p: int, n: NDArray[np.float64], share: NDArray[np.float64], effort: Effort
) -> NDArray[np.float64] | None:
    """The cheapest commitments, none below the given, at which a block has a whole plan.

    With the given shares of batch work in it.
    """
    part, had = parts.parts[p], parts.had
    linear = build(part.model.problem, parts.pools).linear
    most = np.maximum(np.array(linear.upper)[part.counts][had.of], n)
    for k, resource in enumerate(had.resource_of):
        if resource.max_instances is not None:
            most[k] = max(resource.max_instances, n[k])
    columns = [
        linear.column(usd, high if counts else low, low)
        for usd, high, low, counts in zip(had.cost, most, n, had.counts[p], strict=True)
    ]
    for r, count in enumerate(map(int, part.counts)):
        linear.cost[count], linear.lower[count], linear.upper[count] = 0.0, 0.0, np.inf
        held = [(columns[k], 1.0) for k in had.members[r] if had.counts[p, k]]
        linear.row([*held, (count, -1.0)], lower=0.0, upper=0.0)
    limit_rows(linear, had, columns)
    quota_rows(linear, had, columns)
    for row in part.model.shift_rows:
        linear.row_lower[row] = -math.inf
    for row, least in zip(part.work_rows, share, strict=True):
        linear.row_lower[row] = float(least)
    outcome = run(linear, gap=1e-3, node_limit=100 * effort.block_nodes, deadline=parts.deadline)
    if not outcome.values:
        return None
    return np.round(np.array(outcome.values)[columns])


def _assembled(
    task: Task, parts: Split, values: Sequence[NDArray[np.float64]], n: NDArray[np.float64]
) -> Solution:
    committed, terms = parts.had.named(n)
    blocks = tuple(
        block_plan(task.stated, task.kept, part.model, block, p, 0)
        for p, (part, block) in enumerate(zip(parts.parts, values, strict=True))
    )
    return Solution("feasible", None, None, None, committed, blocks, terms=terms)


def whole_solution(task: Task, model: Model, values: Sequence[float]) -> Solution:
    """The plan that values of the whole problem's program say, not yet priced or checked."""
    committed, terms = model.had.named([values[column] for column in model.committed])
    blocks = tuple(
        block_plan(task.stated, task.kept, model, values, p, p)
        for p in range(len(task.stated.blocks))
    )
    return Solution("feasible", None, None, None, committed, blocks, terms=terms)


def whole_columns(task: Task, model: Model, plan: Solution) -> dict[int, float]:
    """What a plan says of the whole problem's program: replicas and instances by column."""
    values: dict[int, float] = {}
    for way, members in zip(
        model.ways, (c for pool in model.pools for c in pool.configs), strict=True
    ):
        for column, block in zip(way.columns, plan.blocks, strict=True):
            values[column] = float(sum(block.replicas[task.kept[c]] for c in members))
    for resource, columns in zip(model.problem.resources, model.instances, strict=True):
        for p, column in enumerate(columns):
            values[column] = float(instances(plan, resource, p))
    return values


def _polished(
    task: Task,
    relaxed: Relaxed,
    values: Sequence[NDArray[np.float64]],
    parts: Split,
    effort: Effort,
) -> Solution | None:
    """The best plan found among the ways that the plan or the fractions use."""
    model = relaxed.model
    if model is None:
        return None
    used = set(relaxed.used)
    for i, _ in enumerate(model.ways):
        if any(
            block[part.model.ways[i].columns[0]] > 0.5
            for block, part in zip(values, parts.parts, strict=True)
        ):
            used.add(i)
    program = model.linear.program()
    upper = program.upper.copy()
    for i, way in enumerate(model.ways):
        if i not in used:
            upper[list(way.columns)] = 0.0
    size = int((program.integer & (upper > 0.0)).sum())
    if size > effort.polish_counts:
        return None
    outcome = run(
        replace(program, upper=upper),
        gap=COMMIT_GAP,
        node_limit=max(effort.polish_counts // max(size, 1), 1),
        deadline=parts.deadline,
    )
    if not outcome.values:
        return None
    plan = whole_solution(task, model, outcome.values)
    if check(task.stated, plan):
        return None
    return replace(plan, cost=price(task.stated, plan))
