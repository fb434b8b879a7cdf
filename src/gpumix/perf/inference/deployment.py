"""One model on some GPUs with one engine, as arrays: everything the formulas need.

A `Deployment` holds one entry a row. Constants are looked up once per distinct combination of
architecture, link, precision and engine generation, never by model, GPU or length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.engines import engine_family
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import NoEstimate
from gpumix.perf.clocks import clock_share
from gpumix.perf.inference.constants import (
    COMMON,
    EFFICIENCY_CAP,
    OF_ENGINE,
    OF_MEMORY,
    Key,
    constants_of,
    kernel_architecture,
)
from gpumix.perf.inference.engines import engine_generation, memory_generation
from gpumix.perf.inference.kernels import copies_sent, repeated_reads
from gpumix.perf.links import Link, link_of, nodes_of
from gpumix.perf.precision import (
    WeightFormat,
    kv_bytes_per_value,
    peak_16bit,
    unstated_kv,
    weight_format,
)
from gpumix.perf.shapes import Shape, shape_of
from gpumix.units import GIB
from gpumix.values import FloatArray

SMALL_GIB = 70.0
BEFORE_HOPPER = ("Volta", "Turing", "Ampere")


class EngineSettings(NamedTuple):
    """How an engine is started, where its defaults are not kept; None = the engine's own.

    `memory_share` of the GPU the engine may fill [0-1], `max_sequences` at once, `chunk_tokens` of
    a step of one attention rank (max_num_batched_tokens), `max_length` of a request
    (max_model_len), whether CUDA `graphs` are captured, `extra_bytes` a GPU keeps for adapters or a
    draft model, `overlapped_batches` that a step is cut into so that the exchange of one hides
    behind the arithmetic of the other (1 or 2).
    """

    memory_share: float | None = None
    max_sequences: int | None = None
    chunk_tokens: int | None = None
    max_length: int | None = None
    graphs: bool = True
    extra_bytes: float = 0.0
    overlapped_batches: int = 1


class Setup(NamedTuple):
    """One row of a deployment: a model on GPUs of one kind, split and stored in some way.

    Precisions as inventories write them, empty = not stated; `dp` copies a dense model and splits
    the attention of an MoE model; engine and version as `engines.engine_generation` reads them;
    `settings` as the engine is started.
    """

    model: Model
    gpu: Gpu
    engine: str
    weight_precision: str = ""
    kv_precision: str = ""
    engine_version: str = ""
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1
    settings: EngineSettings = EngineSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """Rows of (model, GPU, layout, precision, engine) as parallel float arrays.

    Parameters and bytes are over all layers; bandwidths and peaks are the part's own; `*_rate`
    are peaks times the efficiency reached. `copies` are whole replicas (dp of a dense model),
    `ranks` attention-parallel ones (dp of an MoE model), `ways` the GPUs experts are spread over
    within one pipeline stage; dense weights are whole on every rank. `start_s` is what the kernels
    of a step take to start, `imbalance` how much the fullest GPU's experts outlast the mean one's,
    `repeated_reads` how much longer the cache takes to read than if each head were read once, as
    `head_group` query heads share it; `copies_sent` of a token cross the link that limits the
    exchange. Prompts read together fill the budgets of `chunk_ranks` ranks. Times in seconds, sizes
    in bytes, rates per second.
    """

    layers: FloatArray
    hidden: FloatArray
    head_params: FloatArray
    embedding_params: FloatArray
    dense_params: FloatArray
    expert_params: FloatArray
    experts: FloatArray
    top_k: FloatArray
    heads: FloatArray
    head_dim: FloatArray
    attention_layers: FloatArray
    window_layers: FloatArray
    kv_heads: FloatArray
    full_kv_bytes: FloatArray
    window_kv_bytes: FloatArray
    window: FloatArray
    state_bytes: FloatArray
    sparse_top: FloatArray
    latent_width: FloatArray
    head_group: FloatArray
    latent_layers: FloatArray
    sparse_layers: FloatArray
    state_layers: FloatArray
    dense_bytes: FloatArray
    expert_bytes: FloatArray
    bandwidth: FloatArray
    flops_peak: FloatArray
    flops_16bit: FloatArray
    memory_bytes: FloatArray
    tdp_w: FloatArray
    idle_w: FloatArray
    tp: FloatArray
    pp: FloatArray
    copies: FloatArray
    ranks: FloatArray
    ways: FloatArray
    expert_groups: FloatArray
    linear_rate: FloatArray
    weight_rate: FloatArray
    head_rate: FloatArray
    head_weight_rate: FloatArray
    kv_rate: FloatArray
    prefill_rate: FloatArray
    half_tokens: FloatArray
    half_span: FloatArray
    expert_factor: FloatArray
    start_s: FloatArray
    copies_sent: FloatArray
    expert_half_tokens: FloatArray
    expert_efficiency: FloatArray
    attention_launch_s: FloatArray
    repeated_reads: FloatArray
    activation_passes: FloatArray
    state_passes: FloatArray
    expert_passes: FloatArray
    link_latency_s: FloatArray
    link_growth: FloatArray
    link_bus: FloatArray
    step_s: FloatArray
    layer_s: FloatArray
    sequence_s: FloatArray
    prompt_token_s: FloatArray
    first_token_s: FloatArray
    front_s: FloatArray
    request_s: FloatArray
    output_share: FloatArray
    lockstep: FloatArray
    together: FloatArray
    first_wave: FloatArray
    offline_host: FloatArray
    overlap: FloatArray
    imbalance: FloatArray
    routing_spread: FloatArray
    itl_tail: FloatArray
    ramp_down: FloatArray
    burst_tail: FloatArray
    ttft_tail: FloatArray
    slo_headroom: FloatArray
    slo_share: FloatArray
    chunk_tokens: FloatArray
    chunk_ranks: FloatArray
    overlapped_batches: FloatArray
    max_sequences: FloatArray
    memory_share: FloatArray
    reserve_bytes: FloatArray
    weights_first: FloatArray
    context_gib: FloatArray
    group_gib: FloatArray
    graph_gib: FloatArray
    graphs_inside: FloatArray
    sampler_bytes: FloatArray
    ffn_copies: FloatArray
    hidden_copies: FloatArray
    expert_copies: FloatArray
    whole_prompt_tokens: FloatArray
    attention_bytes: FloatArray
    doubt_share: FloatArray
    max_length: FloatArray
    ffn: FloatArray
    expert_ffn: FloatArray
    key_index: npt.NDArray[np.intp]
    link_bytes_per_s: FloatArray
    link_group: FloatArray
    nodes: FloatArray
    clock: FloatArray
    keys: tuple[Key, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of deployments."""
        return len(self.layers)

    @property
    def gpus(self) -> FloatArray:
        """GPUs of one deployment [count]."""
        return self.tp * self.pp * self.copies * self.ranks

    def take(self, index: npt.ArrayLike) -> Deployment:
        """The deployments at these positions, in this order, repeats allowed."""
        chosen = np.asarray(index)
        arrays = {name: getattr(self, name)[chosen] for name in _ARRAYS}
        return replace(self, **arrays)


