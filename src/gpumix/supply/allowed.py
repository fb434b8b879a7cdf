"""Whether a workload may run on what can be had."""

from __future__ import annotations

from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Tier, Workload
from gpumix.supply.availability import up_share
from gpumix.supply.supply import Supply

UNSTEADY_TIERS = ("marketplace", "reseller")
"""Tiers that sell machines of others: no premium work there."""


def may_run(workload: Workload, supply: Supply) -> bool:
    """Whether law and promise allow the workload there: residency; premium work runs neither on
    spot nor on machines that the provider does not own; what is up for less of the time than the
    workload promises does not do."""
    lawful = not workload.countries or supply.country in workload.countries
    named = not workload.gpus or supply.gpu in workload.gpus
    is_steady = supply.purchase is not Purchase.SPOT and supply.tier not in UNSTEADY_TIERS
    steady = is_steady or workload.tier is not Tier.PREMIUM
    up = (up_share(workload, supply) or 0.0) >= (workload.availability or 0.0)
    return lawful and named and steady and up and not supply.idle
