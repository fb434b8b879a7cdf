"""Parts of a GPU: as fast as their shares of it, and which of them fit on one GPU together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpumix.domain.gpu import PLACES, Gpu, Slice

TIME_SHARES = {"1/2": 2, "1/4": 4, "1/8": 8}
"""Shares of a GPU's time, by how many replicas then take turns: each halves the one before, so
that any that add up to a GPU fit on it."""


def part_of(gpu: Gpu, one: Slice) -> Gpu:
    """A slice as a GPU of its own: peaks, bandwidth, memory and power by its shares, no fast links.

    Formula: peak x compute_share; bandwidth x memory_share.

    Args:
        gpu: the whole GPU.
        one: a slice of it.

    Source: NVIDIA Multi-Instance GPU User Guide, Concepts: a GPU instance has its own
        multiprocessors, memory slices and their bandwidth; a replica that takes turns with others
        on a whole GPU is taken to have its share of the time alone.
    """

    def share(peak: float | None) -> float | None:
        return None if peak is None else peak * one.compute_share

    return replace(
        gpu,
        id=f"{gpu.id}/{one.name}",
        mem_gib=one.mem_gib,
        bandwidth_gb_per_s=gpu.bandwidth_gb_per_s * one.memory_share,
        fp32_tflops=share(gpu.fp32_tflops),
        tf32_tflops=share(gpu.tf32_tflops),
        bf16_tflops=share(gpu.bf16_tflops),
        fp16_tflops=share(gpu.fp16_tflops),
        fp8_tflops=share(gpu.fp8_tflops),
        int8_tops=share(gpu.int8_tops),
        fp4_tflops=share(gpu.fp4_tflops),
        nvlink_gb_per_s=0.0,
        scale_up_domain=1,
        tdp_w=gpu.tdp_w * one.compute_share,
        idle_w=share(gpu.idle_w),
        mig_slices=0,
        sms=None,
    )


def time_shares(gpu: Gpu) -> tuple[Slice, ...]:
    """The shares of a GPU's time that replicas may have, the memory split alike."""
    return tuple(
        Slice(
            gpu.id,
            name,
            1.0 / turns,
            1.0 / turns,
            gpu.mem_gib / turns,
            PLACES // turns,
            tuple(range(0, PLACES, PLACES // turns)),
            in_time=True,
        )
        for name, turns in TIME_SHARES.items()
    )


def fillings(slices: Sequence[Slice]) -> tuple[dict[str, int], ...]:
    """Every way to cut one GPU that leaves no room for another of these slices.

    Slices of the hardware and shares of the time never share a GPU.

    Args:
        slices: of one GPU, each name once.

    >>> half = Slice("x", "half", 0.5, 0.5, 40.0, 4, (0, 4))
    >>> low = Slice("x", "low", 0.5, 0.5, 40.0, 4, (0,))
    >>> fillings([half, low])
    ({'half': 1, 'low': 1}, {'half': 2})
    """
    found: set[tuple[int, ...]] = set()
    for in_time in (False, True):
        own = [i for i, one in enumerate(slices) if one.in_time is in_time]
        packed = _packed(slices, own)
        found |= {a for a in packed if not any(_is_less(a, b) for b in packed)}
    return tuple(
        {one.name: n for one, n in zip(slices, counts, strict=True) if n}
        for counts in sorted(found)
    )


def _packed(slices: Sequence[Slice], own: Sequence[int]) -> set[tuple[int, ...]]:
    """Counts of all sets that fit, the empty one left out: place after place is filled or left."""
    reached: list[set[tuple[int, ...]]] = [set() for _ in range(PLACES + 1)]
    reached[0].add((0,) * len(slices))
    for place in range(PLACES):
        for counts in reached[place]:
            reached[place + 1].add(counts)
            for i in own:
                if place in slices[i].places:
                    more = (*counts[:i], counts[i] + 1, *counts[i + 1 :])
                    reached[place + slices[i].length].add(more)
    return {counts for counts in reached[PLACES] if any(counts)}


def _is_less(a: Sequence[int], b: Sequence[int]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))
