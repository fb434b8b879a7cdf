"""HiGHS, the solver of linear and mixed-integer programs; the only module that knows it.

One thread and a fixed seed throughout, ends by nodes, and a clock only where the caller asks for
one: the same program gives the same point on any machine.

Source: Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical Programming
Computation 10 (2018) 119-142; HiGHS documentation, options and model status.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpumix.errors import GpumixError
from gpumix.mix.digits import dot
from gpumix.mix.linear import Linear, Program
from gpumix.mix.problem import TOLERANCE

if TYPE_CHECKING:
    import highspy

Basis: TypeAlias = "highspy.HighsBasis"
"""Where a linear program's solve ended, for the next one to start from."""

DEFAULT_GAP = 1e-7
"""Proves the optimum to the cent on a plan of 100,000 USD."""


class OutOfTime(Exception):
    """The wall-clock stop that the caller asked for has come."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to stop, by the clock of `time.perf_counter` [s]; infinite = never."""

    at_s: float = math.inf

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        """A deadline so long from now; none for None."""
        return cls() if seconds is None else cls(time.perf_counter() + seconds)

    def left_s(self) -> float:
        """Time left [s].

        Raises:
            OutOfTime: none is.
        """
        if math.isinf(self.at_s):
            return math.inf
        left_s = self.at_s - time.perf_counter()
        if left_s <= 0.0:
            raise OutOfTime
        return left_s


