"""How long a price is good: by tier and kind of purchase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.catalog.bands import TIERS
from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.offer import Offer

OLD: Final = "old"
"""Mark of a price that is older than it is good for; depends on the day on which it is used."""
UNKNOWN_TIER: Final = "neocloud"
"""Prices of a provider whose tier is unknown age as a neocloud's do."""
KINDS: Final = ("on_demand", "spot", "reserved")


@dataclass(frozen=True, slots=True)
class Validity:
    """Days for which a price is good; where `assumed_days` is set it counts as assumed up to that
    age and is not used beyond it."""

    days: int
    assumed_days: int | None


@dataclass(frozen=True, slots=True)
class Ageing:
    """Validity by (tier, on_demand | spot | reserved)."""

    by_kind: Mapping[tuple[str, str], Validity]

    def of(self, offer: Offer) -> Validity:
        """How long this offer's price is good."""
        kind = "reserved" if offer.purchase.is_committed else offer.purchase.value
        return self.by_kind[offer.tier or UNKNOWN_TIER, kind]


def load_ageing(folder: Path | None = None) -> Ageing:
    """The packaged table, or a folder's. Raises: DataError naming every bad row."""
    return Ageing(dict(read_packaged("price_validity.csv", _validity, folder)))


def _validity(row: Row) -> tuple[tuple[str, str], Validity]:
    last = row.whole("assumed_days")
    return (row.choice("tier", TIERS), row.choice("purchase", KINDS)), Validity(
        int(row.positive("days")), last or None
    )
