"""Accelerators and the servers they are bought in."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.units import GIB, GIGA, TERA

PRECISIONS = ("bf16", "fp16", "fp8", "int8", "int4", "fp4", "mxfp4")
"""Weight precisions gpumix knows, as inventories and point files write them."""


PLACES = 8
"""Places on a GPU where slices lie: its memory slices under MIG."""


def family_of(gpu: str) -> str:
    """The part in a GPU's id without form factor and memory, as people say it.

    >>> family_of("h100-sxm-80gb"), family_of("mi300x-192gb")
    ('H100', 'MI300X')
    """
    return gpu.partition("-")[0].upper()


@dataclass(frozen=True, slots=True)
class Gpu:
    """One accelerator part. Peaks are dense, in TFLOP/s (TOP/s for int8); None = not supported.

    `nvlink_gb_per_s` sums both directions (Infinity Fabric for AMD; 0 = PCIe only);
    `scale_up_domain` is the number of GPUs in one fast-link group (2 = bridge pairs).
    """

    id: str
    vendor: str
    name: str
    architecture: str
    year: int | None
    form_factor: str
    mem_type: str
    mem_gib: float
    bandwidth_gb_per_s: float
    fp32_tflops: float | None
    tf32_tflops: float | None
    bf16_tflops: float | None
    fp16_tflops: float | None
    fp8_tflops: float | None
    int8_tops: float | None
    fp4_tflops: float | None
    nvlink_gb_per_s: float
    scale_up_domain: int
    pcie_gen: int | None
    tdp_w: float
    idle_w: float | None
    mig_slices: int
    sms: int | None
    boost_mhz: float | None
    verified: str
    source: str
    note: str

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Memory bandwidth [byte/s]."""
        return self.bandwidth_gb_per_s * GIGA

    @property
    def mem_bytes(self) -> float:
        """Memory as sold [byte]; what an engine can use is `perf.memory`'s matter."""
        return self.mem_gib * GIB

    @property
    def flops_16bit(self) -> float:
        """Dense 16-bit tensor peak [FLOP/s]: bf16, or fp16 where the part has no bf16."""
        return (self.bf16_tflops or self.fp16_tflops or 0.0) * TERA


@dataclass(frozen=True, slots=True)
class NamedGpu:
    """What a GPU's name means: the part, how many of it (None = not said), and a sentence where
    something was taken for it that the name leaves open."""

    gpu: Gpu
    count: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a GPU that works by itself: a MIG profile, or a share of the GPU's time.

    Shares of the GPU's multiprocessors and of its memory with its bandwidth are 0-1. On one GPU it
    takes `length` of `PLACES` places and begins at one of `places`. A part of the GPU's time lies
    on the same places and has a share of everything.
    """

    gpu: str
    name: str
    compute_share: float
    memory_share: float
    mem_gib: float
    length: int
    places: tuple[int, ...]
    in_time: bool = False

    @property
    def per_gpu(self) -> int:
        """The most of them on one GPU."""
        return len(self.places)


@dataclass(frozen=True, slots=True)
class ServerPower:
    """What a server draws at the wall under one kind of work, and idle [kW]."""

    server: str
    cooling: str
    workload: str
    load_kw: float
    idle_kw: float
    evidence: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Server:
    """A server a GPU is bought in; kW at the wall, chassis price without GPUs [USD]."""

    id: str
    gpu: str
    gpus: int
    form: str
    rack_u: float
    nameplate_kw: float
    load_kw: float | None
    idle_kw: float | None
    cooling: str
    chassis_usd: float | None
    evidence: str
    source: str
