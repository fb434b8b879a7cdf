"""What a team runs today, as its inventory states it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.offer import Purchase


@dataclass(frozen=True, slots=True)
class Rented:
    """Instances that run today, around the clock; `until` is the last day of a commitment.

    `usd_per_gpu_hour` None = the catalogue's nearest price. Region and instance may be empty.
    """

    provider: str
    instance: str
    gpu: str
    gpus_per_instance: int
    region: str
    purchase: Purchase
    count: int
    until: date | None
    usd_per_gpu_hour: float | None


@dataclass(frozen=True, slots=True)
class Today:
    """What is rented today, and what it is billed a month [USD]; None = not stated.

    GPUs on sites of one's own stand in the inventory's sites.
    """

    rented: tuple[Rented, ...]
    monthly_usd: float | None
