"""Solves mix problems with HiGHS; the only module that knows the solver.

Source: Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical Programming
Computation 10 (2018) 119-142; HiGHS documentation, options and model status.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.errors import GpumixError, InputError
from gpumix.errors import Problem as Fault
from gpumix.mix.linear import Linear
from gpumix.mix.model import Model, Way, build
from gpumix.mix.plan import BlockPlan, Solution, check, price, relative_gap
from gpumix.mix.pool import deal_out, shared_pools, single_pools
from gpumix.mix.problem import TOLERANCE, Problem, limits
from gpumix.mix.prune import prune
from gpumix.mix.quickxplain import minimal_conflict
from gpumix.mix.read import check_problem
from gpumix.mix.start import relax_and_fix

DEFAULT_GAP = 1e-7
"""Proves the optimum to the cent on a plan of 100,000 USD."""

LARGE = 6000
"""Integer columns from which a plan found block by block comes before the search."""

START_SHARE = 0.7
"""Share (0-1) of a time limit for that plan; what is left goes to the bound and to better ones."""

STEP_GAP, STEP_NODES = 5e-4, 50
"""When a step towards that plan is good enough: the gap (0-1), or nodes of its search tree."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the solver found: optimal, feasible (time limit, with a point), infeasible, or unknown.

    `values` by column exist only where optimal or feasible; `bound` on the objective unless
    infeasible.
    """

    status: str
    values: tuple[float, ...] = ()
    bound: float = math.nan


def solve(
    problem: Problem,
    *,
    gap: float = DEFAULT_GAP,
    time_limit_s: float | None = None,
    node_limit: int | None = None,
    large: int | None = None,
    known_bound: float = 0.0,
    enough: float = 0.0,
) -> Solution:
    """The cheapest plan that keeps every limit, or the limits that cannot hold together.

    Args:
        problem: what is wanted and what can be had.
        gap: stop once (cost - bound) / cost is at most this (0-1).
        time_limit_s: stop the search after so long [s] with the best plan found.
        node_limit: stop after so many nodes of the search tree: the same plan on any machine.
        large: integer columns from which a plan found block by block comes before the search;
            None = `LARGE`.
        known_bound: what no plan can undercut, if that is known [USD].
        enough: a plan found block by block is taken without a search if the known bound leaves it
            no more than this gap (0-1).

    Raises:
        InputError: the problem breaks a rule of its form.
        InputError: the time limit passed without a plan.
        GpumixError: the solver failed.
    """
    started = time.perf_counter()
    check_ends(gap, time_limit_s)
    check_problem(problem)
    pruned, kept = prune(problem)
    model = build(pruned, shared_pools(pruned))
    start = _start(model, gap, time_limit_s, LARGE if large is None else large)
    left_s = None if time_limit_s is None else max(time_limit_s - _since(started), 0.0)
    if start and _proven(model.linear.objective(np.array(start)), known_bound, enough):
        searched = Outcome("unknown", (), known_bound)
    else:
        searched = run(model.linear, gap=gap, time_limit_s=left_s, node_limit=node_limit)
    outcome = _better(model.linear, searched, start, gap)
    if outcome.status == "infeasible":
        names = conflict(problem)
        return Solution("infeasible", None, None, None, {}, (), names, _since(started))
    if outcome.status == "unknown":
        raise _too_little_time("no plan was found", time_limit_s)
    plan = _plan(problem, model, kept, outcome.values)
    cost = price(problem, plan)
    _guard(problem, plan, cost, model.linear.objective(np.array(outcome.values)))
    bound = min(max(outcome.bound, 0.0), cost)
    return Solution(
        outcome.status,
        cost,
        bound,
        relative_gap(cost, bound),
        plan.committed,
        plan.blocks,
        (),
        _since(started),
    )


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


def feasible(
    problem: Problem, *, dropped: Sequence[str] = (), time_limit_s: float | None = None
) -> bool:
    """Whether some plan keeps all limits but the dropped ones.

    Raises:
        InputError: the time limit passed without an answer.
    """
    model = build(problem, single_pools(problem), dropped=dropped)
    model.linear.cost[:] = [0.0] * len(model.linear.cost)
    outcome = run(model.linear, time_limit_s=time_limit_s)
    if outcome.status == "unknown":
        raise _too_little_time("whether a plan exists is not known", time_limit_s)
    return outcome.status != "infeasible"


def conflict(problem: Problem, *, time_limit_s: float | None = None) -> tuple[str, ...]:
    """Limits that cannot hold together, none of them to spare; () if the problem has a plan.

    Of several such sets it finds the one told in the weightiest limits (the order of
    `problem.limits`), always the same one.

    Raises:
        GpumixError: one of the searches took longer than `time_limit_s` [s].
    """
    names = limits(problem)

    def holds(kept: Sequence[str]) -> bool:
        dropped = [name for name in names if name not in kept]
        return feasible(problem, dropped=dropped, time_limit_s=time_limit_s)

    return minimal_conflict(names, holds)


def least_slack(problem: Problem, limit: str) -> float | None:
    """By how much one limit must give for a plan to exist, all others kept; None if that is no way.

    In the limit's own measure: a share (0-1) of the demand or work, kW, USD, instances, replicas.
    """
    model = build(problem, single_pools(problem), relaxed=limit)
    outcome = run(model.linear)
    if outcome.status != "optimal":
        return None
    return max(outcome.values[model.slack], 0.0)


def run(
    linear: Linear,
    *,
    gap: float = DEFAULT_GAP,
    time_limit_s: float | None = None,
    node_limit: int | None = None,
) -> Outcome:
    """Minimise a program; one thread and a fixed seed, so that two runs find the same point.

    Args:
        linear: the program.
        gap: stop once (cost - bound) / cost is at most this (0-1).
        time_limit_s: stop after so long [s].
        node_limit: stop after so many nodes of the search tree.

    Raises:
        GpumixError: the solver ended in any state but optimal, infeasible or the time limit.
    """
    if linear.has_empty_range:
        return Outcome("infeasible")
    if not linear.cost:
        return Outcome("infeasible" if linear.refuses_zero else "optimal", (), 0.0)
    import highspy

    # The public subclass prints a banner on stdout when it is made.
    highs = highspy._Highs()  # type: ignore[attr-defined]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", 0)
    highs.setOptionValue("mip_heuristic_run_feasibility_jump", False)  # its plans are poor here
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 0.0)
    highs.setOptionValue("mip_feasibility_tolerance", 0.1 * TOLERANCE)
    highs.setOptionValue("primal_feasibility_tolerance", 0.1 * TOLERANCE)
    if time_limit_s is not None:
        highs.setOptionValue("time_limit", time_limit_s)
    if node_limit is not None:
        highs.setOptionValue("mip_max_nodes", node_limit)
    scale = max(map(abs, linear.cost)) or 1.0
    columns, rows = len(linear.cost), len(linear.row_lower)
    passed = highs.passModel(
        columns,
        rows,
        len(linear.value),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        np.array(linear.cost) / scale,
        np.array(linear.lower, dtype=np.float64),
        np.array(linear.upper, dtype=np.float64),
        np.array(linear.row_lower, dtype=np.float64),
        np.array(linear.row_upper, dtype=np.float64),
        np.array(linear.start[:-1], dtype=np.int32),
        np.array(linear.index, dtype=np.int32),
        np.array(linear.value, dtype=np.float64),
        np.array(linear.integer, dtype=np.int32),
    )
    if passed == highspy.HighsStatus.kError:
        raise GpumixError("the solver refused the program")
    highs.run()
    status = highs.getModelStatus()
    ended = highspy.HighsModelStatus
    bounded = min(linear.cost) >= 0.0 and min(linear.lower) >= 0.0
    if status == ended.kInfeasible or (status == ended.kUnboundedOrInfeasible and bounded):
        return Outcome("infeasible")
    info = highs.getInfo()
    has_point = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    stopped = status in (ended.kTimeLimit, ended.kSolutionLimit)  # the latter: enough nodes
    if stopped and not has_point:
        return Outcome("unknown", (), info.mip_dual_bound * scale)
    if not has_point or not (stopped or status == ended.kOptimal):
        raise GpumixError(f"the solver stopped with {highs.modelStatusToString(status)}")
    values = tuple(float(v) for v in highs.getSolution().col_value)
    bound = info.mip_dual_bound if any(linear.integer) else info.objective_function_value
    if stopped:
        return Outcome("feasible", values, bound * scale)
    if not _proven(linear.objective(np.array(values)), bound * scale, gap):
        raise GpumixError("the solver calls a plan optimal that its own bound does not prove")
    return Outcome("optimal", values, bound * scale)


def _proven(cost: float, bound: float, gap: float) -> bool:
    """Whether a bound proves a cost within a gap, rounding of sums aside."""
    return cost - bound <= (gap + 1e-6) * abs(cost) + 1e-12


def _better(linear: Linear, outcome: Outcome, start: Sequence[float], gap: float) -> Outcome:
    """The outcome of the search, with the start's plan where the search found none as cheap.

    The start is not handed to HiGHS: version 1.16.0 forgets the cost that presolve has taken out
    of the objective when it compares a given point, and cuts off better plans as if proven.
    """
    if not start or outcome.status == "infeasible":
        return outcome
    cost = linear.objective(np.array(start))
    if outcome.values and linear.objective(np.array(outcome.values)) <= cost:
        return outcome
    status = "optimal" if _proven(cost, outcome.bound, gap) else "feasible"
    return Outcome(status, tuple(start), outcome.bound)


def _start(model: Model, gap: float, time_limit_s: float | None, large: int) -> tuple[float, ...]:
    """A plan to fall back on in a search of so many integer columns or more, within its share of
    the time; else empty."""
    if sum(model.linear.integer) < large:
        return ()
    deadline = (
        math.inf if time_limit_s is None else time.perf_counter() + START_SHARE * time_limit_s
    )
    steps_left = len(model.problem.blocks) + 1

    def step(linear: Linear) -> tuple[float, ...]:
        nonlocal steps_left
        limit_s = max(deadline - time.perf_counter(), 0.0) / steps_left
        steps_left -= 1
        return run(
            linear,
            gap=max(0.5 * gap, STEP_GAP),
            time_limit_s=None if math.isinf(limit_s) else limit_s,
            node_limit=STEP_NODES,
        ).values

    return relax_and_fix(model, step)


def _since(started: float) -> float:
    return time.perf_counter() - started


def _plan(problem: Problem, model: Model, kept: Sequence[int], values: Sequence[float]) -> Solution:
    """The solver's point as whole counts of the problem's own resources and configs."""
    counts = [[round(values[column]) for column in columns] for columns in model.instances]
    committed = {r.id: counts[i][0] for i, r in enumerate(problem.resources) if r.is_committed}
    blocks = []
    for p, block in enumerate(problem.blocks):
        replicas = [0] * len(problem.configs)
        served: list[dict[str, float]] = [{} for _ in problem.configs]
        for q, pool in enumerate(model.pools):
            ways = [way for way in model.ways if way.pool == q]
            z = [round(values[way.columns[p]]) for way in ways]
            instances = [counts[r][p] for r in pool.resources]
            dealt = deal_out(model.problem, pool, z, instances, p)
            for members, way, total in zip(pool.configs, ways, z, strict=True):
                for c in members:
                    replicas[kept[c]] = dealt[c]
                    if total:
                        served[kept[c]] = _served(way, p, dealt[c] / total, values)
        gpus = dict.fromkeys((r.id for r in problem.resources), 0)
        for config, n in zip(problem.configs, replicas, strict=True):
            gpus[config.resource] += config.gpus * n
        running = {
            r.id: max(r.min_instances, -(-gpus[r.id] // r.gpus_per_instance))
            for r in problem.resources
            if not r.is_committed
        }
        if problem.has_classes:
            _serve_exactly(problem, served, p)
        blocks.append(
            BlockPlan(
                block.id, running, tuple(replicas), tuple(served) if problem.has_classes else ()
            )
        )
    return Solution("", None, None, None, committed, tuple(blocks))


def _served(way: Way, block: int, share: float, values: Sequence[float]) -> dict[str, float]:
    """Shares of each class's demand that one member config of a pool serves."""
    return {
        name: values[column] * share
        for (name, p), column in way.served.items()
        if p == block and values[column] * share > 0.0
    }


def _serve_exactly(problem: Problem, served: Sequence[dict[str, float]], block: int) -> None:
    """Turn shares of a class's demand into units/h that add up to the demand."""
    for workload in problem.workloads:
        if not workload.classes:
            continue
        mine = [
            shares
            for config, shares in zip(problem.configs, served, strict=True)
            if config.workload == workload.id
        ]
        for name, demand in workload.class_demand(block).items():
            total = math.fsum(shares.get(name, 0.0) for shares in mine)
            for shares in mine:
                if name in shares:
                    shares[name] *= demand / total


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