NEVER = Deadline()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the solver found: optimal, feasible (stopped, with a point), infeasible, or unknown.

    `values` by column exist only where optimal or feasible; `bound` on the objective unless
    infeasible.
    """

    status: str
    values: tuple[float, ...] = ()
    bound: float = math.nan


def run(
    linear: Linear | Program,
    *,
    gap: float = DEFAULT_GAP,
    node_limit: int | None = None,
    brief: bool = False,
    any_point: bool = False,
    start: Mapping[int, float] | None = None,
    deadline: Deadline = NEVER,
) -> Outcome:
    """Minimise a program; two runs find the same point.

    Args:
        linear: the program.
        gap: stop once (cost - bound) / cost is at most this (0-1).
        node_limit: stop after so many nodes of the search tree.
        brief: leave out what pays only in a long search: restarts, symmetry, a second look at
            the root by reduced costs. A small program is done in half the time.
        any_point: stop at the first point found.
        start: whole columns of a point to begin with, from which no better one is looked for in
            programs within the program.
        deadline: stop then.

    Raises:
        GpumixError: the solver ended in any state but optimal, infeasible or stopped.
        OutOfTime: no time was left to begin with.
    """
    program = linear.program() if isinstance(linear, Linear) else linear
    if program.has_empty_range:
        return Outcome("infeasible")
    if not len(program.cost):
        return Outcome("infeasible" if program.refuses_zero else "optimal", (), 0.0)
    import highspy

    highs, scale = _loaded(program)
    highs.setOptionValue("mip_heuristic_run_feasibility_jump", any_point)  # its points are poor
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 0.0)
    highs.setOptionValue("mip_feasibility_tolerance", 0.1 * TOLERANCE)
    highs.setOptionValue("time_limit", deadline.left_s())
    if node_limit is not None:
        highs.setOptionValue("mip_max_nodes", node_limit)
    if any_point:
        highs.setOptionValue("mip_max_improving_sols", 1)
    if brief:
        for option in ("allow_restart", "detect_symmetry", "heuristic_run_root_reduced_cost"):
            highs.setOptionValue(f"mip_{option}", False)
    if start:
        for option in ("rins", "rens", "root_reduced_cost"):
            highs.setOptionValue(f"mip_heuristic_run_{option}", False)
        counts = np.array(list(start.values()), dtype=np.float64)
        highs.setSolution(len(start), np.array(list(start), dtype=np.int32), counts)
    highs.run()
    status = highs.getModelStatus()
    ended = highspy.HighsModelStatus
    bounded = program.cost.min() >= 0.0 and program.lower.min() >= 0.0
    if status == ended.kInfeasible or (status == ended.kUnboundedOrInfeasible and bounded):
        return Outcome("infeasible")
    info = highs.getInfo()
    has_point = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    stopped = status in (ended.kTimeLimit, ended.kSolutionLimit)  # the latter: enough nodes
    if stopped and not has_point:
        return Outcome("unknown", (), info.mip_dual_bound * scale)
    if not has_point or not (stopped or status == ended.kOptimal):
        raise GpumixError(f"the solver stopped with {highs.modelStatusToString(status)}")
    values = tuple(highs.getSolution().col_value)
    bound = info.mip_dual_bound if program.integer.any() else info.objective_function_value
    cost = float(dot(program.cost, np.array(values)))
    if stopped or not proven(cost, bound * scale, gap):  # "optimal" is said by the bound alone
        return Outcome("feasible", values, bound * scale)
    return Outcome("optimal", values, bound * scale)


def proven(cost: float, bound: float, gap: float) -> bool:
    """Whether a bound proves a cost within a gap, rounding of sums aside."""
    return cost - bound <= (gap + 1e-6) * abs(cost) + 1e-12


@dataclass(frozen=True, slots=True)
class Point:
    """An optimum of a linear program: values and reduced costs of columns, duals of rows."""

    objective: float
    values: NDArray[np.float64]
    reduced: NDArray[np.float64]
    duals: NDArray[np.float64]


class WarmProgram:
    """A linear program (whole columns relaxed) that is solved again after changes of its bounds.

    Each solve starts from the basis of the one before, or from the one given.
    """

    __slots__ = ("_highs", "_scale")

    def __init__(self, program: Program, basis: Basis | None = None) -> None:
        self._highs, self._scale = _loaded(program, relaxed=True)
        if basis is not None:
            self._highs.setBasis(basis)

    @property
    def basis(self) -> Basis:
        """The basis of the last solve."""
        return self._highs.getBasis()

    def bound_columns(
        self, columns: NDArray[np.int32], lower: NDArray[np.float64], upper: NDArray[np.float64]
    ) -> None:
        """Give columns other bounds."""
        self._highs.changeColsBounds(len(columns), columns, lower, upper)

    def solve(self) -> Point | None:
        """The optimum; None where there is none.

        Raises:
            GpumixError: the solver ended in any other state.
        """
        import highspy

        ended = highspy.HighsModelStatus
        self._highs.run()
        if self._highs.getModelStatus() == ended.kUnknown:  # the basis led nowhere
            self._highs.clearSolver()
            self._highs.run()
        status = self._highs.getModelStatus()
        if status in (ended.kInfeasible, ended.kUnboundedOrInfeasible):
            return None
        if status != ended.kOptimal:
            named = self._highs.modelStatusToString(status)
            raise GpumixError(f"the solver stopped with {named}")
        found = self._highs.getSolution()
        return Point(
            self._highs.getInfo().objective_function_value * self._scale,
            np.array(found.col_value),
            np.array(found.col_dual) * self._scale,
            np.array(found.row_dual) * self._scale,
        )


def _loaded(program: Program, *, relaxed: bool = False) -> tuple[highspy._core._Highs, float]:
    """HiGHS with a program in it, and by what the costs were divided.

    That is the greatest cost of a whole column, so that penalties do not drown the rest.
    """
    import highspy

    # The public subclass prints a banner on stdout when it is made.
    highs = highspy._Highs()  # type: ignore[attr-defined]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", 0)
    highs.setOptionValue("primal_feasibility_tolerance", 0.1 * TOLERANCE)
    costs = np.abs(program.cost)
    scale = float(costs[program.integer].max(initial=0.0) or costs.max(initial=0.0)) or 1.0
    passed = highs.passModel(
        len(program.cost),
        len(program.row_lower),
        len(program.value),
        int(highspy.MatrixFormat.kRowwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        program.cost / scale,
        program.lower,
        program.upper,
        program.row_lower,
        program.row_upper,
        program.start[:-1],
        program.index,
        program.value,
        (program.integer & (not relaxed)).astype(np.int32),
    )
    if passed == highspy.HighsStatus.kError:
        raise GpumixError("the solver refused the program")
    return highs, scale
