"""What a training job is: model, GPU, network and layout, as one struct of numpy arrays.

One `TrainingJob` holds any number of jobs, a row each, so that a million points or every layout
of a search is one call of `training.step`. Words (precision, sharding, ...) are held as codes
into the tuples below; the software stack as a code into `TrainingJob.stacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.training_words import (
    BASES,
    DISPATCHERS,
    GRAPHS,
    LIBRARIES,
    LOSSES,
    OFFLOADS,
    OPTIMIZERS,
    PREPARED,
)
from gpumix.errors import InputError, unknown_name
from gpumix.perf.inference.deployment import visible_memory_bytes
from gpumix.perf.training.shapes import Shapes, shapes_of
from gpumix.units import GIGA, TERA
from gpumix.values import FloatArray

Codes = NDArray[np.int64]
Column = Codes | FloatArray
_Struct = TypeVar("_Struct", "Shapes", "Parts", "TrainingJob")

TASKS = ("pretrain", "sft", "lora", "qlora", "dpo")
PRECISIONS = ("bf16", "fp16", "fp8", "fp4")
SHARDINGS = ("none", "ddp", "zero1", "zero2", "zero3_fsdp")
CHECKPOINTS = ("none", "selective", "full")
KINDS = ("encoder", "moe", "adapter", "dense")
LINKS = ("pcie", "nvlink-bridge", "nvlink", "nvlink-nvl72")

LORA, QLORA, DPO = TASKS.index("lora"), TASKS.index("qlora"), TASKS.index("dpo")
FP8, FP4 = PRECISIONS.index("fp8"), PRECISIONS.index("fp4")
DDP, ZERO1, ZERO2, ZERO3 = (SHARDINGS.index(s) for s in ("ddp", "zero1", "zero2", "zero3_fsdp"))
SELECTIVE, FULL = CHECKPOINTS.index("selective"), CHECKPOINTS.index("full")

NIC_GENERATION_GBPS = {3: 100.0, 4: 200.0, 5: 400.0, 6: 400.0}
"""Network per GPU [Gb/s] by PCIe generation, where a job does not state it: HDR with Ampere,
NDR with Hopper and Blackwell. Source: DGX A100, H100 and B200 data sheets (one NIC a GPU)."""

PCIE_GPUS_PER_NIC = 4.0
"""PCIe servers share network cards: two for eight GPUs is typical. Source: vendors' L40S and
H100 NVL reference servers; recalled, state `inter_gbps_per_node` where it matters."""


@dataclass(frozen=True, slots=True)
class Parts:
    """GPU specifications, one value a row: FLOP/s, byte/s, byte, W; 0 where unsupported."""

    architecture: Codes
    flops_16bit: FloatArray
    flops_8bit: FloatArray
    flops_4bit: FloatArray
    bandwidth: FloatArray
    mem_bytes: FloatArray
    visible_bytes: FloatArray
    nvlink_bytes_per_s: FloatArray
    pcie_gen: FloatArray
    domain: FloatArray
    watts: FloatArray


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """Training jobs, a row each. Layout columns are whole numbers held as floats.

    n_gpus = tp x pp x cp x dp; `micro_batch` sequences per data-parallel replica and micro-step,
    `global_batch` sequences per optimizer step; `inter_gbps_per_node` Gb/s; `seq_len` tokens
    computed per sequence (packed, or padded to); `lora_embeddings` 1 where an adapter's job also
    trains the embedding tables; `gradient_bytes` of a trained weight [byte], NaN = the stack's.
    """

    shapes: Shapes
    parts: Parts
    stacks: tuple[str, ...]
    architectures: tuple[str, ...]
    n_gpus: FloatArray
    gpus_per_node: FloatArray
    link: Codes
    inter_gbps_per_node: FloatArray
    task: Codes
    precision: Codes
    seq_len: FloatArray
    global_batch: FloatArray
    micro_batch: FloatArray
    tp: FloatArray
    pp: FloatArray
    cp: FloatArray
    ep: FloatArray
    dp: FloatArray
    vp: FloatArray
    sharding: Codes
    activation_ckpt: Codes
    stack: Codes
    lora_rank: FloatArray
    lora_all_layers: FloatArray
    lora_embeddings: FloatArray
    optimizer: Codes
    offload: Codes
    base_precision: Codes
    loss: Codes
    gradient_bytes: FloatArray
    moe_dispatcher: Codes
    cuda_graph: Codes
    base_prepared: Codes
    library: Codes

    def __len__(self) -> int:
        return int(self.n_gpus.size)

    @property
    def tokens_per_step(self) -> FloatArray:
        """Tokens of one optimizer step over all GPUs."""
        return self.global_batch * self.seq_len

    @property
    def trains_adapter(self) -> NDArray[np.bool_]:
        """LoRA or QLoRA: the model's own weights are frozen."""
        adapter: NDArray[np.bool_] = (self.task == LORA) | (self.task == QLORA)
        return adapter

    @property
    def kind(self) -> NDArray[np.str_]:
        """What a job's errors go with: encoder, moe, adapter or dense (KINDS)."""
        conditions = [self.shapes.encoder > 0, self.shapes.experts > 0, self.trains_adapter]
        kind: NDArray[np.str_] = np.select(conditions, KINDS[:-1], KINDS[-1])
        return kind

    @property
    def architecture(self) -> NDArray[np.str_]:
        """GPU architecture of each job, by name."""
        return np.array(self.architectures)[self.parts.architecture]

    def take(self, rows: ArrayLike) -> TrainingJob:
        """The jobs at `rows` (indices or mask), in that order."""
        return _take(self, rows)

    def with_columns(self, **columns: ArrayLike) -> TrainingJob:
        """The same jobs with some columns replaced (words or numbers; scalars repeat)."""
        new: dict[str, Any] = {k: _column(k, v, len(self), self.stacks) for k, v in columns.items()}
        return replace(self, **new)


