"""`gpumix diff`: two plans, or inventories that are planned first, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpumix.domain.plan import Plan
from gpumix.domain.plan_difference import PlanDifference
from gpumix.errors import InputError, Problem
from gpumix.loop.conditions import conditions
from gpumix.loop.difference import difference
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.plan import Progress
from gpumix.report.export import read_plan
from gpumix.verbs.plan import PLAN, plan_file


@dataclass(frozen=True, slots=True)
class Compared:
    """A difference, and the conditions that it meets."""

    found: PlanDifference
    failed: tuple[str, ...]


def diff_plans(
    before: Path,
    after: Path,
    fail_if: Sequence[str] = (),
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
    measured: Path | None = None,
) -> Compared:
    """The difference of two plans: each a plan.json, its folder, or an inventory's YAML file.

    Raises: InputError with the problems of the conditions, or of a file.
    """
    asked = conditions(fail_if)
    made = [plan_at(path, progress, work, measured) for path in (before, after)]
    found = difference(*made)
    return Compared(found, tuple(one.text for one in asked if one.is_met(found)))


def plan_at(
    path: Path,
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
    measured: Path | None = None,
) -> Plan:
    """The plan in a file or a folder as it is, or that of an inventory, made now."""
    if path.is_dir() and not (path / PLAN).is_file():
        raise InputError(Problem(str(path), "holds no plan.json", "name a plan or an inventory"))
    file = path / PLAN if path.is_dir() else path
    if file.suffix == ".json":
        return read_plan(file)
    return plan_file(file, progress, measured, work).plan
