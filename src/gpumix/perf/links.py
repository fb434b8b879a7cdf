"""Which link joins the GPUs of a group, and how fast it is on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.gpu import Gpu
from gpumix.units import GIGA

PCIE_GB_PER_S = {3: 16.0, 4: 32.0, 5: 64.0, 6: 128.0}
"""One way, 16 lanes [GB/s]. Source: PCI-SIG base specifications."""

NETWORK_GB_PER_S = 50.0
"""One way per GPU between nodes, one 400 Gb/s adapter a GPU [GB/s]."""

NETWORK = "network"
"""What links nodes."""

THROUGH_HOST = "pcie through host"
"""GeForce cards have no peer-to-peer: what they exchange passes through the host's memory."""

NVLINK_3_GB_PER_S = 600.0
"""Up to the third generation, switches do not reduce in flight (SHARP came with the fourth)."""


@dataclass(frozen=True, slots=True)
class Link:
    """`kind` keys the fitted latency and share; `bytes_per_s` is one way, one GPU, on paper."""

    kind: str
    bytes_per_s: float


def link_of(gpu: Gpu, group: int) -> Link:
    """The slowest link inside a group of this many GPUs.

    NVLink (or Infinity Fabric) within `scale_up_domain`, PCIe beyond it in one node, the
    network between nodes.

    Args:
        gpu: the part.
        group: GPUs that exchange activations [count].
    """
    if gpu.nvlink_gb_per_s > 0 and group <= max(gpu.scale_up_domain, 1):
        kind = "fabric" if gpu.vendor != "nvidia" else "nvlink"
        if kind == "nvlink" and gpu.nvlink_gb_per_s <= NVLINK_3_GB_PER_S:
            kind = "nvlink 3"
        return Link(kind, gpu.nvlink_gb_per_s / 2.0 * GIGA)
    if group <= GPUS_PER_NODE:
        kind = THROUGH_HOST if "consumer" in gpu.form_factor else "pcie"
        return Link(kind, PCIE_GB_PER_S.get(gpu.pcie_gen or 4, 32.0) * GIGA)
    return Link(NETWORK, NETWORK_GB_PER_S * GIGA)


def nodes_of(gpu: Gpu, group: int) -> int:
    """Domains of fast links that a group of GPUs lies in; 1 where no network is between them.

    Args:
        gpu: the part.
        group: GPUs that exchange activations [count].

    Source: `scale_up_domain` of the catalogue; eight GPUs a node elsewhere.

    >>> from gpumix.catalog import load
    >>> h200 = load().gpus["h200-sxm-141gb"]
    >>> nodes_of(h200, 8), nodes_of(h200, 72)
    (1, 9)
    """
    return math.ceil(group / max(gpu.scale_up_domain, GPUS_PER_NODE))