_ARRAYS = tuple(f.name for f in fields(Deployment) if f.name not in ("keys", "notes"))
_FROM_PEAKS = (
    "linear_rate", "weight_rate", "head_rate", "head_weight_rate", "kv_rate", "prefill_rate",
    "link_bus",
)  # fmt: skip
_FROM_SHAPES = ("start_s", "imbalance", "copies_sent", "repeated_reads")
_FROM_SETTINGS = ("chunk_ranks", "overlapped_batches")
_FOLDED_IN = (
    "imbalance", "latent_layer_s", "sparse_layer_s", "state_layer_s", "clock_exponent",
    "expert_launch_s", "repeated_reads",
)  # fmt: skip
_LOOKED_UP = (
    "half_tokens", "half_span", "expert_factor", "link_latency_s", "link_growth",
    *(name for name in (*COMMON, *OF_ENGINE, *OF_MEMORY) if name not in _FOLDED_IN),
)  # fmt: skip

LATENT_EXTRA = 64.0
"""Rotary dimensions beside the latent cache. Source: DeepSeek-V2, arXiv 2405.04434."""

PRODUCTS = 4.0
"""Matrix products of a layer: queries, keys and values; output; up and gate; down."""


def refusals(setups: Sequence[Setup]) -> list[str]:
    """Why each row can be no deployment, in order; '' where it can: what `deployments` raises."""
    keys = [(s.model.id, s.gpu.id, *_precisions(s)) for s in setups]
    found = {key: _refusal(s) for key, s in dict(zip(keys, setups, strict=True)).items()}
    return [found[key] for key in keys]


