"""A model on every GPU by memory: what fits, what is left for the cache, which change helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpumix import formats
from gpumix.domain.evidence import Estimate
from gpumix.domain.fit import CacheRoom, Fit, FitGpu, Fits
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.workload import Adapters
from gpumix.perf.inference.deployment import EngineSettings, Setup, deployments, refusals
from gpumix.perf.inference.memory import request_bytes
from gpumix.perf.inference.modes import ADAPTER_BYTES, ADAPTER_STEP, adapter_params
from gpumix.predict.room import cache_rooms, missing_bytes, states
from gpumix.units import GIB

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

TENSOR_PARALLEL = (1, 2, 4, 8)
NARROWER = ("fp8", "int4")
"""Weight precisions that are tried where a model does not fit."""


@dataclass(frozen=True, slots=True)
class FitQuestion:
    """What to fit: a model, a context, users at once, and how the engine is started.

    `tp` None = the fewest GPUs that hold it; `kv_precision` empty = the engine's own.
    """

    model: Model
    gpus: tuple[Gpu, ...]
    context_tokens: int
    users: int
    precision: str
    kv_precision: str
    engine: str
    engine_version: str
    settings: EngineSettings
    tp: int | None = None
    adapters: Adapters | None = None
    defaults: tuple[str, ...] = ()


def fit_model(asked: FitQuestion, catalog: Catalog) -> Fit:
    """Whether a model fits each GPU, at the stated layout or on the fewest GPUs that hold it."""
    rows = tuple(_row(asked, gpu, catalog) for gpu in asked.gpus)
    engine = f"{asked.engine} {asked.engine_version}".strip()
    return Fit(
        asked.model.id, asked.context_tokens, asked.users, engine, rows, asked.defaults
    )  # fmt: skip


def _setup(asked: FitQuestion, gpu: Gpu, tp: int) -> Setup:
    return Setup(
        asked.model, gpu, asked.engine, asked.precision, asked.kv_precision,
        asked.engine_version, tp=tp, settings=asked.settings,
    )  # fmt: skip


def _row(asked: FitQuestion, gpu: Gpu, catalog: Catalog) -> FitGpu:
    widths = (asked.tp,) if asked.tp else _widths(asked.model)
    setups = [_setup(asked, gpu, tp) for tp in widths]
    if reason := refusals(setups[:1])[0]:
        return FitGpu(
            gpu.id, widths[0], asked.precision, asked.kv_precision, Fits.DOES_NOT_FIT,
            None, None, None, (), reason,
        )  # fmt: skip
    setups = [_with_adapters(s, asked.adapters, catalog) for s in setups]
    dep = deployments(setups, catalog.coefficients)
    found = states(dep, asked.context_tokens, asked.users)
    at = next((i for want in Fits for i, s in enumerate(found) if s is want), 0)
    if found[at] is Fits.DOES_NOT_FIT:
        at = len(found) - 1
    one = dep.take([at])
    room = cache_rooms(one, asked.context_tokens)[0]
    missing = float(missing_bytes(one, asked.context_tokens, asked.users)[0]) / GIB
    each = float(request_bytes(one, asked.context_tokens)[0]) / GIB
    row = FitGpu(
        gpu=gpu.id,
        tp=widths[at],
        precision=asked.precision,
        kv_precision=asked.kv_precision,
        state=found[at],
        room=room,
        users=_whole(room.cache_gib, each),
        missing_gib=missing if missing > 0.0 else None,
        changes=(),
        note=one.notes[at],
    )
    if asked.adapters is not None:
        row = replace(
            row,
            adapters=_most_adapters(asked, setups[at], -missing, catalog),
            adapter_slowdown=ADAPTER_STEP,
        )
    return replace(row, changes=_changes(asked, gpu, row, catalog))


def _widths(model: Model) -> tuple[int, ...]:
    heads = model.heads or 1
    return tuple(tp for tp in TENSOR_PARALLEL if heads % tp == 0) or (1,)


def _whole(cache: Estimate, each_gib: float) -> Estimate:
    """Whole requests that a cache holds at once."""
    value, low, high = (
        float(np.floor(end / each_gib)) for end in (cache.value, cache.low, cache.high)
    )
    return Estimate(value, low, high, cache.basis, cache.source)


def _adapter_bytes(setup: Setup, rank: int, catalog: Catalog) -> float:
    """One adapter on one GPU of a deployment [byte]."""
    dep = deployments([setup], catalog.coefficients)
    each = ADAPTER_BYTES * np.asarray(adapter_params(dep, float(rank))) / (dep.ways * dep.pp)
    return float(each[0])


def _with_adapters(setup: Setup, adapters: Adapters | None, catalog: Catalog) -> Setup:
    if adapters is None:
        return setup
    held = adapters.count * _adapter_bytes(setup, adapters.rank, catalog)
    own = setup.settings
    return setup._replace(settings=own._replace(extra_bytes=own.extra_bytes + held))


def _most_adapters(asked: FitQuestion, setup: Setup, left_gib: float, catalog: Catalog) -> int:
    """Adapters that fit beside what was asked: those asked for, and what room is left holds."""
    if asked.adapters is None:
        return 0
    each = _adapter_bytes(setup, asked.adapters.rank, catalog) / GIB
    return max(asked.adapters.count + int(np.floor(left_gib / each)), 0)


def _changes(asked: FitQuestion, gpu: Gpu, row: FitGpu, catalog: Catalog) -> tuple[str, ...]:
    """The least changes that make a row fit; for a tight one, what usually gives."""
    if row.state is Fits.FITS or row.room is None:
        return ()
    if row.state is Fits.TIGHT:
        return _what_gives(asked, row.room)
    found = []
    if asked.kv_precision != "fp8" and gpu.fp8_tflops:
        tried = replace(asked, kv_precision="fp8")
        found += ["KV cache at fp8"] if _holds(tried, gpu, [row.tp], catalog) else []
    bits = {name: one.weight_bits for name, one in formats.precisions().items()}
    for name in NARROWER:
        tried = replace(asked, precision=name)
        if bits[name] < 0.9 * bits[asked.precision] and _holds(tried, gpu, [row.tp], catalog):
            found.append(f"weights at {name}")
            break
    wider = [tp for tp in _widths(asked.model) if tp > row.tp]
    if asked.tp and (tp := _holds(asked, gpu, wider, catalog)):
        found.append(f"tp {tp}")
    longest = int(row.room.longest_request_tokens.low)
    if longest >= 1 and longest < asked.context_tokens:
        found.append(f"a context of {longest:,} tokens")
    elif row.users is not None and 1.0 <= row.users.low < asked.users:
        found.append(f"{row.users.low:,.0f} users at this context")
    return tuple(found)


def _holds(asked: FitQuestion, gpu: Gpu, widths: Sequence[int], catalog: Catalog) -> int:
    """The fewest of `widths` GPUs on which it fits, tightly or not; 0 where none does."""
    setups = [_setup(asked, gpu, tp) for tp in widths]
    if not setups or refusals(setups)[0]:
        return 0
    setups = [_with_adapters(s, asked.adapters, catalog) for s in setups]
    dep = deployments(setups, catalog.coefficients)
    found = states(dep, asked.context_tokens, asked.users)
    return next(
        (tp for tp, state in zip(widths, found, strict=True) if state is not Fits.DOES_NOT_FIT), 0
    )


def _what_gives(asked: FitQuestion, room: CacheRoom) -> tuple[str, ...]:
    """What takes the last GiB of a tight fit, largest first."""
    takes = [
        (room.workspace_gib, "workspace grows with max_num_batched_tokens and max_num_seqs"),
        (room.graphs_gib, "CUDA graphs (enforce_eager frees them)"),
        (room.buffers_gib, "communication buffers of other releases"),
    ]
    words = tuple(words for gib, words in sorted(takes, reverse=True) if gib >= 0.5)
    return words[:2] or ("another process on the GPU",)
