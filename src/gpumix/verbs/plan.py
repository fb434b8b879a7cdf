"""`gpumix plan`: an inventory file in, the plan and the problem it solved out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan.plan import Planned, Progress, plan
from gpumix.verbs.calibrate import find_store


def open_inventory(path: Path, measured: Path | None = None) -> tuple[Inventory, Catalog]:
    """An inventory and the catalogue it is planned with: its price sheet and the team's own
    measurements (`measured`, or those beside the inventory or in the working folder) laid over.

    Raises: InputError with every problem of the files.
    """
    catalog = load(measured=find_store(measured, path))
    inventory = read_inventory(path, catalog, date.today())
    if inventory.prices is not None:
        catalog = catalog.with_prices(Path(inventory.prices))
    return inventory, catalog


def plan_file(
    path: Path | str, progress: Progress = lambda _: None, measured: Path | None = None
) -> Planned:
    """The plan of an inventory file, and the mix problem it solved."""
    progress(f"reading {path}")
    inventory, catalog = open_inventory(Path(path), measured)
    return plan(inventory, catalog, progress)
