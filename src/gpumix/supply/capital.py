"""What capital costs a plan: one rate, at which all that is paid later counts for less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpumix.domain.workload import Inventory

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def cost_of_capital(inventory: Inventory, catalog: Catalog) -> float:
    """The inventory's, else that of the first site which buys or owns, else its country's [1/year].

    0 without such a site: what only rents has no capital to pay for, and all three totals agree.
    """
    if inventory.cost_of_capital is not None:
        return inventory.cost_of_capital
    for site in inventory.sites:
        if site.gpus or site.owned:
            own = site.cost_of_capital
            return catalog.countries[site.country].cost_of_capital if own is None else own
    return 0.0
