"""What each class of work takes and costs: the first question of anyone who pays for GPUs.

Idle time is part of the class whose work the GPUs are held for, in proportion to the GPU-hours it
works there, as the plan charges workloads. What no work uses stands in a class of its own, and so
does what sales free: no work costs less because other servers went.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix.domain.offer import Purchase
from gpumix.domain.plan import ClassUse
from gpumix.domain.workload import Kind, Workload
from gpumix.plan.accounts import Line

TRAINING, TUNING, REAL_TIME, BATCH, MEDIA, UNUSED, SOLD = (
    "training",
    "tuning",
    "real time",
    "batch",
    "media",
    "unused",
    "sold",
)
CLASSES = (TRAINING, TUNING, REAL_TIME, BATCH, MEDIA, UNUSED, SOLD)


def class_of(workload: Workload) -> str:
    """The class of a workload; promised or not, media are media."""
    of_kind = {Kind.PRETRAIN: TRAINING, Kind.FINETUNE: TUNING, Kind.MEDIA: MEDIA}
    return of_kind.get(workload.kind, BATCH if workload.is_deferrable else REAL_TIME)


def by_class(lines: Sequence[Line], months: float) -> tuple[ClassUse, ...]:
    """GPU-hours held and dollars of each class that has any, over a horizon of so many months.

    They add up to what the lines hold and cost. Shares are of what is spent: all but what sales
    free, whose own share is below 0. APIs hold no GPUs.
    """
    hours, usd = dict.fromkeys(CLASSES, 0.0), dict.fromkeys(CLASSES, 0.0)
    for line in lines:
        held = 0.0 if line.supply.purchase is Purchase.API else line.gpu_hours
        for name, share in _shares(line).items():
            hours[name] += held * share
            usd[name] += line.held_usd * share
        classes = {u.cell.workload.id: class_of(u.cell.workload) for u in line.uses}
        for workload, data_usd in line.data_usd.items():
            usd[classes[workload]] += data_usd
        usd[SOLD] += line.freed_usd
    spent_usd = math.fsum(usd.values()) - usd[SOLD]
    return tuple(
        ClassUse(
            work=name,
            gpu_hours_per_month=hours[name] / months,
            usd_per_month=usd[name] / months,
            share=usd[name] / spent_usd if spent_usd else 0.0,
        )
        for name in CLASSES
        if hours[name] or usd[name]
    )


def _shares(line: Line) -> dict[str, float]:
    """Of what a line holds, each class's part, by the GPU-hours of its work on full replicas."""
    loaded = line.loaded_gpu_hours
    if not loaded:
        return {UNUSED: 1.0}
    shares: dict[str, float] = {}
    for use in line.uses:
        name = class_of(use.cell.workload)
        shares[name] = shares.get(name, 0.0) + use.loaded_gpu_hours / loaded
    return shares
