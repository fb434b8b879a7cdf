"""Training questions as a table of text -> jobs with every default filled in.

Rows whose layout is stated become one struct of arrays; rows that leave it open are searched once
per distinct question. Columns and defaults: docs/contracts.md, "Points (training)".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpumix.catalog import Catalog
from gpumix.domain.bounds import COUNT, point_fault
from gpumix.domain.cells import number_in
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.training_words import (
    BASES,
    DISPATCHERS,
    GRADIENT_BYTES,
    GRAPHS,
    LOSSES,
    OFFLOADS,
    OPTIMIZERS,
    PREPARED,
    library_of,
)
from gpumix.errors import InputError, NoEstimate, UnknownName
from gpumix.perf.training import job as tj
from gpumix.perf.training.constants import UNKNOWN, Constants, stack_family
from gpumix.perf.training.job import TrainingJob, training_jobs
from gpumix.perf.training.layout import layouts, why_none
from gpumix.perf.training.memory import memory
from gpumix.predict.columns import refuse_missing
from gpumix.values import FloatArray

METRICS = (
    "tok_s_per_gpu", "samples_s_per_gpu", "step_time_s", "tflops_per_gpu", "mem_gib_per_gpu",
)  # fmt: skip
TOTALS = ("minutes_to_train", "gpu_hours")
RUNNING_SLACK = 1.15
"""A stated job is taken to run: memory predicted up to this much over the card still counts."""

DEEPSPEED = "hf-deepspeed"
"""Data parallelism under this stack is ZeRO: its optimizer shards states and gradients."""

_NUMBERS = (
    "n_gpus", "gpus_per_node", "inter_gbps_per_node", "seq_len", "global_batch", "micro_batch",
    "tp", "pp", "cp", "ep", "dp", "vp", "lora_rank",
)  # fmt: skip
_WORDS = (
    "model", "gpu", "task", "precision", "stack", "sharding", "activation_ckpt", "intra_link",
    "metric", "lora_targets", "optimizer", "offload", "base_precision", "loss",
    "gradient_precision", "moe_dispatcher", "cuda_graph", "base_prepared", "stack_version",
)  # fmt: skip
_SOFTWARE_WORDS = {
    "optimizer": OPTIMIZERS,
    "offload": OFFLOADS,
    "base_precision": BASES,
    "loss": LOSSES,
    "moe_dispatcher": DISPATCHERS,
    "cuda_graph": GRAPHS,
    "base_prepared": PREPARED,
    "gradient_precision": tuple(GRADIENT_BYTES),
}
_LINKS = {"": None, "none": None, **{link: link for link in tj.LINKS}}
_PRECISIONS = {"": "bf16", "fp32": "bf16", "tf32": "bf16", "mxfp8": "fp8", "nvfp4": "fp4"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """Questions with every default filled in: which rows are token jobs, and the jobs.

    `rows` are the points answered by `jobs`, in order; `notes` says per point what was assumed or
    why nothing can be said.
    """

    rows: NDArray[np.int64]
    jobs: TrainingJob | None
    notes: list[str]
    vision: NDArray[np.int64]


class Table:
    """The points as columns of numbers (NaN where empty) and of words (lower case, stripped)."""

    def __init__(self, points: Mapping[str, Sequence[Any]]) -> None:
        refuse_missing(points)
        self.size = len(points["gpu"])
        self.ids = list(points.get("id", range(self.size)))
        self.faults = [""] * self.size
        """Per row, which of its numbers cannot be; such a row has no answer."""
        self.number = {c: self._numbers(c, points.get(c)) for c in _NUMBERS}
        self.word = {c: _texts(points.get(c), self.size) for c in _WORDS}
        self.word["stack"] = [stack_family(name) for name in self.word["stack"]]

    def __len__(self) -> int:
        return self.size

    def _numbers(self, name: str, cells: Sequence[Any] | None) -> FloatArray:
        """The column, NaN where nothing is stated; what cannot be true goes to `faults`."""
        if cells is None:
            return np.full(self.size, np.nan)
        values = np.array([number_in(cell) for cell in cells], dtype=np.float64)
        for row, (cell, value) in enumerate(zip(cells, values.tolist(), strict=True)):
            if not _is_empty(cell) and (fault := point_fault(name, str(cell), value)):
                self.faults[row] = join(self.faults[row], fault)
        return np.where(values > 0.0, values, np.nan)


def _is_empty(cell: Any) -> bool:
    return cell is None or str(cell).strip().lower() in ("", "nan")


def _texts(column: Sequence[Any] | None, size: int) -> list[str]:
    return [""] * size if column is None else [str("" if x is None else x).strip() for x in column]


def resolve(table: Table, catalog: Catalog, constants: Constants) -> Resolved:
    """Fill in what the points leave open: names, layouts, defaults of the stack."""
    notes = [""] * len(table)
    found = _names(table, catalog, notes)
    direct: list[int] = []
    columns: dict[int, dict[str, Any]] = {}
    vision: list[int] = []
    searched: dict[tuple[Any, ...], dict[str, Any] | str] = {}
    for row, pair in enumerate(found):
        if pair is None:
            continue
        model, gpu = pair
        if not has_tokens(model) or (
            model.kind != "encoder" and np.isnan(table.number["seq_len"][row])
        ):
            vision.append(row)
            continue
        question = _question(table, row, model, gpu, constants, notes)
        if question is None:
            continue
        if _is_open(question, model):
            key = (model.id, gpu.id, *sorted((k, str(v)) for k, v in question.items()))
            if key not in searched:
                searched[key] = _search(model, gpu, question, constants)
            answer = searched[key]
            if isinstance(answer, str):
                notes[row] = answer
                continue
            question = question | answer
            notes[row] = join(notes[row], "layout not stated: the best one that fits")
        columns[row] = question | {"model": model, "gpu": gpu}
        direct.append(row)
    jobs = _jobs([columns[r] for r in direct], constants) if direct else None
    return Resolved(np.array(direct, dtype=int), jobs, notes, np.array(vision, dtype=int))


def _names(table: Table, catalog: Catalog, notes: list[str]) -> list[tuple[Model, Gpu] | None]:
    """Model and GPU of each row, None with a note where a name is unknown."""
    cache: dict[tuple[str, str], Any] = {}

    def get(kind: str, name: str) -> Any:
        if (kind, name) not in cache:
            try:
                cache[kind, name] = getattr(catalog, kind)(name)
            except UnknownName as error:
                cache[kind, name] = str(error)
        return cache[kind, name]

    pairs: list[tuple[Model, Gpu] | None] = []
    for row in range(len(table)):
        model = get("model", table.word["model"][row])
        gpu = get("gpu", table.word["gpu"][row])
        bad = [x for x in (table.faults[row], gpu, model) if x and isinstance(x, str)]
        metric = table.word["metric"][row]
        if metric in TOTALS:
            bad.append(f"{metric} depends on the samples a run needs, which the row does not give")
        elif metric not in METRICS:
            bad.append(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
        notes[row] = "; ".join(bad)
        pairs.append(None if bad else (model, gpu))
    return pairs


def has_tokens(model: Model) -> bool:
    """Whether a model trains on sequences of tokens."""
    return bool(model.layers and model.hidden) and not model.is_denoiser and model.kind != "vision"


def _question(
    table: Table, row: int, model: Model, gpu: Gpu, constants: Constants, notes: list[str]
) -> dict[str, Any] | None:
    """The stated part of a row, with defaults that need no search; None (and a note) if wrong."""
    number = {c: float(table.number[c][row]) for c in _NUMBERS}
    word = {c: table.word[c][row] for c in _WORDS}
    stack = word["stack"] if word["stack"] in constants["stack"] else UNKNOWN
    q: dict[str, Any] = {k: v for k, v in number.items() if v == v}
    q.setdefault("n_gpus", _product(q))
    if q["n_gpus"] > COUNT[1]:
        notes[row] = f"tp x pp x cp x dp = {q['n_gpus']:,.0f}: at most {COUNT[1]:,} GPUs"
        return None
    q.setdefault("seq_len", 512.0)
    q["stack"] = stack
    q["task"] = {"": "pretrain", "rlhf": "dpo"}.get(word["task"], word["task"])
    q["precision"] = _PRECISIONS.get(word["precision"], word["precision"])
    for name, words in (("task", tj.TASKS), ("precision", tj.PRECISIONS)):
        if q[name] not in words:
            notes[row] = f"unknown {name} {q[name]!r}; known: {', '.join(words)}"
            return None
    if q["task"] not in ("lora", "qlora"):
        q.pop("lora_rank", None)
    if word["intra_link"] not in _LINKS:
        notes[row] = f"unknown intra_link {word['intra_link']!r}; known: {', '.join(tj.LINKS)}"
        return None
    if link := _LINKS[word["intra_link"]]:
        q["link"] = link if gpu.nvlink_gb_per_s else "pcie"
        if q["link"] != link:
            notes[row] = f"{gpu.id} has no NVLink: its PCIe"
    targets, _, more = word["lora_targets"].partition("+")
    for name, choices in _SOFTWARE_WORDS.items():
        if word[name] not in choices:
            known = ", ".join(choice for choice in choices if choice)
            notes[row] = f"unknown {name} {word[name]!r}; known: {known}"
            return None
        if word[name]:
            q[name] = word[name]
    library = library_of(word["stack_version"])
    if library is None:
        notes[row] = f"stack_version {word['stack_version']!r} holds no release such as 4.48"
        return None
    if library:
        q["library"] = library
    if gradients := q.pop("gradient_precision", ""):
        q["gradient_bytes"] = GRADIENT_BYTES[gradients]
    q["lora_all_layers"] = targets in ("", "all", "all-linear")
    q["lora_embeddings"] = more == "embeddings"
    for name, choices in (("sharding", tj.SHARDINGS), ("activation_ckpt", tj.CHECKPOINTS)):
        if word[name] in choices:
            q[name] = word[name]
    if stack == DEEPSPEED and q.get("sharding") == "ddp":
        q["sharding"] = "zero2"
    if q["precision"] == "fp8" and not gpu.fp8_tflops:
        notes[row] = join(notes[row], f"{gpu.id} has no FP8: runs at 16 bits")
    if word["stack"] != stack:
        notes[row] = join(notes[row], f"stack {word['stack'] or 'not stated'}: a typical one")
    _complete_degrees(q, model, constants)
    return q


def _product(q: Mapping[str, Any]) -> float:
    return float(math.prod(q.get(k, 1.0) for k in ("tp", "pp", "cp", "dp")))


def _complete_degrees(q: dict[str, Any], model: Model, constants: Constants) -> None:
    """n_gpus = tp pp cp dp: the one degree that is missing follows from the others.

    A pipeline whose virtual stages are not stated has single layers where its stack interleaves
    and the layers divide.
    """
    degrees = ("tp", "pp", "cp", "dp")
    missing = [d for d in degrees if d not in q]
    if len(missing) == 1:
        q[missing[0]] = max(q["n_gpus"] / _product(q), 1.0)
    if q["n_gpus"] == 1:
        q |= dict.fromkeys(missing, 1.0)
    if "pp" in q:
        stages = (model.layers or 1) / q["pp"]
        single = constants["stack"][q["stack"]]["interleaves"] > 0 and stages % 1.0 == 0.0
        q.setdefault("vp", stages if single and q["pp"] > 1 else 1.0)


def _is_open(q: Mapping[str, Any], model: Model) -> bool:
    needed = ["tp", "pp", "cp", "dp", "micro_batch", *(["ep"] if model.is_moe else [])]
    return any(name not in q for name in needed)


_PINNED = (
    "tp", "pp", "cp", "ep", "dp", "vp", "micro_batch", "sharding", "activation_ckpt",
)  # fmt: skip

_HELD = (
    "optimizer", "offload", "base_precision", "loss", "gradient_bytes", "moe_dispatcher",
    "cuda_graph", "base_prepared", "library",
)  # fmt: skip


def _search(
    model: Model, gpu: Gpu, q: Mapping[str, Any], constants: Constants
) -> dict[str, Any] | str:
    """The open degrees of the best layout, or why there is none."""
    fixed = {k: q[k] for k in _PINNED if k in q}
    held = {k: q[k] for k in _HELD if k in q}
    rest = {k: v for k, v in q.items() if k not in (*_PINNED, *_HELD, "n_gpus")}
    try:
        found = layouts(
            model, gpu, int(q["n_gpus"]), constants=constants, fixed=fixed, held=held,
            memory_slack=RUNNING_SLACK, **rest,
        )  # fmt: skip
    except (InputError, NoEstimate) as error:
        return str(error)
    best = found.best or found.nearest
    if best is None:
        return why_none(model, gpu, int(q["n_gpus"]), found)
    return {k: getattr(best, k) for k in _PINNED}


def _jobs(questions: Sequence[Mapping[str, Any]], constants: Constants) -> TrainingJob:
    """One struct of all resolved questions, with sharding and checkpointing defaults applied."""
    models = list({q["model"].id: q["model"] for q in questions}.values())
    gpus = list({q["gpu"].id: q["gpu"] for q in questions}.values())
    at_model = {m.id: i for i, m in enumerate(models)}
    at_gpu = {g.id: i for i, g in enumerate(gpus)}

    def column(name: str, default: float) -> FloatArray:
        return np.array([q.get(name, default) for q in questions], dtype=float)

    def words(name: str, default: str) -> NDArray[np.str_]:
        return np.array([q.get(name, default) for q in questions])

    node = np.array(
        [q.get("gpus_per_node") or min(q["n_gpus"], GPUS_PER_NODE) for q in questions], float
    )
    dp, micro_batch = column("dp", 1.0), column("micro_batch", 1.0)
    batch = column("global_batch", np.nan)
    jobs = training_jobs(
        models, gpus,
        model=np.array([at_model[q["model"].id] for q in questions]),
        gpu=np.array([at_gpu[q["gpu"].id] for q in questions]),
        n_gpus=column("n_gpus", 1.0), stack=words("stack", UNKNOWN), task=words("task", ""),
        precision=words("precision", "bf16"), seq_len=column("seq_len", 512.0),
        micro_batch=micro_batch, dp=dp, gpus_per_node=node,
        global_batch=np.where(np.isnan(batch), micro_batch * dp, batch),
        tp=column("tp", 1.0), pp=column("pp", 1.0), cp=column("cp", 1.0), ep=column("ep", 1.0),
        vp=column("vp", 1.0), lora_rank=column("lora_rank", 16.0),
        lora_all_layers=column("lora_all_layers", 1.0),
        lora_embeddings=column("lora_embeddings", 0.0),
        sharding=[q.get("sharding") or _default_sharding(q, constants) for q in questions],
        activation_ckpt=words("activation_ckpt", "none"), optimizer=words("optimizer", ""),
        offload=words("offload", ""), base_precision=words("base_precision", ""),
        loss=words("loss", ""), moe_dispatcher=words("moe_dispatcher", ""),
        cuda_graph=words("cuda_graph", ""), base_prepared=words("base_prepared", ""),
        library=words("library", ""), gradient_bytes=column("gradient_bytes", np.nan),
    )  # fmt: skip
    link = np.array([tj.LINKS.index(q["link"]) if "link" in q else -1 for q in questions])
    network = column("inter_gbps_per_node", np.nan)
    jobs = jobs.with_columns(
        link=np.where(link >= 0, link, jobs.link),
        inter_gbps_per_node=np.where(np.isnan(network), jobs.inter_gbps_per_node, network),
    )
    stated = np.array(["activation_ckpt" in q for q in questions])
    return jobs.with_columns(
        activation_ckpt=np.where(
            stated, jobs.activation_ckpt, _least_checkpointing(jobs, constants)
        )
    )


def _default_sharding(q: Mapping[str, Any], constants: Constants) -> str:
    """What the stack shards where a row does not say."""
    if q.get("dp", 1.0) * q.get("cp", 1.0) <= 1:
        return "none"
    shards = constants["stack"][q["stack"]]["shards_weights"]
    return "zero3_fsdp" if shards > 0 else "ddp" if shards < 0 else "zero1"


def _least_checkpointing(jobs: TrainingJob, constants: Constants) -> NDArray[np.int64]:
    """The least activation checkpointing whose memory fits (code into CHECKPOINTS).

    Activations get what the states leave, and never less than a fifth of the card: a stated job
    runs, so states predicted to fill it are predicted too large.
    """
    code = np.full(len(jobs), tj.FULL)
    offers = np.array([constants["stack"][s]["selective_ckpt"] > 0 for s in jobs.stacks])[
        jobs.stack
    ]
    for level, offered in ((tj.SELECTIVE, offers), (0, True)):
        need = memory(jobs.with_columns(activation_ckpt=level), constants)
        kept = need.activations + need.logits
        room = need.usable_bytes * RUNNING_SLACK - (need.total_bytes - kept)
        room = np.maximum(room, need.usable_bytes / 5.0)
        code = np.where((kept <= room) & offered, level, code)
    return code


def join(*parts: str) -> str:
    """Remarks in one cell, empty ones dropped."""
    return "; ".join(p for p in parts if p)
