"""How much of its peak clock a part limited to fewer watts keeps when it computes."""

from __future__ import annotations

from gpumix.domain.gpu import Gpu

FULL_POWER_W_PER_TFLOP = {
    "Volta": 300.0 / 125.0,
    "Ampere": 400.0 / 312.0,
    "Hopper": 700.0 / 989.4,
    "Ada Lovelace": 350.0 / 362.05,
}
"""Watts for each dense 16-bit TFLOP/s of the part that is least limited by power (V100 SXM2, A100
SXM4, H100 SXM5, L40S). Source: NVIDIA data sheets. Others: not known to differ."""


def clock_share(gpu: Gpu) -> float:
    """Power of a part for each FLOP of its peak, over that of its architecture's full part [0-1].

    Its peak under load is that share to the power of the fitted `clock_exponent`.

    Args:
        gpu: the part.

    Source: A100 PCIe (250, 300 W) beside SXM4 (400 W), H100 PCIe and NVL beside SXM5 on the same
    work; docs/inference.md.
    """
    full = FULL_POWER_W_PER_TFLOP.get(gpu.architecture)
    peak = gpu.bf16_tflops or gpu.fp16_tflops
    if not full or not peak or not gpu.tdp_w:
        return 1.0
    return min(gpu.tdp_w / peak / full, 1.0)