_WORDS = {
    "task": TASKS,
    "precision": PRECISIONS,
    "sharding": SHARDINGS,
    "activation_ckpt": CHECKPOINTS,
    "link": LINKS,
    "optimizer": OPTIMIZERS,
    "offload": OFFLOADS,
    "base_precision": BASES,
    "loss": LOSSES,
    "moe_dispatcher": DISPATCHERS,
    "cuda_graph": GRAPHS,
    "base_prepared": PREPARED,
    "library": LIBRARIES,
}


def training_jobs(
    models: Sequence[Model],
    gpus: Sequence[Gpu],
    *,
    model: ArrayLike = 0,
    gpu: ArrayLike = 0,
    n_gpus: ArrayLike = 1,
    stack: ArrayLike = "megatron",
    task: ArrayLike = "pretrain",
    precision: ArrayLike = "bf16",
    seq_len: ArrayLike = 4096,
    micro_batch: ArrayLike = 1,
    tp: ArrayLike = 1,
    pp: ArrayLike = 1,
    cp: ArrayLike = 1,
    ep: ArrayLike = 1,
    vp: ArrayLike = 1,
    dp: ArrayLike | None = None,
    global_batch: ArrayLike | None = None,
    gpus_per_node: ArrayLike | None = None,
    link: ArrayLike | None = None,
    inter_gbps_per_node: ArrayLike | None = None,
    sharding: ArrayLike = "zero1",
    activation_ckpt: ArrayLike = "none",
    lora_rank: ArrayLike = 16,
    lora_all_layers: ArrayLike = True,
    lora_embeddings: ArrayLike = False,
    optimizer: ArrayLike = "",
    offload: ArrayLike = "",
    base_precision: ArrayLike = "",
    loss: ArrayLike = "",
    gradient_bytes: ArrayLike = np.nan,
    moe_dispatcher: ArrayLike = "",
    cuda_graph: ArrayLike = "",
    base_prepared: ArrayLike = "",
    library: ArrayLike = "",
) -> TrainingJob:
    """Jobs from records and columns; `model` and `gpu` index into `models` and `gpus`.

    Scalars repeat. Defaults: dp = n_gpus / (tp pp cp), global_batch = micro_batch x dp, nodes of
    8 GPUs (or all of fewer), the GPU's own link, one network card a GPU of its generation.

    Raises: InputError for a word that is not in TASKS, PRECISIONS, SHARDINGS, ...
    """
    given = {k: v for k, v in locals().items() if k not in ("models", "gpus") and v is not None}
    rows = int(np.broadcast(*(np.asarray(v) for v in given.values())).size)
    stacks = tuple(dict.fromkeys(np.atleast_1d(np.asarray(stack)).astype(str).tolist()))
    columns: dict[str, Any] = {k: _column(k, v, rows, stacks) for k, v in given.items()}
    at_model, at_gpu = columns.pop("model").astype(int), columns.pop("gpu").astype(int)
    architectures = tuple(dict.fromkeys(g.architecture for g in gpus))
    parts = _take(_parts(gpus, architectures), at_gpu)
    n, tp_, pp_, cp_ = (columns[k] for k in ("n_gpus", "tp", "pp", "cp"))
    dp_ = columns.setdefault("dp", np.maximum(n / (tp_ * pp_ * cp_), 1.0))
    columns.setdefault("global_batch", columns["micro_batch"] * dp_)
    node = columns.setdefault("gpus_per_node", np.minimum(n, GPUS_PER_NODE))
    columns.setdefault("link", default_link(parts, node))
    nics = np.array([_network_gbps(g) for g in gpus])[at_gpu]
    columns.setdefault("inter_gbps_per_node", nics * node)
    return TrainingJob(
        shapes=_take(shapes_of(models), at_model),
        parts=parts,
        stacks=stacks,
        architectures=architectures,
        **columns,
    )


