"""Whether a GPU has what a workload must find on it beside what computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gpumix.domain.gpu import Gpu, GpuFeatures, Needs

COUNTED: Final = {"nvenc": "video encoder", "nvdec": "video decoder"}
HAD: Final = {
    "rt_cores": "RT cores",
    "display": "display output",
    "vgpu": "vGPU support",
    "ecc": "ECC memory",
}
"""What is needed, by its key, in words."""


def lacks(needs: Needs, gpu: Gpu) -> str:
    """What a GPU lacks of what is needed, in words; empty where it has everything.

    What is not known of it counts as lacking, and is told so.
    """
    return "; ".join(_lacking(needs, gpu.features))


def _lacking(needs: Needs, has: GpuFeatures) -> Iterable[str]:
    for key, words in COUNTED.items():
        wanted, found = getattr(needs, key), getattr(has, key)
        unit = f"({key.upper()})"
        if wanted and found is None:
            yield f"how many {words}s {unit} it has is not known"
        elif wanted and found == 0:
            yield f"has no {words} {unit}"
        elif wanted > (found or 0):
            yield f"has {found} {words}{'' if found == 1 else 's'} {unit}, {wanted} are needed"
    for key, words in HAD.items():
        if getattr(needs, key) and not (found := getattr(has, key)):
            yield f"has no {words}" if found is False else f"whether it has {words} is not known"


def able_gpus(needs: Needs, gpus: Mapping[str, Gpu]) -> list[str]:
    """The GPUs that have everything."""
    return [name for name, gpu in gpus.items() if not lacks(needs, gpu)]
