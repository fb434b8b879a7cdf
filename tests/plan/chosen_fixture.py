"""The planner's first steps without simulation: what a mix is chosen from."""

from __future__ import annotations

from gpumix.catalog import Catalog
from gpumix.domain.workload import Inventory
from gpumix.options.workloads import options
from gpumix.plan.choose import chosen_from, supply
from gpumix.plan.formulate import Choice


def chosen(inventory: Inventory, catalog: Catalog) -> Choice:
    """The options and supplies of an inventory, at the closed form's rates."""
    supplies = supply(inventory, catalog)
    return chosen_from(inventory, catalog, supplies, options(inventory, catalog, supplies))
