"""What a comparison is asked beside the most work: a load to carry, a context to hold, batches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.compare.winners import Layout
from gpumix.domain.comparison import SweptBatch, WinnerAt
from gpumix.domain.evidence import Estimate
from gpumix.domain.workload import Demand
from gpumix.options.option import Option
from gpumix.perf.inference.memory import memory
from gpumix.serving.capacity import Traffic, latency, loop_of

BATCHES = (1, 8, 32, 128)
"""Requests at once that a sweep tries, before the most that fit."""
_MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """`requests_per_s` to carry, with the words for where they come from; `context` is the longest
    request that must fit [tokens]; `sweep` asks for a table over batches."""

    requests_per_s: float | None = None
    words: str = ""
    context: float | None = None
    sweep: bool = False


UNSTATED = Load()


def with_room(options: Sequence[Option], context: float | None) -> list[Option]:
    """The options; those whose cache does not hold one request of `context` tokens do not fit."""
    if context is None:
        return list(options)
    return [_refused_without_room(option, context) for option in options]


def _refused_without_room(option: Option, context: float) -> Option:
    replica = option.replica
    if replica is None:
        return option
    held = np.asarray(memory(replica.dep, context, 0.0).batch_max)[replica.row]
    if held >= 1.0:
        return option
    return replace(
        option,
        reason=f"does not fit: no room for one request of {context:,.0f} tokens",
        units_per_hour=0.0,
        shortfall=0.0,
        replica=None,
    )


def at_load(able: Sequence[Layout], requests_per_s: float) -> tuple[WinnerAt, ...]:
    """The cheapest layout and count of every GPU that carries a load, the cheapest GPU first."""
    best: dict[str, WinnerAt] = {}
    for layout in able:
        count = max(math.ceil(requests_per_s / layout.requests_per_s - 1e-9), 1)
        option = layout.option
        found = WinnerAt(
            requests_per_s=requests_per_s,
            gpu=option.gpu,
            tp=option.tp,
            precision=option.precision,
            replicas=count,
            usd_per_hour=layout.usd_per_hour * count,
            load=requests_per_s / (layout.requests_per_s * count),
        )
        before = best.get(option.gpu)
        if before is None or _rank(found) < _rank(before):
            best[option.gpu] = found
    return tuple(sorted(best.values(), key=_rank))


def _rank(found: WinnerAt) -> tuple[float, int, str]:
    return found.usd_per_hour, found.tp * found.replicas, found.gpu


def swept(
    best: Mapping[str, Option | None], demand: Demand, first: str | None
) -> tuple[SweptBatch, ...]:
    """Each GPU's best layout at every batch that fits and at the largest; ratios of tokens/s a GPU
    are over the GPU `first`."""
    found: list[SweptBatch] = []
    over: dict[str, float] = {}
    order = sorted(best, key=lambda gpu: gpu != first)
    for gpu in order:
        option = best[gpu]
        if option is None or option.replica is None or not demand.output.mean:
            continue
        for one in _batches(option, demand):
            key = "largest" if one.is_largest else f"{one.batch:g}"
            if gpu == first:
                over[key] = one.output_tokens_per_s_per_gpu.value
            base = over.get(key)
            ratio = one.output_tokens_per_s_per_gpu.value / base if base else None
            found.append(replace(one, ratio=ratio))
    return tuple(found)


def _batches(option: Option, demand: Demand) -> list[SweptBatch]:
    """One layout over batches."""
    replica = option.replica
    if replica is None:
        return []
    dep, row = replica.dep, replica.row
    traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
    mean = memory(dep, demand.input.mean, demand.output.mean)
    most = math.floor(float(np.asarray(mean.batch_max)[row]))
    if most < 1:
        return []
    found = []
    for batch in (*(n for n in BATCHES if n < most), most):
        rate = float(np.asarray(loop_of(dep, traffic, float(batch)).requests_per_s)[row])
        rate *= float(dep.copies[row])
        tpot_s = float(np.asarray(latency(dep, traffic, float(batch), _MIDDLE).tpot_s)[row])
        per_gpu = rate * demand.output.mean / option.gpus
        found.append(
            SweptBatch(
                gpu=option.gpu,
                tp=option.tp,
                precision=option.precision,
                batch=float(batch),
                is_largest=batch == most,
                output_tokens_per_s_per_gpu=_like(option, per_gpu),
                tpot_p50_s=_like(option, tpot_s),
                ratio=None,
            )
        )
    return found


def _like(option: Option, value: float) -> Estimate:
    """A figure of an option with the interval of its rate."""
    rate = option.rate
    if rate is None or not rate.value:
        raise ValueError(f"{option.gpu}: an option with a replica has a rate")
    return replace(
        rate, value=value, low=value * rate.low / rate.value, high=value * rate.high / rate.value
    )
