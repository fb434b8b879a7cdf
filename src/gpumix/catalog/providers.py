"""What providers ask for data: each GB sent out, and each GB kept for a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Final

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import TIERS
from gpumix.domain.site import Range

DEFAULTS: Final = {
    "egress_usd_per_gb": "egress_aws",
    "storage_usd_per_gb_month": "storage_usd_per_gb_month",
}
"""Rate -> the parameter that stands in where no provider of a tier is known."""


@dataclass(frozen=True, slots=True)
class DataRate:
    """A price of a GB [USD] with its evidence."""

    usd_per_gb: float
    basis: Basis
    source: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class ProviderRates:
    """A line of `providers.csv`: the prices that are known [USD/GB, USD/GB-month]."""

    tier: str
    egress_usd_per_gb: float | None
    storage_usd_per_gb_month: float | None
    source: str
    as_of: date | None


@dataclass(frozen=True, slots=True)
class DataRates:
    """Prices of data by provider, and what stands in where a provider's is unknown."""

    known: Mapping[str, ProviderRates]
    defaults: Mapping[str, Range]

    def egress(self, provider: str, tier: str) -> DataRate:
        """Price of a GB sent out [USD]."""
        return self._rate("egress_usd_per_gb", provider, tier)

    def storage(self, provider: str, tier: str) -> DataRate:
        """Price of a GB kept for a month [USD]."""
        return self._rate("storage_usd_per_gb_month", provider, tier)

    def _rate(self, name: str, provider: str, tier: str) -> DataRate:
        """The provider's own; else the median of its tier, else the default."""
        own = self.known.get(provider)
        usd = getattr(own, name) if own else None
        if own is not None and usd is not None:
            return DataRate(usd, Basis.MEASURED, own.source, own.as_of)
        peers = [
            value
            for other in self.known.values()
            if other.tier == tier and (value := getattr(other, name)) is not None
        ]
        if peers:
            source = f"not known of {provider}: median of {len(peers)} {tier}s"
            return DataRate(median(peers), Basis.ASSUMED, source)
        row = self.defaults[DEFAULTS[name]]
        source = f"not known of {provider} nor of any {tier or 'provider of its tier'}: "
        return DataRate(row.typical or 0.0, Basis.ASSUMED, f"{source}{row.source} ({row.as_of})")


def load_provider_rates(folder: Path | None = None) -> dict[str, ProviderRates]:
    """Provider -> prices of data, packaged or a folder's. Raises: DataError."""
    return dict(read_packaged("providers.csv", rates_record, folder))


def rates_record(row: Row) -> tuple[str, ProviderRates]:
    """One line of `providers.csv`."""
    return row.required_text("provider"), ProviderRates(
        row.choice("tier", TIERS),
        row.number("egress_usd_per_gb"),
        row.number("storage_usd_per_gb_month"),
        row.text("source"),
        row.day("as_of") if row.text("as_of") else None,
    )
