"""Owning against renting by the hour: over the share of hours busy, and over the volume."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from gpumix.cost.case.returns import crossings
from gpumix.cost.case.streams import present_cost_of
from gpumix.domain.ledger import Entry
from gpumix.domain.money import OwnOrRent, RentPrice, VolumePoint
from gpumix.money.held import Held, streams_of
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

AT_WORK = "energy at work"
"""Item of what is paid only while GPUs work."""
BUSY = tuple(float(share) for share in np.linspace(0.0, 1.0, 21))
MOST_STEPS = 64
"""Whole servers up to which costs by volume are told."""


def own_or_rent(entries: Sequence[Entry], held: Held, rate_per_year: float) -> OwnOrRent:
    """One line that is held whether used or not, against its GPUs by the hour.

    Holding costs what stands plus what work adds in proportion to the hours busy; renting costs the
    same GPU-months times the share of hours busy times the price.

    Args:
        entries: of the line.
        held: the line.
        rate_per_year: cost of capital [1].

    Source: docs/cost.md, "Own against rent".
    """
    working = [entry for entry in entries if entry.item == AT_WORK]
    standing = [entry for entry in entries if entry.item != AT_WORK]
    fixed_usd = present_cost_of(streams_of(standing), rate_per_year)
    at_work_usd = present_cost_of(streams_of(working), rate_per_year)
    full_usd = at_work_usd / held.busy if held.busy else 0.0
    ends = np.arange(1.0, len(held.gpus_by_month) + 1.0)
    worth = (1.0 + rate_per_year) ** (-ends / MONTHS_PER_YEAR)
    hours = float(np.dot(held.gpus_by_month, worth)) * HOURS_PER_MONTH
    gpus = round(max(held.gpus_by_month, default=0.0))
    prices = tuple(_price(whose, usd, fixed_usd, full_usd, hours) for whose, usd in _offered(held))
    return OwnOrRent(
        resource=held.resource,
        gpu=held.gpu,
        gpus=gpus,
        gpus_per_instance=held.gpus_per_instance,
        busy_now=held.busy,
        now_usd=fixed_usd + at_work_usd,
        busy=BUSY,
        own_usd=tuple(fixed_usd + full_usd * share for share in BUSY),
        prices=prices,
        by_volume=_by_volume(held, gpus, fixed_usd, full_usd, hours, prices),
        reason=_reason(held),
    )


def _reason(held: Held) -> str:
    """Why no price, or no price that counts, is known."""
    if not held.rivals:
        return f"no {held.gpu} by the hour is among what may be rented"
    if not any(rival.may_serve for rival in held.rivals):
        return "nothing by the hour may serve all that runs there"
    return ""


def _offered(held: Held) -> list[tuple[str, float]]:
    """The cheapest supply that may serve, and the median of all providers' cheapest [USD/h]."""
    found: list[tuple[str, float]] = []
    serving = [rival for rival in held.rivals if rival.may_serve]
    if serving:
        best = min(serving, key=lambda rival: (rival.usd_per_gpu_hour, rival.resource))
        found.append((best.resource, best.usd_per_gpu_hour))
    cheapest: dict[str, float] = {}
    for rival in held.rivals:
        usd = cheapest.get(rival.provider, math.inf)
        cheapest[rival.provider] = min(usd, rival.usd_per_gpu_hour)
    if cheapest:
        whose = f"median of {len(cheapest)} provider{'' if len(cheapest) == 1 else 's'}"
        found.append((whose, statistics.median(cheapest.values())))
    return found


def _price(
    whose: str, usd_per_gpu_hour: float, fixed_usd: float, full_usd: float, hours: float
) -> RentPrice:
    full_rent_usd = usd_per_gpu_hour * hours

    def need(share: float) -> float:
        return fixed_usd + (full_usd - full_rent_usd) * share

    found = crossings(need, np.array([0.0, 1.0]), most=1)
    cheaper = "renting" if need(1.0) > 0.0 else "holding it"
    return RentPrice(
        whose=whose,
        usd_per_gpu_hour=usd_per_gpu_hour,
        rent_usd=tuple(full_rent_usd * share for share in BUSY),
        crossing=found[0] if found else None,
        reason="" if found else f"{cheaper} is cheaper at any share of hours busy",
    )


def _by_volume(
    held: Held,
    gpus: int,
    fixed_usd: float,
    full_usd: float,
    hours: float,
    prices: Sequence[RentPrice],
) -> tuple[VolumePoint, ...]:
    """Costs over work, up to one server more than there are: a server is whole, work is not."""
    if not gpus:
        return ()
    step, servers = held.gpus_per_instance, gpus / held.gpus_per_instance
    points: list[VolumePoint] = []
    for count in range(min(math.ceil(servers) + 1, MOST_STEPS)):
        for work in dict.fromkeys((count * step + 1, (count + 1) * step)):
            own_usd = fixed_usd / servers * (count + 1) + full_usd / gpus * work
            rent = tuple(price.usd_per_gpu_hour * hours / gpus * work for price in prices)
            points.append(VolumePoint(work, own_usd, rent))
    return tuple(points)