def _precisions(setup: Setup) -> tuple[str, str, str]:
    return setup.weight_precision, setup.kv_precision, engine_family(setup.engine)


def _refusal(setup: Setup) -> str:
    try:
        shape_of(setup.model)
        weights, _, engine = _precisions(setup)
        weight_format(weights, setup.gpu, setup.model, engine)
        kv_bytes_per_value(setup.kv_precision)
    except NoEstimate as error:
        return str(error)
    return ""


def deployments(setups: Sequence[Setup], coefficients: Coefficients) -> Deployment:
    """The rows as arrays, in order, with the fitted constants of each.

    Raises:
        NoEstimate: a model without shape, an unknown precision, a part without a 16-bit peak;
            `refusals` says of every row which.
    """
    shapes: dict[str, Shape] = {}
    formats: dict[tuple[str, str, str, str], WeightFormat] = {}
    codes: dict[Key, int] = {}
    later = (*_FROM_PEAKS, *_FROM_SHAPES, *_FROM_SETTINGS, *_LOOKED_UP, "key_index")
    columns: dict[str, list[float]] = {name: [] for name in _ARRAYS if name not in later}
    key_index: list[int] = []
    notes: list[str] = []
    for setup in setups:
        model, gpu, (weights, kv_stated, engine) = setup.model, setup.gpu, _precisions(setup)
        shape = shapes.get(model.id) or shapes.setdefault(model.id, shape_of(model))
        asked = (weights, gpu.id, model.id, engine)
        form = formats.get(asked) or formats.setdefault(
            asked, weight_format(weights, gpu, model, engine)
        )
        generation, guess = engine_generation(
            engine, setup.engine_version, weights, gpu.vendor, gpu.architecture
        )
        link = link_of(gpu, setup.tp * (setup.dp if shape.expert_params else 1))
        kv, kv_guess = unstated_kv(kv_stated, weights, engine)
        kv_width = int(8 * kv_bytes_per_value(kv))
        key = Key(
            kernel_architecture(gpu), form.width, form.compute_width, form.emulated, kv_width,
            is_small(gpu), generation, link.kind,
            memory_generation(generation, setup.engine_version), is_consumer(gpu),
        )  # fmt: skip
        values = _row(setup, shape, form, link, kv)
        key_index.append(codes.setdefault(key, len(codes)))
        for name, column in columns.items():
            column.append(values[name])
        notes.append("; ".join(n for n in (form.note, guess, kv_guess) if n))
    index = np.array(key_index, dtype=np.intp)
    keys = tuple(codes)
    arrays = {name: np.array(column, dtype=np.float64) for name, column in columns.items()}
    arrays |= fitted(arrays, index, keys, coefficients)
    arrays |= _as_started(arrays, [s.settings for s in setups])
    return Deployment(**arrays, key_index=index, keys=keys, notes=tuple(notes))


