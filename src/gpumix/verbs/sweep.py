"""`gpumix plan` of several inventories, or of the scenarios of one: a plan each, one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from gpumix.catalog import load
from gpumix.domain.plan import Plan
from gpumix.domain.sweep import Planning, Sweep
from gpumix.errors import GpumixError, InputError, Problem, message_of
from gpumix.inventory.overridden import AS_WRITTEN as AS_STATED
from gpumix.inventory.overridden import scenarios_of
from gpumix.plan.effort import NORMAL, Work
from gpumix.publish import check_folder, write_set
from gpumix.verbs.executors import Executor
from gpumix.verbs.plan import (
    AS_WRITTEN,
    FILES,
    PLAN,
    UNPROVEN_GAP,
    Overrides,
    files_of,
    open_inventory,
    overridden,
    plan_opened,
    with_known_owners,
)

NOT_PROVEN: Final = 3


@dataclass(frozen=True, slots=True)
class Task:
    """One plan of a sweep: an inventory, changed where it is a scenario."""

    name: str
    path: Path
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Done:
    """A row, and the files of its plan: texts and copies by name."""

    row: Planning
    files: Mapping[str, str | Path]


def tasks_of(paths: Sequence[Path]) -> tuple[Task, ...]:
    """A task an inventory, named as its file or folder is.

    Raises: InputError where two are named alike.
    """
    tasks = tuple(Task(_name(path), path) for path in paths)
    names = [task.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            [
                Problem(name, "names several inventories", "plan them apart, or rename one")
                for name in twice
            ]
        )
    return tasks


def scenario_tasks(path: Path) -> tuple[Task, ...]:
    """The inventory as it is written, then a task for each of its `scenarios`.

    Raises: InputError with every problem of every scenario.
    """
    catalog, problems = load(), list[Problem]()
    if path.is_dir() or path.suffix == ".json":
        fix = "name the inventory's YAML file"
        raise InputError(Problem(str(path), "is a plan, which has no scenarios to plan", fix))
    found = scenarios_of(path)
    if not found:
        fix = "add scenarios: {NAME: {workloads.chat.traffic.peak_requests_per_s: 20}}"
        raise InputError(Problem(str(path), "has no scenarios", fix))
    tasks = (Task(AS_STATED, path), *(Task(name, path, dict(c)) for name, c in found.items()))
    for task in tasks:
        try:
            open_inventory(path, changes=task.changes, catalog=catalog)
        except InputError as error:
            problems += [replace(p, place=f"{task.name}: {p.place}") for p in error.problems]
    if problems:
        raise InputError(problems)
    return tasks


def sweep(
    tasks: Sequence[Task],
    executor: Executor,
    out: Path,
    on: str = "local",
    work: Work = NORMAL,
    overrides: Overrides = AS_WRITTEN,
    measured: Path | None = None,
) -> Sweep:
    """A plan of each task, written to a folder of its name in `out`; what cannot be planned is a
    row that says why, and the others are planned all the same.

    Raises: InputError where a folder cannot be written, before anything is planned.
    """
    for task in tasks:
        check_folder(out / task.name, FILES)
    do = partial(_plan, work=work, overrides=overrides, measured=measured)
    rows = []
    for task, done in zip(tasks, executor.map(do, tasks), strict=True):
        row, folder = done.row, out / task.name
        if done.files:
            write_set(folder, done.files)
            row = replace(row, folder=str(folder))
        rows.append(row)
    return Sweep(on, tuple(rows))


def _name(path: Path) -> str:
    path = path.parent if path.name == PLAN else path
    return path.resolve().name if path.is_dir() else path.stem


def _plan(task: Task, work: Work, overrides: Overrides, measured: Path | None) -> _Done:
    try:
        opened = open_inventory(task.path, measured, task.changes)
        opened = opened if task.changes else with_known_owners(opened)
        opened = replace(opened, inventory=overridden(opened.inventory, overrides))
        planned = plan_opened(task.path, opened, work=work)
    except GpumixError as error:
        reason = "; ".join(message_of(error).splitlines())
        status = "no plan" if error.exit_code == NOT_PROVEN else "cannot be used"
        row = Planning(task.name, str(task.path), error.exit_code, status, reason)
        return _Done(row, {})
    return _Done(_row(task, planned.plan), files_of(planned, opened))


def _row(task: Task, made: Plan) -> Planning:
    checks = [check for workload in made.workloads for check in workload.slo]
    kept = sum(check.kept for check in checks)
    is_bad = kept < len(checks) or made.gap > UNPROVEN_GAP
    return Planning(
        name=task.name,
        inventory=str(task.path),
        exit_code=NOT_PROVEN if is_bad else 0,
        status=made.status,
        reason="",
        monthly_usd=made.monthly_usd,
        horizon_usd=made.horizon_usd,
        gap=made.gap,
        promises=len(checks),
        promises_kept=kept,
    )
