"""What can be rented, and on which terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from gpumix.domain.evidence import Basis

TIERS: Final = ("hyperscaler", "neocloud", "marketplace", "reseller")
"""Kinds of providers. A marketplace has hosts of third parties, a reseller others' machines."""

OWN_SITE: Final = "own site"
"""What stands in the place of a provider's name on a site of the team."""


class Purchase(StrEnum):
    """How a GPU is paid for."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    RESERVED_1Y = "reserved_1y"
    RESERVED_3Y = "reserved_3y"
    RESERVED = "reserved"
    API = "api"
    BUY = "buy"
    OWNED = "owned"

    @property
    def is_committed(self) -> bool:
        """Paid for every hour that it is held, used or not."""
        return self not in (Purchase.ON_DEMAND, Purchase.SPOT, Purchase.API)

    @property
    def is_cloud(self) -> bool:
        """Rented from a provider rather than standing on a site of one's own."""
        return self not in (Purchase.BUY, Purchase.OWNED)

    @property
    def is_rental(self) -> bool:
        """GPUs rented from a provider: what an offer can be of."""
        return self.is_cloud and self is not Purchase.API

    @property
    def term_months(self) -> int:
        """Months of a commitment that its name says; 0 for others."""
        return {Purchase.RESERVED_1Y: 12, Purchase.RESERVED_3Y: 36}.get(self, 0)

    @classmethod
    def of_term(cls, months: int) -> Purchase:
        """The purchase of a commitment of so many months."""
        return {12: cls.RESERVED_1Y, 36: cls.RESERVED_3Y}.get(months, cls.RESERVED)


def term_words(months: int) -> str:
    """The length of a commitment.

    >>> term_words(36), term_words(1)
    ('3 years', '1 month')
    """
    count, unit = (months // 12, "year") if months % 12 == 0 else (months, "month")
    return f"{count} {unit}{'' if count == 1 else 's'}"


OLD: Final = "old"
"""Mark of a price that is used at an age at which it is no longer good."""


class Layer(StrEnum):
    """Where a price came to gpumix from; a sheet goes before an import, that before the rest."""

    SNAPSHOT = "snapshot"
    IMPORT = "import"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class OwnTerms:
    """What a team's contract says beside a price, and the price holds already.

    `discount` [0-1] is off the price, `support_share` [0-1] on top of what is left; egress is
    None where the provider's own holds; `credit_until` is the last day of a credit.
    """

    discount: float = 0.0
    support_share: float = 0.0
    egress_usd_per_gb: float | None = None
    credit_until: date | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One dated price: an instance of `gpus_per_instance` GPUs for USD per instance-hour.

    `country` is the ISO 3166 alpha-2 code of the region, None where the region is not one
    country: such an offer satisfies no residency rule. `tier` is the provider's (hyperscaler,
    neocloud, marketplace, reseller), empty where it is unknown. A commitment has its length
    [months] and the share of it that is paid at its start [0-1]; `derived` was computed from
    another price by gpumix, `estimated` is derived or called an estimate by its source; `marks`
    name the rules of the gate that the price is used in spite of. A price that is assumed between
    two ends has them [USD per instance-hour]; they are 0 where it is what it says. `has_fabric`
    None = as the provider's table says.
    """

    provider: str
    instance: str
    region: str
    country: str | None
    gpu: str
    gpus_per_instance: int
    purchase: Purchase
    usd_per_instance_hour: float
    as_of: date
    as_of_precision: str
    basis: Basis
    source: str
    note: str
    tier: str = ""
    layer: Layer = Layer.SNAPSHOT
    term_months: int = 0
    upfront_share: float = 0.0
    derived: bool = False
    estimated: bool = False
    marks: tuple[str, ...] = ()
    low_usd_per_instance_hour: float = 0.0
    high_usd_per_instance_hour: float = 0.0
    has_fabric: bool | None = None
    own: OwnTerms | None = None

    @property
    def usd_per_gpu_hour(self) -> float:
        """Price of one GPU [USD/h]."""
        return self.usd_per_instance_hour / self.gpus_per_instance

    def age_days(self, as_of: date) -> int:
        """Days from the price's date to `as_of`; 0 where the price is newer."""
        return max((as_of - self.as_of).days, 0)
