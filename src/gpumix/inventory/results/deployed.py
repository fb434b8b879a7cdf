"""What a result file says of the deployment it was measured on: GPU, layout, precision, version.

Tools leave room for words of one's own (`vllm bench serve --metadata gpu=4xL40S tp=4`), and some
keep the server's arguments. Every file is searched for the same keys, at its top level and in the
objects that such words stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpumix import formats
from gpumix.catalog import Catalog
from gpumix.domain.bounds import point_fault
from gpumix.domain.cells import number_in
from gpumix.domain.gpu import PRECISIONS
from gpumix.domain.quantities import shown
from gpumix.errors import InputError
from gpumix.inventory.results.run import LAYOUT, Cells, Deployed

_PLACES: tuple[tuple[str, ...], ...] = (
    (), ("metadata",), ("server_info",), ("server",), ("deployment",), ("environment",),
    ("hardware",), ("extra",), ("tags",), ("args",), ("world_info",), ("engine",),
)  # fmt: skip
"""Where in a file words about the deployment stand; () is the top level."""

_KEYS: dict[str, tuple[str, ...]] = {
    "gpu": (
        "gpu", "gpu_name", "gpu_type", "gpu_model", "accelerator", "accelerator_type",
        "accelerator_name", "hardware", "hw", "device_name", "gpus",
    ),
    "n_gpus": (
        "n_gpus", "num_gpus", "gpu_count", "number_of_gpus", "accelerator_count", "world_size",
        "gpus",
    ),
    "tp": ("tp", "tp_size", "tensor_parallel", "tensor_parallel_size", "tensor_parallelism"),
    "pp": ("pp", "pp_size", "pipeline_parallel", "pipeline_parallel_size"),
    "dp": (
        "dp", "dp_size", "data_parallel", "data_parallel_size", "replicas", "num_replicas",
        "decode_replicas",
    ),
    "ep": ("ep", "ep_size", "expert_parallel_size"),
    "prefill": ("prefill_replicas", "prefill_workers"),
    "weight_precision": ("weight_precision", "precision", "quantization"),
    "engine_version": ("engine_version", "vllm_version", "sglang_version"),
}  # fmt: skip
"""What it is -> the keys it is written under; a key in two rows is told apart by its value."""

_NOTHING = ("", "none", "null", "auto", "n/a", "-")
_COUNTED = (
    re.compile(r"(?P<count>\d{1,6})\s*[x×*]\s*(?P<gpu>\D.*)", re.IGNORECASE),
    re.compile(r"(?P<gpu>.*\S)[\s_]+[x×*]\s*(?P<count>\d{1,4})", re.IGNORECASE),
    re.compile(r"(?P<count>\d{1,3})[\s_]+(?P<gpu>[a-z].*)", re.IGNORECASE),
)
"""`4xNVIDIA_L40S`, `NVIDIA L40S x 4`, `4 L40S`."""
_MAKERS = re.compile(
    r"\b(nvidia|amd|intel|geforce|tesla|instinct|quadro|gpus?|hbm\d?e?|gddr\d\w?|oam)\b",
    re.IGNORECASE,
)


def read(cells: Cells, gpu: str = "") -> Deployed:
    """What the file says; contradictions in itself are left in `cells.problems`.

    `gpu` is the GPU under a key that only this tool has.
    """
    found = {
        name: _one(cells, name, list(_values(cells, name, keys))) for name, keys in _KEYS.items()
    }
    gpu, count = counted(found["gpu"] or gpu)
    if count and found["n_gpus"] and int(count) != int(found["n_gpus"]):
        message = f"the file says {shown(found['gpu'])} and {found['n_gpus']} GPUs"
        cells.wrong((), message, "correct the file")
    doubts = []
    if found["prefill"] not in ("", "0"):
        doubts.append("prefill ran on GPUs of its own, and gpumix takes all for replicas")
    precision = formats.canonical(found["weight_precision"]) or ""
    if found["weight_precision"] and not precision:
        doubts.append(
            f"the file's precision {shown(found['weight_precision'])} is not one gpumix knows "
            f"({', '.join(PRECISIONS)}; --precision)"
        )
    dp = found["dp"]
    if _has_attention_dp(cells):  # its ranks are inside the tensor-parallel group
        doubts.append("attention was data-parallel inside the tensor-parallel group")
        dp = ""
    return Deployed(
        gpu,
        found["n_gpus"] or count,
        found["tp"],
        found["pp"],
        dp,
        found["ep"],
        precision,
        found["engine_version"],
        tuple(doubts),
    )


def gpus_named(text: str, catalog: Catalog) -> tuple[str, ...]:
    """The GPUs a file's word may mean, as nvidia-smi or a person writes it; () where none."""
    plain = _MAKERS.sub(" ", text.replace("_", " "))
    plain = re.sub(r"sxm\d", "sxm", plain, flags=re.IGNORECASE)
    for name in dict.fromkeys((text, " ".join(plain.split()).strip(" -,"))):
        try:
            return catalog.named_gpus(name).forms
        except InputError:
            continue
    return ()


def _values(cells: Cells, name: str, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(where, value) of every statement of one quantity; a wrong one is a problem."""
    for place in _PLACES:
        holder: Any = cells.data
        for key in place:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue
        for key in keys:
            value = holder.get(key)
            if value is None or isinstance(value, dict):
                continue
            text = _text(cells, (*place, key), value)
            if text.lower() in _NOTHING or _belongs_elsewhere(name, key, text):
                continue
            if name in (*LAYOUT, "prefill") and (fault := _count_fault(name, text)):
                cells.wrong((*place, key), fault)
                continue
            yield ".".join((*place, key)), str(int(float(text))) if name in LAYOUT else text


def _text(cells: Cells, path: tuple[str, ...], value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        cells.wrong(path, "must be text or a number")
        return ""
    return cells.text(*path) if isinstance(value, str) else f"{value:g}"


def _belongs_elsewhere(name: str, key: str, text: str) -> bool:
    """`gpus: 4` is a count, `gpus: L40S` a name."""
    return key == "gpus" and text.isdigit() == (name == "gpu")


def _count_fault(name: str, text: str) -> str:
    if name == "prefill":
        return "" if text.isdigit() else f"must be a whole number, not {shown(text)}"
    return point_fault(name, text, number_in(text))


def _one(cells: Cells, name: str, values: list[tuple[str, str]]) -> str:
    """The one value that all statements share, or a problem."""
    different = list(dict.fromkeys(value.lower() for _, value in values))
    if len(different) > 1:
        said = " and ".join(f"{where} {shown(value)}" for where, value in values[:3])
        cells.wrong((), f"contradicts itself on {name}: {said}", "correct the file")
    return values[0][1] if values else ""


def counted(text: str) -> tuple[str, str]:
    """A GPU's name and the count beside it; names in a row are counted.

    >>> counted("4xNVIDIA_L40S"), counted("H100-SXM x8"), counted("L4")
    (('NVIDIA_L40S', '4'), ('H100-SXM', '8'), ('L4', ''))
    >>> counted("NVIDIA L40S, NVIDIA L40S")
    ('NVIDIA L40S', '2')
    """
    listed = [part.strip() for part in text.split(",")]
    if len(listed) > 1 and len(set(listed)) == 1:
        return listed[0], str(len(listed))
    for pattern in _COUNTED:
        if found := pattern.fullmatch(text.strip()):
            return found["gpu"].strip(), str(int(found["count"]))
    return text, ""


def _has_attention_dp(cells: Cells) -> bool:
    info = cells.data.get("server_info") if isinstance(cells.data, dict) else None
    return isinstance(info, dict) and info.get("enable_dp_attention") is True
