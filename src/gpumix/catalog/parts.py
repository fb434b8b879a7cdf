"""GPUs, servers and models: packaged rows, and the user's own rows laid over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gpumix import formats
from gpumix.catalog.checks import model_problems, sparse_problems
from gpumix.catalog.features import COLUMNS, features, load_features, states_features
from gpumix.catalog.machines import squeezed
from gpumix.catalog.tables import (
    Row,
    header,
    read_packaged,
    read_sheet,
    refuse_data,
    refuse_input,
)
from gpumix.domain.gpu import Gpu, GpuFeatures, Server, ServerPower
from gpumix.domain.llm import Model
from gpumix.errors import Problem

GPU_REQUIRED: Final = ("id", "mem_gb", "mem_bw_gbs", "tdp_w")
MODEL_REQUIRED: Final = ("hf_id", "kind", "params_total_b")
MODEL_KINDS: Final = (
    "llm-dense",
    "llm-moe",
    "llm-hybrid",
    "llm-hybrid-moe",
    "llm-nas",
    "llm-multimodal",
    "llm-training-shape",
    "encoder",
    "encoder-decoder",
    "embedding",
    "image-diffusion",
    "video-diffusion",
    "vision",
    "speech",
)
SHAPED_KINDS: Final = ("llm-dense", "llm-moe", "embedding", "encoder")
"""Kinds whose every prediction needs layers and widths."""
MOST_GIB, MOST_GB_PER_S, MOST_TDP_W, MOST_PARAMS_B = 4096.0, 1e6, 2e4, 1e5
"""Beyond these a cell holds another unit (bytes, MB/s, a rack's watts), not a large part."""


def gpu_record(row: Row) -> Gpu:
    """One line of `gpus.csv`. A 16-bit peak is required: bf16, or fp16 where there is none."""
    bf16, fp16 = row.number("bf16_tflops"), row.number("fp16_tflops")
    if not bf16 and not fp16:
        row.wrong("has no 16-bit peak", "fill bf16_tflops or fp16_tflops (dense, TFLOP/s)")
    return Gpu(
        id=row.required_text("id"),
        vendor=row.text("vendor"),
        name=row.text("name", row.text("id")),
        architecture=row.text("architecture"),
        year=row.whole("year"),
        form_factor=row.text("form_factor"),
        mem_type=row.text("mem_type"),
        mem_gib=row.positive("mem_gb", MOST_GIB),
        bandwidth_gb_per_s=row.positive("mem_bw_gbs", MOST_GB_PER_S),
        fp32_tflops=row.number("fp32_tflops"),
        tf32_tflops=row.number("tf32_tflops"),
        bf16_tflops=bf16,
        fp16_tflops=fp16,
        fp8_tflops=row.number("fp8_tflops"),
        int8_tops=row.number("int8_tops"),
        fp4_tflops=row.number("fp4_tflops"),
        nvlink_gb_per_s=row.number("nvlink_gbs_bidir") or 0.0,
        scale_up_domain=row.whole("scale_up_domain") or 1,
        pcie_gen=row.whole("pcie_gen"),
        tdp_w=row.positive("tdp_w", MOST_TDP_W),
        idle_w=row.number("idle_w_est"),
        mig_slices=row.whole("mig_slices") or 0,
        sms=row.whole("sms"),
        boost_mhz=row.number("boost_mhz"),
        verified=row.text("verified", "unverified"),
        source=row.text("source"),
        note=row.text("note"),
    )


def model_record(row: Row) -> Model:
    """One line of `models.csv`; the active parameters are the total where not stated."""
    kind = row.choice("kind", MODEL_KINDS)
    total = row.positive("params_total_b", MOST_PARAMS_B)
    active = row.number("params_active_b") or total
    if active > total:
        row.wrong(f"params_active_b {active:g} is above params_total_b {total:g}")
    shape = {name: row.whole(name) for name in ("layers", "hidden", "heads")}
    if kind in SHAPED_KINDS and not all(shape.values()):
        missing = ", ".join(name for name, value in shape.items() if not value)
        row.wrong(f"{missing} is empty", f"a model of kind {kind} needs its shape")
    return Model(
        id=row.required_text("hf_id"),
        family=row.text("family"),
        kind=kind,
        params_total_b=total,
        params_active_b=active,
        published_rounded=row.yes("published_rounded"),
        layers=shape["layers"],
        hidden=shape["hidden"],
        heads=shape["heads"],
        kv_heads=row.whole("kv_heads"),
        head_dim=row.whole("head_dim"),
        ffn_hidden=row.whole("ffn_hidden"),
        vocab=row.whole("vocab"),
        experts=row.whole("experts"),
        top_k=row.whole("top_k"),
        shared_experts=row.whole("shared_experts"),
        moe_ffn_hidden=row.whole("moe_ffn_hidden"),
        attention=row.text("attention"),
        mla_kv_lora_rank=row.whole("mla_kv_lora_rank"),
        mla_rope_dim=row.whole("mla_rope_dim"),
        tied_embeddings=row.text("tied_embeddings") == "yes",
        context=row.whole("context"),
        full_context_layers=row.whole("full_context_layers"),
        kv_bytes_per_token_16bit=row.number("kv_bytes_per_token_bf16"),
        computed_total_b=row.number("computed_total_b"),
        computed_active_b=row.number("computed_active_b"),
        tflop_per_pass=row.number("tflop_per_pass"),
        passes_per_step=row.number("passes_per_step"),
        default_steps=row.number("default_steps"),
        source=row.text("source"),
        note=row.text("note"),
        precision=_precision(row),
    )


def _precision(row: Row) -> str:
    """The precision of published weights in a row's column `precision`; bf16 where it is empty."""
    word = row.text("precision", "bf16")
    found = formats.canonical(word)
    if found is None:
        problem = formats.unknown_precision(row.place, word)
        row.problems.append(problem)
    return found or "bf16"


def server_record(row: Row) -> Server:
    """One line of `servers.csv`."""
    return Server(
        id=row.required_text("id"),
        gpu=row.required_text("gpu"),
        gpus=int(row.positive("gpus")),
        form=row.text("form"),
        rack_u=row.positive("rack_u"),
        nameplate_kw=row.positive("kw_nameplate"),
        load_kw=row.number("kw_llm_load"),
        idle_kw=row.number("kw_idle"),
        cooling=row.text("cooling"),
        chassis_usd=row.number("chassis_usd"),
        evidence=row.text("evidence"),
        source=row.text("source"),
    )


def server_power_record(row: Row) -> ServerPower:
    """One line of `server_power.csv`."""
    return ServerPower(
        server=row.required_text("server"),
        cooling=row.required_text("cooling"),
        workload=row.required_text("workload"),
        load_kw=row.positive("load_kw"),
        idle_kw=row.positive("idle_kw"),
        evidence=row.text("evidence"),
        source=row.text("source"),
        as_of=row.text("as_of"),
    )


def load_gpus(sheet: Path | None = None, folder: Path | None = None) -> dict[str, Gpu]:
    """GPU id -> GPU: the catalogue's parts, then the rows of the user's sheet over them.

    Raises: DataError (packaged rows), InputError (the sheet's rows, with lines).
    """
    packaged = read_packaged("gpus.csv", gpu_record, folder)
    known = load_features(folder)
    gpus = {gpu.id: _with(gpu, known.get(gpu.id)) for gpu in packaged}
    if sheet is not None:
        problems: list[Problem] = []
        allowed = (*header("gpus.csv"), *COLUMNS)
        for gpu, row in read_sheet(sheet, GPU_REQUIRED, allowed, gpu_record):
            own = features(row) if states_features(row) else known.get(gpu.id)
            problems = row.problems
            problems.extend(sparse_problems(gpu, row.place, packaged))
            gpus[gpu.id] = _with(gpu, own)
        refuse_input(problems)
    return gpus


def _with(gpu: Gpu, found: GpuFeatures | None) -> Gpu:
    return gpu if found is None else replace(gpu, features=found)


def load_models(sheet: Path | None = None, folder: Path | None = None) -> dict[str, Model]:
    """Model id -> model: the catalogue's shapes, then the rows of the user's sheet over them.

    Raises: DataError (packaged rows), InputError (the sheet's rows, with lines).
    """
    packaged = read_packaged("models.csv", model_record, folder)
    refuse_data([p for model in packaged for p in model_problems(model, f"models.csv {model.id}")])
    models = {model.id: model for model in packaged}
    if sheet is not None:
        problems: list[Problem] = []
        for model, row in read_sheet(sheet, MODEL_REQUIRED, header("models.csv"), model_record):
            problems = row.problems
            problems.extend(model_problems(model, row.place))
            models[model.id] = model
        refuse_input(problems)
    return models


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A published checkpoint whose precision or context is not that of its shape's own row.

    `model` is the id of its shape; `precision` empty = the shape's; `context` in tokens.
    """

    name: str
    model: str
    precision: str
    context: int | None
    source: str
    as_of: str


def load_checkpoints(folder: Path | None = None) -> tuple[Checkpoint, ...]:
    """Published checkpoints, as `checkpoints.csv` has them."""
    return read_packaged(
        "checkpoints.csv",
        lambda row: Checkpoint(
            name=row.required_text("name"),
            model=row.required_text("model"),
            precision=_precision(row) if row.text("precision") else "",
            context=row.whole("context"),
            source=row.text("source"),
            as_of=row.text("as_of"),
        ),
        folder,
    )


def load_open_gpu_names(folder: Path | None = None) -> dict[str, str]:
    """Aliases of GPUs that leave something open, and what."""
    rows = read_packaged(
        "aliases.csv",
        lambda row: (row.text("kind"), row.text("alias"), row.text("note")),
        folder,
    )
    return {alias: note for kind, alias, note in rows if kind == "gpu" and "not stated" in note}


def load_machines(folder: Path | None = None) -> dict[str, tuple[str, int]]:
    """Rented machines by name, less all that is neither letter nor digit: GPU and count.

    Azure's are known with and without `Standard_`; a name that several providers sell with unlike
    GPUs is none.
    """
    rows = read_packaged(
        "machines.csv",
        lambda row: (
            squeezed(row.required_text("instance")),
            (row.required_text("gpu"), row.whole("gpus_per_instance") or 0),
        ),
        folder,
    )
    sold: dict[str, set[tuple[str, int]]] = {}
    for name, one in rows:
        for known in {name, name.removeprefix("standard")}:
            sold.setdefault(known, set()).add(one)
    found = {name: next(iter(ones)) for name, ones in sold.items() if len(ones) == 1}
    return {name: one for name, one in found.items() if one[1]}


def load_model_words(folder: Path | None = None) -> dict[str, str]:
    """What words of models' names tell: `nothing`, or another `shape`."""
    rows = read_packaged(
        "model_words.csv",
        lambda row: (row.required_text("word"), row.choice("tells", ("nothing", "shape"))),
        folder,
    )
    return dict(rows)


def load_aliases(kind: str, folder: Path | None = None) -> dict[str, str]:
    """Other name -> id, for `kind` gpu or model."""
    rows = read_packaged(
        "aliases.csv",
        lambda row: (row.text("kind"), row.text("alias"), row.required_text("id")),
        folder,
    )
    return {alias: id for row_kind, alias, id in rows if row_kind == kind}
