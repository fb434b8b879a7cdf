"""`gpumix init --from`: an inventory's start from a manifest or a bill."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from gpumix.catalog import load
from gpumix.catalog.importers.names import Names
from gpumix.inventory.bill import is_bill, read_bill
from gpumix.inventory.manifest import read_manifest
from gpumix.inventory.start import of_bill, of_manifest


def inventory_from(path: Path, today: date) -> str:
    """The text of an inventory with what a file says; `today` dates its start.

    Raises: InputError where the file is neither a bill nor a manifest that can be read.
    """
    catalog = load()
    if is_bill(path):
        return of_bill(read_bill(path, Names(catalog.gpus)), path.name, today)
    return of_manifest(read_manifest(path), path.name, catalog, today)
