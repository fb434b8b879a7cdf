"""Offers to compare an offer with: of the same machine and place, else of the next wider kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpumix.catalog.machines import squeezed
from gpumix.domain.offer import Offer

ANY_INSTANCE = "any"
Key = tuple[str, str, str | None, int | None, str | None]


class Peers:
    """Offers of one kind by provider, GPU, machine, size and place.

    Who has an offer of the same machine and region is compared with that; a name or region that
    one of the two lacks is passed over, so that in the end all of the provider's offers of the
    GPU are compared. Prices are then per GPU, and a wide comparison has many of them.
    """

    def __init__(self, offers: Iterable[Offer]) -> None:
        self._by_key: dict[Key, list[Offer]] = {}
        for offer in offers:
            for key in _keys(offer):
                self._by_key.setdefault(key, []).append(offer)

    def of(self, offer: Offer) -> Sequence[Offer]:
        """The nearest that there are; empty where the provider has none of the GPU."""
        return next((self._by_key[key] for key in _keys(offer) if key in self._by_key), ())


def same_machine(one: Offer, other: Offer) -> bool:
    """Whether two names of machines may be one: they are alike, or one says none."""
    names = {squeezed(offer.instance) for offer in (one, other)} - {"", ANY_INSTANCE}
    return len(names) < 2


def place(offer: Offer) -> str:
    """Region, else country; empty for a price that holds wherever the provider is."""
    return offer.region.lower() or offer.country or ""


def _keys(offer: Offer) -> list[Key]:
    """From the machine in its place to anything of the GPU."""
    name, count, where = squeezed(offer.instance), offer.gpus_per_instance, place(offer)
    of_machine: list[tuple[str | None, int | None]] = [(None, None)]
    if offer.instance.lower() != ANY_INSTANCE:
        of_machine[:0] = [(name, count)] if name else []
        of_machine[-1:-1] = [(None, count)]
    places = (where, None) if where else (None,)
    return [(offer.provider, offer.gpu, n, c, p) for p in places for n, c in of_machine]
