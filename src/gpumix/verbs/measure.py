"""`gpumix measure`: a plan in, what measuring its speeds is worth out, and the script that does."""

from __future__ import annotations

from pathlib import Path

from gpumix.domain.worth import Worth
from gpumix.errors import Infeasible
from gpumix.inventory.written import as_written
from gpumix.measure.worth import worth_of
from gpumix.plan.plan import Progress, plan
from gpumix.publish import write_set
from gpumix.report.bench_script import NAME, bench_script
from gpumix.verbs.plan import open_inventory


def measure_file(
    path: Path,
    progress: Progress = lambda _: None,
    measured: Path | None = None,
    folder: Path | None = None,
) -> Worth:
    """What measuring is worth to a plan.json, or to an inventory, which is planned first; the
    script goes into a folder, if one is named.

    Raises: InputError for a file that cannot be used, or a plan of other data; Infeasible where an
    inventory has no plan.
    """
    progress(f"reading {path}")
    opened = open_inventory(path, measured)
    made = opened.before
    if made is None:
        try:
            made = plan(opened.inventory, opened.catalog, progress).plan
        except Infeasible as error:
            raise as_written(error, path, opened.catalog) from None
    progress("what measuring would save")
    found = worth_of(made, opened.inventory, opened.catalog)
    if folder is not None:
        write_set(folder, {NAME: bench_script(found)})
    return found