def _as_started(
    arrays: Mapping[str, FloatArray], settings: Sequence[EngineSettings]
) -> dict[str, FloatArray]:
    """The columns that the engine's settings replace."""

    def stated(name: str) -> FloatArray:
        values = [getattr(one, name) for one in settings]
        return np.array([np.nan if v is None else float(v) for v in values])

    replaced = {name: stated(name) for name in ("memory_share", "max_sequences", "chunk_tokens")}
    found = {k: np.where(np.isnan(v), arrays[k], v) for k, v in replaced.items()}
    whole = arrays["whole_prompt_tokens"]
    default = np.isnan(replaced["chunk_tokens"])
    found["whole_prompt_tokens"] = np.where(default, whole, 0.0)
    found["chunk_ranks"] = np.where(default, 1.0, arrays["ranks"])
    found["overlapped_batches"] = np.array([float(one.overlapped_batches) for one in settings])
    captured = np.array([one.graphs for one in settings])
    found["graph_gib"] = np.where(captured, arrays["graph_gib"], 0.0)
    return found


def _row(setup: Setup, shape: Shape, form: WeightFormat, link: Link, kv: str) -> dict[str, float]:
    gpu, tp, dp = setup.gpu, setup.tp, setup.dp
    is_moe = shape.expert_params > 0
    group = tp * dp if is_moe else tp
    kv_scale = kv_bytes_per_value(kv) / 2.0
    windowed = shape.window_kv_bytes / max(shape.full_kv_bytes + shape.window_kv_bytes, 1.0)
    return {
        "layers": shape.layers,
        "hidden": shape.hidden,
        "head_params": shape.vocab * shape.hidden,
        "embedding_params": shape.embedding_params,
        "dense_params": shape.dense_params,
        "expert_params": shape.expert_params,
        "experts": shape.experts,
        "top_k": shape.top_k,
        "heads": shape.heads,
        "head_dim": shape.head_dim,
        "attention_layers": shape.attention_layers,
        "window_layers": windowed * shape.attention_layers,
        "kv_heads": shape.kv_heads,
        "full_kv_bytes": shape.full_kv_bytes * kv_scale,
        "window_kv_bytes": shape.window_kv_bytes * kv_scale,
        "window": shape.window,
        "state_bytes": shape.state_bytes,
        "sparse_top": shape.sparse_top,
        "latent_width": 2.0 * shape.latent_rank + LATENT_EXTRA if shape.latent_rank else 0.0,
        "head_group": _head_group(shape),
        "latent_layers": shape.latent_layers,
        "sparse_layers": shape.sparse_layers,
        "state_layers": shape.state_layers,
        "dense_bytes": form.bytes_dense,
        "expert_bytes": form.bytes_expert,
        "bandwidth": gpu.bandwidth_bytes_per_s,
        "flops_peak": form.flops,
        "flops_16bit": peak_16bit(gpu, engine_family(setup.engine)),
        "memory_bytes": visible_memory_bytes(gpu),
        "tdp_w": gpu.tdp_w,
        "idle_w": gpu.idle_w if gpu.idle_w is not None else float("nan"),
        "tp": float(tp),
        "pp": float(setup.pp),
        "copies": 1.0 if is_moe else float(dp),
        "ranks": float(dp) if is_moe else 1.0,
        "ways": float(tp * dp) if is_moe else float(tp),
        "expert_groups": float(max(setup.ep, 1)) if is_moe else 1.0,
        "link_bytes_per_s": link.bytes_per_s,
        "link_group": float(group),
        "nodes": float(nodes_of(gpu, group)),
        "clock": clock_share(gpu),
        "ffn": shape.ffn,
        "expert_ffn": shape.expert_ffn,
        "max_length": float(setup.settings.max_length or 0),
        "reserve_bytes": setup.settings.extra_bytes,
    }


def _head_group(shape: Shape) -> float:
    """Query heads that share one head of keys and values; 1 of a latent cache, read once."""
    return 1.0 if shape.latent_rank else max(shape.heads / max(shape.kv_heads, 1.0), 1.0)


def is_small(gpu: Gpu) -> bool:
    """Whether engines choose their smaller default batch: under 70 GiB, or before Hopper.

    Source: vLLM EngineArgs defaults by device memory and name.
    """
    return gpu.mem_gib < SMALL_GIB or gpu.architecture in BEFORE_HOPPER


