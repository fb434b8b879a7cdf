"""Prices as the team will pay them: discounts, credits that end, support, taxes on the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from gpumix.cost.contracts import billed_usd, lasting_discount, months_until
from gpumix.domain.contracts import NO_CONTRACTS, Contracts, Discount
from gpumix.domain.offer import Layer, Offer
from gpumix.domain.workload import Inventory

CREDIT_ENDED: Final = "credit-ended"
"""Mark of a price whose discount has ended before the plan starts."""


@dataclass(frozen=True, slots=True)
class Charged:
    """Offers as they will be paid, in the order given.

    `words` say of those that changed what was done; `notes` name terms that change nothing.
    """

    offers: tuple[Offer, ...]
    words: Mapping[Offer, str]
    notes: tuple[str, ...]


def charged(offers: Sequence[Offer], inventory: Inventory) -> Charged:
    """The offers with the inventory's terms laid over their prices.

    A row's own discount ends with its credit. Discounts of the inventory are off listed and
    imported prices: own rates are negotiated already, estimated terms are nobody's list. Support
    is that of the row, where it states one, else of the inventory.
    """
    contracts = inventory.cloud.contracts if inventory.cloud else NO_CONTRACTS
    terms = _Terms(contracts, inventory.start, inventory.months)
    pairs = [terms.laid_over(offer) for offer in offers]
    words = {offer: said for offer, said in pairs if said}
    return Charged(tuple(offer for offer, _ in pairs), words, tuple(_idle(terms, offers)))


class _Terms:
    """The inventory's terms over its horizon."""

    def __init__(self, contracts: Contracts, start: date, months: int) -> None:
        self.contracts, self.start = contracts, start
        self.months = float(months)

    def until(self, last_day: date | None) -> float:
        """Months of the horizon in which something holds [months]."""
        return months_until(self.start, last_day, self.months) if last_day else self.months

    def lasting(self, discount: Discount) -> float:
        """Share that a discount takes off on average over the horizon."""
        return lasting_discount(discount.share, self.until(discount.until), self.months)

    def laid_over(self, offer: Offer) -> tuple[Offer, str]:
        """An offer as it will be paid, and what was done to it in words; empty for nothing."""
        said: list[str] = []
        offer, factor = self._own(offer, said)
        best = max(filter(lambda d: _may_cut(d, offer), self.contracts.discounts),
                   key=self.lasting, default=None)  # fmt: skip
        off = self.lasting(best) if best else 0.0
        if best and off:
            said.append(self._holding(f"discount {_percent(best.share)}", best.until))
        stated = offer.own is not None and offer.own.support_share > 0.0
        support = 0.0 if stated else self.contracts.support_share(offer.provider)
        tax = self.contracts.tax_share
        said += [f"support {_percent(support)}"] if support else []
        said += [f"taxes {_percent(tax)}"] if tax else []
        if not said:
            return offer, ""
        factor = billed_usd(factor, off, support, tax)
        words = f"listed at {offer.usd_per_gpu_hour:.6g} USD per GPU-hour; {'; '.join(said)}"
        return replace(
            offer,
            usd_per_instance_hour=offer.usd_per_instance_hour * factor,
            low_usd_per_instance_hour=offer.low_usd_per_instance_hour * factor,
            high_usd_per_instance_hour=offer.high_usd_per_instance_hour * factor,
            note="; ".join(text for text in (offer.note, words) if text),
        ), words

    def _own(self, offer: Offer, said: list[str]) -> tuple[Offer, float]:
        """A row whose discount ends with its credit, and by what its price changes."""
        own = offer.own
        if own is None or own.credit_until is None:
            return offer, 1.0
        months = self.until(own.credit_until)
        if months <= 0.0:
            offer = replace(offer, marks=(*offer.marks, CREDIT_ENDED))
            said.append(f"its credit ended {own.credit_until}")
        elif own.discount:
            said.append(self._holding(f"its discount {_percent(own.discount)}", own.credit_until))
        left = 1.0 - lasting_discount(own.discount, months, self.months)
        return offer, left / (1.0 - own.discount)

    def _holding(self, what: str, until: date | None) -> str:
        """`discount 20 % until 2027-06-30, 6 of 24 months`."""
        if until is None:
            return what
        return f"{what} until {until}, {self.until(until):.3g} of {self.months:g} months"


def _percent(share: float) -> str:
    return f"{share * 100.0:.4g} %"


def _may_cut(discount: Discount, offer: Offer) -> bool:
    negotiated = offer.layer is Layer.SHEET or (offer.own is not None and offer.own.discount > 0.0)
    return not negotiated and not offer.derived and discount.covers(offer)


def _idle(terms: _Terms, offers: Sequence[Offer]) -> list[str]:
    """Discounts and credits of the inventory that change nothing, and why."""
    found = []
    for discount in terms.contracts.discounts:
        name = f"discounts: {_percent(discount.share)} of {discount.provider}"
        if terms.until(discount.until) <= 0.0:
            found.append(f"{name} ended {discount.until}, before the plan starts")
        elif not any(_may_cut(discount, offer) for offer in offers):
            found.append(f"{name} fits no listed price that may be used")
    return found + [
        f"credits: {credit.usd:,.0f} USD of {credit.provider} ended {credit.until}, before the"
        " plan starts"
        for credit in terms.contracts.credits
        if terms.until(credit.until) <= 0.0
    ]
