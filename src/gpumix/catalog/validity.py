"""How long a price is good: by tier and kind of purchase, and what becomes of an older one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import OLD, TIERS, Layer, Offer, Purchase
from gpumix.domain.site import Range

LEFT_OUT: Final = frozenset({"spot-above-on-demand", "absent-spot"})
"""Marks of prices that are listed and never price a plan."""
UNKNOWN_TIER: Final = "neocloud"
"""Prices of a provider whose tier is unknown age as a neocloud's do."""
RECLAIMED: Final = "reclaimed_share_per_month"
"""Metric of spot.csv: percent of running instances."""
KINDS: Final = ("on_demand", "spot", "reserved")


@dataclass(frozen=True, slots=True)
class Validity:
    """Days for which a price is good. An older one is used and marked, or, where
    `assumed_days` is set, counts as assumed up to that age and is not used beyond it."""

    days: int
    assumed_days: int | None


@dataclass(frozen=True, slots=True)
class Ageing:
    """Validity by (tier, on_demand | spot | reserved), and by GPU the range of spot over list."""

    by_kind: Mapping[tuple[str, str], Validity]
    spot_ratios: Mapping[str, tuple[float, float]]

    def of(self, offer: Offer) -> Validity:
        """How long this offer's price is good."""
        kind = "reserved" if offer.purchase.is_committed else offer.purchase.value
        return self.by_kind[offer.tier or UNKNOWN_TIER, kind]

    def is_old(self, offer: Offer, as_of: date) -> bool:
        """Whether the price is older than it is good for."""
        return offer.age_days(as_of) > self.of(offer).days

    def usable(self, offers: Iterable[Offer], as_of: date) -> tuple[Offer, ...]:
        """The offers that may price a plan on a day, as they are on it."""
        return tuple(offer for offer, may in self.aged(offers, as_of) if may)

    def aged(self, offers: Iterable[Offer], as_of: date) -> list[tuple[Offer, bool]]:
        """Every offer as it is on a day, those past their time marked `old`, and whether it may
        price a plan.

        A spot price past its time is an assumption, between the ends of what the GPU's spot
        costs over its list price; past its last day, and a marketplace's at once, it prices
        nothing. The user's own rates are marked and never dropped.
        """
        offers = tuple(offers)
        lists = _list_prices(offers)
        found = []
        for offer in offers:
            may = not LEFT_OUT.intersection(offer.marks)
            if self.is_old(offer, as_of):
                last = self.of(offer).assumed_days
                offer = replace(offer, marks=(*offer.marks, OLD))
                if last is not None and offer.layer is not Layer.SHEET:
                    may = may and offer.age_days(as_of) <= last
                    offer = self._assumed(offer, lists.get(_machine(offer)))
            found.append((offer, may))
        return found

    def _assumed(self, offer: Offer, list_usd: float | None) -> Offer:
        low, high = self.spot_ratios.get(offer.gpu) or self.spot_ratios["*"]
        price = offer.usd_per_instance_hour
        bounds = (low * list_usd, high * list_usd) if list_usd else (price, price)
        return replace(
            offer,
            basis=Basis.ASSUMED,
            low_usd_per_instance_hour=min(bounds[0], price),
            high_usd_per_instance_hour=max(bounds[1], price),
        )


def of_tiers(offers: Iterable[Offer], tiers: Sequence[str] | None) -> tuple[Offer, ...]:
    """The offers of providers of these tiers (None = any), and all of the user's own rates."""
    return tuple(o for o in offers if tiers is None or o.tier in tiers or o.layer is Layer.SHEET)


def load_ageing(folder: Path | None = None) -> Ageing:
    """The packaged table, or a folder's. Raises: DataError naming every bad row."""
    ratios: dict[str, tuple[float, float]] = {}
    for gpu, low, high in read_packaged("spot.csv", _ratio, folder):
        for name in (gpu, "*"):
            known = ratios.get(name, (low, high))
            if low and high:
                ratios[name] = (min(known[0], low), max(known[1], high))
    return Ageing(dict(read_packaged("price_validity.csv", _validity, folder)), ratios)


def load_reclaims(folder: Path | None = None) -> dict[tuple[str, str], Range]:
    """(provider, GPU) -> share of running spot instances that it takes back in a month [%]."""
    rows = read_packaged("spot.csv", _reclaim, folder)
    return {key: share for key, share in rows if share.parameter == RECLAIMED}


def _reclaim(row: Row) -> tuple[tuple[str, str], Range]:
    return (row.required_text("provider"), row.required_text("gpu")), Range(
        row.required_text("metric"),
        row.number("low"),
        row.number("typical"),
        row.number("high"),
        row.text("unit"),
        row.text("source"),
        row.text("as_of"),
        "M",
    )


def _validity(row: Row) -> tuple[tuple[str, str], Validity]:
    last = row.whole("assumed_days")
    return (row.choice("tier", TIERS), row.choice("purchase", KINDS)), Validity(
        int(row.positive("days")), last or None
    )


def _ratio(row: Row) -> tuple[str, float, float]:
    if row.text("metric") != "spot_over_on_demand":
        return row.required_text("gpu"), 0.0, 0.0
    return row.required_text("gpu"), row.positive("low", 1.0), row.positive("high", 1.0)


def _machine(offer: Offer) -> tuple[str, str, str, str, int]:
    return (offer.provider, offer.instance, offer.region, offer.gpu, offer.gpus_per_instance)


def _list_prices(offers: Iterable[Offer]) -> dict[tuple[str, str, str, str, int], float]:
    return {
        _machine(o): o.usd_per_instance_hour for o in offers if o.purchase is Purchase.ON_DEMAND
    }
