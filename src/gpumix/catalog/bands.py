"""Bands of sane prices of a GPU, by the tier of the provider that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.offer import TIERS

ANY: Final = "*"
"""In the band table: every tier of a GPU, or any GPU that has no band of its own."""


@dataclass(frozen=True, slots=True)
class Band:
    """Sane prices of a GPU [USD per GPU-hour]: on-demand floor, spot/reserved floor, ceiling."""

    low: float
    low_discounted: float
    high: float


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands by (GPU id, tier), and the tier of each known provider."""

    by_tier: Mapping[tuple[str, str], Band]
    tiers: Mapping[str, str]

    def of(self, gpu: str, provider: str) -> Band:
        """The band of this GPU at this provider's tier.

        A provider of unknown tier has the GPU's widest band, from the lowest floor to the highest
        ceiling of all tiers; so has every provider of a GPU whose band is not kept by tier. A GPU
        without any band has that of any GPU.
        """
        exact = self.by_tier.get((gpu, self.tiers.get(provider, ANY)))
        if exact is not None:
            return exact
        own = [band for (known, _), band in self.by_tier.items() if known == gpu]
        return _widest(own) if own else self.by_tier[ANY, ANY]


def load_bands(folder: Path | None = None) -> Bands:
    """The packaged bands and tiers, or a folder's. Raises: DataError naming every bad row."""
    rows = read_packaged("price_bands.csv", band_record, folder)
    return Bands(dict(rows), dict(read_packaged("providers.csv", tier_record, folder)))


def band_record(row: Row) -> tuple[tuple[str, str], Band]:
    """One line of `price_bands.csv`."""
    return (row.required_text("gpu"), row.choice("tier", (*TIERS, ANY))), Band(
        row.positive("low_usd_per_gpu_hour"),
        row.positive("low_discounted_usd_per_gpu_hour"),
        row.positive("high_usd_per_gpu_hour"),
    )


def tier_record(row: Row) -> tuple[str, str]:
    """One line of `providers.csv`: provider and tier."""
    return row.required_text("provider"), row.choice("tier", TIERS)


def _widest(bands: list[Band]) -> Band:
    return Band(
        min(band.low for band in bands),
        min(band.low_discounted for band in bands),
        max(band.high for band in bands),
    )
