"""A team's own terms with clouds: discounts, support, credits and taxes on the bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from gpumix.domain.offer import Offer, Purchase


@dataclass(frozen=True, slots=True)
class Discount:
    """A share [0-1] off a provider's prices of these GPUs, regions and purchases (None = all).

    `until` is its last day; None = it does not end. `Purchase.RESERVED` = a commitment of any
    length.
    """

    provider: str
    share: float
    gpus: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    purchases: tuple[Purchase, ...] | None = None
    until: date | None = None

    def covers(self, offer: Offer) -> bool:
        """Whether it is off this price."""
        kinds = {offer.purchase, Purchase.RESERVED if offer.purchase.is_committed else None}
        return (
            offer.provider == self.provider
            and (self.gpus is None or offer.gpu in self.gpus)
            and (self.regions is None or offer.region in self.regions)
            and (self.purchases is None or bool(kinds.intersection(self.purchases)))
        )


@dataclass(frozen=True, slots=True)
class Support:
    """What a provider's support costs: a share [0-1] of its bill."""

    provider: str
    share: float


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that pays a provider's rent once, `until` its last day [USD]."""

    provider: str
    usd: float
    until: date


@dataclass(frozen=True, slots=True)
class Contracts:
    """All of a team's terms with clouds; `tax_share` [0-1] is laid on every bill."""

    discounts: tuple[Discount, ...] = ()
    support: tuple[Support, ...] = ()
    credits: tuple[Credit, ...] = ()
    tax_share: float = 0.0

    def support_share(self, provider: str) -> float:
        """Support of this provider as a share of its bill."""
        return next((s.share for s in self.support if s.provider == provider), 0.0)


NO_CONTRACTS: Final = Contracts()