def is_consumer(gpu: Gpu) -> bool:
    """Whether a part is a GeForce card: no peer-to-peer, boxes of all kinds."""
    return "consumer" in gpu.form_factor


def visible_memory_bytes(gpu: Gpu) -> float:
    """Memory an engine sees [byte]: 99 % of the GiB sold of HBM and of workstation cards, 98.3 % of
    GeForce cards, 92 % of server cards with GDDR6 (part of it holds the codes of ECC).

    Source: `total_gpu_memory` in logs of vLLM: H100 79.19 of 80 GiB, A100 79.25, V100 31.74 of 32,
    RTX A6000 47.5 of 48, RTX 3090 23.58 of 24, L40S 44.42 of 48, A10G 22.07 of 24.
    """
    if is_consumer(gpu):
        return gpu.mem_gib * GIB * 0.983
    corrects = gpu.mem_type.startswith("GDDR6") and not gpu.id.startswith("rtx")
    return gpu.mem_gib * GIB * (0.92 if corrects else 0.99)


def fitted(
    arrays: Mapping[str, FloatArray],
    index: npt.NDArray[np.intp],
    keys: Sequence[Key],
    coefficients: Coefficients,
) -> dict[str, FloatArray]:
    """Constants of every row: looked up per key, then `gathered`."""
    return gathered(arrays, index, [constants_of(key, coefficients.inference) for key in keys])


def gathered(
    arrays: Mapping[str, FloatArray],
    index: npt.NDArray[np.intp],
    looked_up: Sequence[Mapping[str, float]],
) -> dict[str, FloatArray]:
    """Constants of every row, from the table it points to, multiplied onto peaks and layers.

    Args:
        arrays: columns of a deployment (peaks, bandwidths, shapes, layouts).
        index: which of `looked_up` holds for each row.
        looked_up: constants by name, one table a key.

    Source: tools/fit_inference.py.
    """
    c = {
        name: np.array([one[name] for one in looked_up], dtype=np.float64)[index]
        for name in looked_up[0]
    }
    bandwidth, flops_16bit = arrays["bandwidth"], arrays["flops_16bit"]
    clock = arrays["clock"] ** c["clock_exponent"]
    doublings = np.log2(np.maximum(arrays["link_group"], 2.0) / 2.0)
    share = c["link_share"] * c["link_doubling"] ** doublings
    return {
        "linear_rate": arrays["flops_peak"] * clock * c["mfu"],
        "weight_rate": bandwidth * c["mbu"],
        "head_rate": flops_16bit * clock * c["mfu_16bit"],
        "head_weight_rate": bandwidth * c["mbu_16bit"],
        "kv_rate": bandwidth * c["mbu_kv"],
        "prefill_rate": flops_16bit * clock * c["mfu_prefill"],
        "link_bus": arrays["link_bytes_per_s"] * np.minimum(share, EFFICIENCY_CAP),
        "start_s": _start_s(arrays, c),
        "imbalance": 1.0 + c["imbalance"] * np.log(arrays["expert_groups"]),
        "repeated_reads": np.asarray(repeated_reads(arrays["head_group"], c["repeated_reads"])),
        "copies_sent": np.asarray(copies_sent(*(arrays[n] for n in ("top_k", "ranks", "nodes")))),
        **{name: c[name] for name in _LOOKED_UP},
    }


def _start_s(arrays: Mapping[str, FloatArray], c: Mapping[str, FloatArray]) -> FloatArray:
    """What the kernels of one step take to start: of layers of special kinds, of every product,
    of experts [s]."""
    special = (
        arrays["latent_layers"] * c["latent_layer_s"]
        + arrays["sparse_layers"] * c["sparse_layer_s"]
        + arrays["state_layers"] * c["state_layer_s"]
    )
    products = PRODUCTS * arrays["layers"] * c["product_start_s"]
    routed = np.where(arrays["expert_params"] > 0.0, c["expert_launch_s"] * arrays["layers"], 0.0)
    return np.asarray(special + products + routed)
