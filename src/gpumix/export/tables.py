"""What other programs call GPUs, providers and images: `data/export_*.csv`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.files import read_rows

DATA: Final = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class GpuNames:
    """A GPU elsewhere: the Kubernetes resource that counts it, the node label and its values;
    SkyPilot's accelerator; dstack's name and memory. Empty where unknown."""

    resource: str
    label: str
    values: tuple[str, ...]
    sky: str
    dstack: str
    dstack_memory: str

    @property
    def vendor(self) -> str:
        """`nvidia` or `amd`."""
        return self.resource.partition(".")[0]


@dataclass(frozen=True, slots=True)
class ProviderNames:
    """A provider elsewhere; empty where that program does not know it. `own_instance_names`: the
    catalogue's instances are called as the provider calls them."""

    sky: str
    dstack: str
    own_instance_names: bool


UNKNOWN_GPU: Final = GpuNames("nvidia.com/gpu", "nvidia.com/gpu.product", (), "", "", "")
UNKNOWN_PROVIDER: Final = ProviderNames("", "", own_instance_names=False)


def gpu_names(gpu: str) -> GpuNames:
    """What others call a GPU."""
    return _gpus().get(gpu, UNKNOWN_GPU)


def provider_names(provider: str) -> ProviderNames:
    """What others call a provider."""
    return _providers().get(provider, UNKNOWN_PROVIDER)


def sky_accelerator(gpu: str, provider: str) -> str:
    """SkyPilot's name of a GPU at a provider; '' where it has none."""
    return _sky_names().get((gpu, provider), gpu_names(gpu).sky)


def image(engine: str, use: str, vendor: str) -> str:
    """The container image of an engine (`use` engine or dynamo) for a vendor's GPUs; '' where none
    is known."""
    return _images().get((engine, use, vendor), "")


def _rows(name: str) -> list[dict[str, str]]:
    return read_rows(DATA / name)


@functools.cache
def _gpus() -> Mapping[str, GpuNames]:
    return {
        row["gpu"]: GpuNames(
            row["resource"],
            row["label"],
            tuple(row["label_values"].split()),
            row["sky"],
            row["dstack"],
            row["dstack_memory"],
        )
        for row in _rows("export_gpus.csv")
    }


@functools.cache
def _providers() -> Mapping[str, ProviderNames]:
    return {
        row["provider"]: ProviderNames(
            row["sky"], row["dstack"], own_instance_names=row["own_instance_names"] == "yes"
        )
        for row in _rows("export_providers.csv")
    }


@functools.cache
def _sky_names() -> Mapping[tuple[str, str], str]:
    return {(row["gpu"], row["provider"]): row["sky"] for row in _rows("export_sky_names.csv")}


@functools.cache
def _images() -> Mapping[tuple[str, str, str], str]:
    return {
        (row["engine"], row["use"], row["vendor"]): row["image"]
        for row in _rows("export_images.csv")
    }
