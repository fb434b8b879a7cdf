"""`gpumix plan` of several inventories, or of one's scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gpumix.cli.console import console
from gpumix.cli.options import Format

if TYPE_CHECKING:
    from gpumix.plan.effort import Work
    from gpumix.verbs.plan import Overrides


def run_sweep(
    inventories: list[Path],
    with_scenarios: bool,
    out: Path,
    on: str,
    workers: int | None,
    measured: Path | None,
    format: Format,
    overrides: Overrides,
    work: Work,
) -> int:
    """Plan all, print one table; the exit code: 2, 3 or 0."""
    from gpumix.errors import InputError, Problem
    from gpumix.report.export import record_to_dict, to_json
    from gpumix.report.markdown import drawn, escaped
    from gpumix.report.terminal import spinner
    from gpumix.report.terminal_difference import show_sweep
    from gpumix.report.views import sweep as view
    from gpumix.verbs.executors import executor
    from gpumix.verbs.sweep import scenario_tasks, sweep, tasks_of

    if with_scenarios and len(inventories) > 1:
        raise InputError(Problem("--scenarios", "goes with one inventory", "plan them apart"))
    tasks = scenario_tasks(inventories[0]) if with_scenarios else tasks_of(inventories)
    with spinner() as progress:
        progress(f"{len(tasks)} plans")
        found = sweep(tasks, executor(on, workers), out, on, work, overrides, measured)
    if format is Format.JSON:
        written = record_to_dict(found)
        version = written.pop("schema_version")
        typer.echo(to_json({"schema_version": version, **written}))
    elif format is Format.MD:
        words = [drawn(view.sweep_table(found)), *map(escaped, view.reasons(found))]
        typer.echo("\n\n".join(words))
    else:
        show_sweep(found, console(), str(out))
    return found.exit_code
