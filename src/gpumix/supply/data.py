"""What data costs at an offer's provider: each GB sent out, each GB kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpumix.cost.contracts import billed_usd
from gpumix.domain.contracts import NO_CONTRACTS
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.offer import Offer
from gpumix.domain.workload import Inventory

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


@dataclass(frozen=True, slots=True)
class DataPrice:
    """Prices [USD] of a GB sent out and of a GB kept a month, on the bill, with their evidence."""

    rates: tuple[float, float] = (0.0, 0.0)
    assumptions: tuple[Assumption, ...] = ()


def data_price_of(inventory: Inventory, catalog: Catalog) -> Callable[[Offer], DataPrice]:
    """Offer -> what data costs there; nothing where no work states what it sends out or keeps.

    The rate of a row of the team's own sheet goes before the provider's. Support and taxes are
    laid on it as on the rest of the bill.
    """
    contracts = inventory.cloud.contracts if inventory.cloud else NO_CONTRACTS
    sent = any(w.egress_tb_per_month for w in inventory.workloads)
    kept = any(w.data_tb for w in inventory.workloads)
    known: dict[tuple[str, float | None], DataPrice] = {}

    def found(offer: Offer) -> DataPrice:
        own = offer.own.egress_usd_per_gb if offer.own else None
        key = (offer.provider, own)
        if key not in known:
            support = contracts.support_share(offer.provider)
            factor = billed_usd(1.0, 0.0, support, contracts.tax_share)
            egress = _egress(offer, own, catalog) if sent else None
            storage = _storage(offer, catalog) if kept else None
            usd = [one[0] * factor if one else 0.0 for one in (egress, storage)]
            known[key] = DataPrice(
                (usd[0], usd[1]), tuple(one[1] for one in (egress, storage) if one)
            )
        return known[key]

    return found


def _egress(offer: Offer, own: float | None, catalog: Catalog) -> tuple[float, Assumption]:
    subject = f"egress: {offer.provider}"
    if own is not None:
        value = f"{own:.4g} USD per GB sent out"
        return own, Assumption(subject, value, Basis.MEASURED, offer.source, offer.as_of)
    rate = catalog.data_rates.egress(offer.provider, offer.tier)
    value = f"{rate.usd_per_gb:.4g} USD per GB sent out"
    return rate.usd_per_gb, Assumption(subject, value, rate.basis, rate.source, rate.as_of)


def _storage(offer: Offer, catalog: Catalog) -> tuple[float, Assumption]:
    rate = catalog.data_rates.storage(offer.provider, offer.tier)
    value = f"{rate.usd_per_gb:.4g} USD per GB kept a month"
    subject = f"storage: {offer.provider}"
    return rate.usd_per_gb, Assumption(subject, value, rate.basis, rate.source, rate.as_of)
