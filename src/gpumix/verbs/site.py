"""`gpumix site`: what the racks of every site of an inventory hold, and the work that does."""

from __future__ import annotations

from pathlib import Path

from gpumix.compare.room import rooms
from gpumix.domain.room import Rooms
from gpumix.verbs.plan import open_inventory
from gpumix.verbs.words import names_of


def site_rooms(path: Path, gpus: str | None = None, measured: Path | None = None) -> Rooms:
    """The rooms of an inventory file; `gpus` are ids separated by commas.

    Raises: InputError with every problem of the files, or where the inventory has no site.
    """
    names = names_of("--gpus", gpus)
    opened = open_inventory(path, measured)
    return rooms(opened.inventory, opened.catalog, names)