def _network_gbps(gpu: Gpu) -> float:
    cards = NIC_GENERATION_GBPS.get(gpu.pcie_gen or 4, 200.0)
    return cards / PCIE_GPUS_PER_NIC if "PCIe" in gpu.form_factor else cards


def default_link(parts: Parts, gpus_per_node: FloatArray) -> Codes:
    """The link inside a node: NVLink if the GPU's domain holds the node, else PCIe."""
    wide = parts.domain >= np.minimum(gpus_per_node, GPUS_PER_NODE)
    fast = parts.nvlink_bytes_per_s > 0
    code = np.where(fast & wide, LINKS.index("nvlink"), LINKS.index("pcie"))
    return np.where(fast & (parts.domain > GPUS_PER_NODE), LINKS.index("nvlink-nvl72"), code)


def _column(name: str, value: ArrayLike, rows: int, stacks: tuple[str, ...]) -> Column:
    array = np.asarray(value)
    words = stacks if name == "stack" else _WORDS.get(name)
    if words and array.dtype.kind in "UO":
        distinct, inverse = np.unique(array.astype(str), return_inverse=True)
        bad = [unknown_name(name, name, w, words) for w in distinct.tolist() if w not in words]
        if bad:
            raise InputError(bad)
        array = np.array([words.index(w) for w in distinct.tolist()])[inverse].reshape(array.shape)
    if words:
        return np.broadcast_to(array.astype(np.int64), (rows,))
    return np.broadcast_to(array.astype(np.float64), (rows,))


def _take(struct: _Struct, rows: ArrayLike) -> _Struct:
    at = np.asarray(rows)
    taken: dict[str, Any] = {
        f.name: value[at] if isinstance(value, np.ndarray) else _take(value, at)
        for f in fields(struct)
        if not isinstance(value := getattr(struct, f.name), tuple)
    }
    return replace(struct, **taken)


def _parts(gpus: Sequence[Gpu], architectures: tuple[str, ...]) -> Parts:
    def column(of: Callable[[Gpu], float | None]) -> FloatArray:
        return np.array([of(g) or 0.0 for g in gpus], dtype=float)

    return Parts(
        architecture=np.array([architectures.index(g.architecture) for g in gpus]),
        flops_16bit=column(lambda g: g.flops_16bit),
        flops_8bit=column(lambda g: (g.fp8_tflops or 0.0) * TERA),
        flops_4bit=column(lambda g: (g.fp4_tflops or 0.0) * TERA),
        bandwidth=column(lambda g: g.bandwidth_bytes_per_s),
        mem_bytes=column(lambda g: g.mem_bytes),
        visible_bytes=column(visible_memory_bytes),
        nvlink_bytes_per_s=column(lambda g: g.nvlink_gb_per_s / 2 * GIGA),
        pcie_gen=column(lambda g: g.pcie_gen or 4),
        domain=column(lambda g: g.scale_up_domain or 1),
        watts=column(lambda g: g.tdp_w),
    )
