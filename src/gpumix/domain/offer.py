"""What can be rented, and on which terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gpumix.domain.evidence import Basis


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
        """Paid for every hour of the horizon, used or not."""
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
    def term_years(self) -> float | None:
        """Length of the commitment [years]; None where there is none."""
        return {Purchase.RESERVED_1Y: 1.0, Purchase.RESERVED_3Y: 3.0}.get(self)


class Layer(StrEnum):
    """Where a price came to gpumix from; a sheet goes before an import, that before the rest."""

    SNAPSHOT = "snapshot"
    IMPORT = "import"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class Offer:
    """One dated price: an instance of `gpus_per_instance` GPUs for USD per instance-hour.

    `country` is the ISO 3166 alpha-2 code of the region, None where the region is not one
    country: such an offer satisfies no residency rule. `tier` is the provider's (hyperscaler,
    neocloud, marketplace, reseller), empty where it is unknown. A commitment has its length
    [months] and the share of it that is paid at its start [0-1]; `derived` was computed from
    another price by gpumix, `estimated` is derived or called an estimate by its source; `marks`
    name the rules of the gate that the price is used in spite of.
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

    @property
    def usd_per_gpu_hour(self) -> float:
        """Price of one GPU [USD/h]."""
        return self.usd_per_instance_hour / self.gpus_per_instance
