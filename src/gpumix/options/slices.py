"""Small work on parts of GPUs: MIG profiles, and shares of the time where the team allows it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.gpu import NO_NEEDS, Gpu, Slice
from gpumix.domain.workload import Kind, Tier, Workload
from gpumix.options.media import picture_options
from gpumix.options.option import Option
from gpumix.options.serving import serving_options
from gpumix.perf.slices import part_of, time_shares

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

SMALL = 0.5
"""Share of one GPU below which the busiest hour's work is tried on parts of that GPU."""

SPREAD = 1.15
"""High end of a part's times over those of its shares, beside the GPU's own interval: no part's
speed has been measured for these predictions. Assumed."""

TRIED = 2
"""Parts of a GPU, of the hardware and of the time each, whose rate is simulated: the cheapest, and
the next where the simulation refuses that one."""


def slice_options(workload: Workload, whole: Sequence[Option], catalog: Catalog) -> list[Option]:
    """Ways to do a workload on parts of those GPUs that it would leave idle for the most part.

    None for premium work, which must survive that a GPU and all parts of it stop together.

    Args:
        workload: work that cannot wait; other work has no use for a part of a GPU.
        whole: its options on whole GPUs.
        catalog: GPUs and their profiles.
    """
    demand = workload.demand
    if demand is None or workload.is_deferrable or workload.tier is Tier.PREMIUM:
        return []
    if workload.kind is Kind.CUSTOM or workload.needs != NO_NEEDS:  # not known of a part
        return []
    peak = max(demand.units_per_hour)
    fastest = _fastest_alone(whole)
    small = [catalog.gpus[gpu] for gpu, rate in fastest.items() if peak < SMALL * rate]
    parts = {
        part.id: one
        for gpu in small
        for one in _slices_of(workload, gpu, catalog)
        if (part := part_of(gpu, one))
    }
    if not parts:
        return []
    gpus = [part_of(catalog.gpus[one.gpu], one) for one in parts.values()]
    found = [
        replace(o, gpu=parts[o.gpu].gpu, slice=parts[o.gpu])
        for o in _asked(workload, gpus, catalog)
    ]
    return _cheapest(found, peak, TRIED)


def with_company(tried: Mapping[str, Sequence[Option]]) -> dict[str, list[Option]]:
    """The options of each workload without parts of GPUs that nothing else would share: one
    workload that fits a part of a GPU fits the whole, which costs as much as the part and the idle
    rest of it.
    """
    takers = Counter(
        gpu
        for options in tried.values()
        for gpu in {one.gpu for one in options if one.slice and one.serves}
    )
    return {
        name: [one for one in options if not one.slice or takers[one.gpu] > 1]
        for name, options in tried.items()
    }


def best_parts(workload: Workload, options: Sequence[Option]) -> list[Option]:
    """The options with one part of each GPU, of the hardware and of the time: the cheapest at the
    peak. More would let replicas move from part to part with the hours, and save next to nothing.
    """
    demand = workload.demand
    if demand is None:
        return list(options)
    parts = [option for option in options if option.slice]
    return [o for o in options if not o.slice] + _cheapest(parts, max(demand.units_per_hour), 1)


def _fastest_alone(whole: Iterable[Option]) -> dict[str, float]:
    """GPU -> units per hour of its fastest replica of one GPU."""
    rates: dict[str, float] = {}
    for option in whole:
        if option.serves and option.gpus == 1:
            rates[option.gpu] = max(rates.get(option.gpu, 0.0), option.units_per_hour)
    return rates


def _slices_of(workload: Workload, gpu: Gpu, catalog: Catalog) -> tuple[Slice, ...]:
    profiles = catalog.mig_profiles.get(gpu.id, ()) if workload.mig else ()
    return (*profiles, *(time_shares(gpu) if workload.share_gpu else ()))


def _asked(workload: Workload, gpus: Sequence[Gpu], catalog: Catalog) -> list[Option]:
    """What replicas of one part each do."""
    model, largest = catalog.models[workload.model], {gpu.id: 1 for gpu in gpus}
    if workload.kind is Kind.MEDIA:
        return picture_options(workload, model, gpus, largest, catalog.coefficients, SPREAD)
    return serving_options(workload, model, gpus, largest, catalog.coefficients, unmeasured=SPREAD)


def _cheapest(options: Iterable[Option], peak: float, most: int) -> list[Option]:
    """Of the parts of each GPU so many that take least of it at the peak, each at its best
    precision."""
    best: dict[tuple[Slice, float], Option] = {}
    for option in options:
        if option.slice and option.serves:
            known = best.get((option.slice, option.rtt_s))
            if known is None or option.units_per_hour > known.units_per_hour:
                best[option.slice, option.rtt_s] = option
    kinds: dict[tuple[str, bool, float], list[tuple[float, float, str, Option]]] = {}
    for (one, rtt_s), option in best.items():
        taken = (option.peak_replicas or math.ceil(peak / option.units_per_hour)) * option.gpu_share
        if taken < 1.0:
            ranked = (taken, -option.units_per_hour, one.name, option)
            kinds.setdefault((one.gpu, one.in_time, rtt_s), []).append(ranked)
    return [
        option
        for ranking in kinds.values()
        for *_, option in sorted(ranking, key=lambda rank: rank[:3])[:most]
    ]
