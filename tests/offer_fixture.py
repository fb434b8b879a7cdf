"""A plain offer that tests of prices change where they need to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Offer, Purchase

_PLAIN = Offer(
    provider="acme",
    instance="",
    region="north-1",
    country="FI",
    gpu="h100-sxm-80gb",
    gpus_per_instance=8,
    purchase=Purchase.ON_DEMAND,
    usd_per_instance_hour=8.0,
    as_of=date(2026, 8, 1),
    as_of_precision="day",
    basis=Basis.MEASURED,
    source="test",
    note="",
    tier="neocloud",
)


def offer(usd_per_gpu_hour: float, **changes: Any) -> Offer:
    """An offer of 8 H100 at this price, but for `changes`."""
    changed = replace(_PLAIN, **changes)
    return replace(changed, usd_per_instance_hour=usd_per_gpu_hour * changed.gpus_per_instance)
