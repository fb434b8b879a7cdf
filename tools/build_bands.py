"""Bands of sane prices for each GPU and tier of provider, from the packaged prices.

The middle of a band is the median over the tier's providers of their median on-demand price.
Where fewer than `ENOUGH` providers of a tier list the GPU, the middle comes from all providers of
the GPU: each one's median is brought to the level of a neocloud by the usual ratio of its tier,
and the median of these to the level of the tier asked. GPUs that too few price have a band by hand
for every tier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median

Rows = list[dict[str, str]]
Medians = dict[str, dict[str, list[float]]]
"""GPU -> tier -> its providers' median on-demand prices [USD per GPU-hour]."""

ENOUGH = 2
"""Providers of a tier from which on their own median is its middle."""
BASE = "neocloud"
SHARES = {
    "hyperscaler": (0.2, 0.1, 4.0),
    "neocloud": (0.3, 0.12, 4.0),
    "marketplace": (0.45, 0.2, 4.0),
    "reseller": (0.3, 0.12, 4.0),
}
"""On-demand floor, floor of spot and reserved, ceiling, as shares of the tier's middle.

The dearer the list, the further below it true prices lie: contracts halve a hyperscaler's list,
its spot starts at 0.14 of it; marketplaces ask little more than a machine costs to run. True
prices reach 2.8 times the middle of their tier (docs/data.md); a node's price filed per GPU is
eight times its own.
"""
HAND_BANDS: dict[str, tuple[float, float, float, str]] = {
    "v100-sxm-32gb": (0.12, 0.04, 17.0, "two dear lists only; floor and ceiling of V100 SXM 16 GB"),
    "v100-pcie-32gb": (0.12, 0.04, 17.0, "no price seen; as V100 SXM 32 GB"),
    "v100s-pcie-32gb": (0.12, 0.04, 17.0, "no price seen; as V100 SXM 32 GB"),
    "b100-sxm-192gb": (1.8, 0.7, 56.0, "no price seen; as B200"),
    "gh200-144gb": (0.6, 0.25, 25.0, "no price seen; as GH200 96 GB"),
    "gaudi3-128gb": (0.6, 0.25, 25.0, "no price seen; between Gaudi 2 and H100"),
    "a30-24gb": (0.12, 0.05, 8.0, "no price seen; between T4 and A10"),
    "h800-sxm-80gb": (0.9, 0.35, 46.0, "no price seen; as H100 SXM"),
    "h100-sxm-96gb-hbm2e-500w": (0.9, 0.35, 46.0, "no price seen; as H100 SXM"),
    "h20-sxm-141gb": (0.5, 0.2, 41.0, "no price seen; floor of A100, ceiling of H200"),
    "a800-sxm-80gb": (0.45, 0.18, 19.0, "no price seen; as A100 SXM 80 GB"),
    "rtx4090d-24gb": (0.12, 0.05, 6.0, "no price seen; as RTX 4090"),
    "rtx4000ada-20gb": (0.08, 0.03, 4.0, "no price seen; below L4"),
    "rtxpro6000ws-96gb": (0.5, 0.2, 19.0, "no price seen; as the server card"),
    "*": (0.02, 0.01, 100.0, "any GPU without a band of its own"),
}


def bands(prices: Rows, tiers: Mapping[str, str], gpus: Iterable[str]) -> Rows:
    """Rows of price_bands.csv: one for each tier of a GPU, or one for all tiers by hand."""
    medians = provider_medians(prices, tiers)
    levels = tier_levels(medians)
    rows: Rows = []
    for gpu in [*gpus, "*"]:
        by_tier = medians.get(gpu, {})
        if gpu in HAND_BANDS:
            *figures, reason = HAND_BANDS[gpu]
            rows.append(_row(gpu, "*", figures, sum(map(len, by_tier.values())), "hand", reason))
            continue
        for tier, shares in SHARES.items():
            own = by_tier.get(tier, [])
            middle, basis, reason = _middle(own, by_tier, levels, tier)
            reason = f"{', '.join(f'{share:g}' for share in shares)} x {reason}"
            rows.append(_row(gpu, tier, [s * middle for s in shares], len(own), basis, reason))
    return rows


def provider_medians(prices: Rows, tiers: Mapping[str, str]) -> Medians:
    """Each provider's median on-demand price of each GPU, gathered by tier."""
    listed: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in prices:
        if row["price_model"] == "on_demand":
            listed[row["gpu"], row["provider"]].append(float(row["usd_per_gpu_hour"]))
    medians: Medians = defaultdict(lambda: defaultdict(list))
    for (gpu, provider), found in listed.items():
        medians[gpu][tiers[provider]].append(median(found))
    return medians


def tier_levels(medians: Medians) -> dict[str, float]:
    """Usual price of a tier over a neocloud's: the median over GPUs that enough of both list."""
    levels = {}
    for tier in SHARES:
        ratios = [
            median(by_tier[tier]) / median(by_tier[BASE])
            for by_tier in medians.values()
            if min(len(by_tier.get(tier, [])), len(by_tier.get(BASE, []))) >= ENOUGH
        ]
        levels[tier] = median(ratios) if ratios else 1.0
    return levels


def _middle(
    own: list[float], by_tier: Mapping[str, list[float]], levels: Mapping[str, float], tier: str
) -> tuple[float, str, str]:
    if len(own) >= ENOUGH:
        return median(own), "rule", "the median of the tier's providers' medians"
    level = levels[tier]
    common = median(price / levels[t] for t, prices in by_tier.items() for price in prices)
    reason = f"{level:.2f} (usual price of the tier over a neocloud's) x the GPU at a neocloud"
    return level * common, "tier ratio", reason


def _row(
    gpu: str, tier: str, figures: Iterable[float], providers: int, basis: str, reason: str
) -> dict[str, str]:
    low, discounted, high = figures
    return {
        "gpu": gpu,
        "tier": tier,
        "low_usd_per_gpu_hour": f"{low:.3g}",
        "low_discounted_usd_per_gpu_hour": f"{discounted:.3g}",
        "high_usd_per_gpu_hour": f"{high:.3g}",
        "providers": str(providers),
        "basis": basis,
        "source": "prices.csv and providers.csv of this folder",
        "reason": reason,
    }
