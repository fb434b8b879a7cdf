"""Which slices fit on one GPU, and what a slice is as a GPU of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from gpumix.catalog import load
from gpumix.domain.gpu import PLACES, Slice
from gpumix.perf.slices import fillings, part_of, time_shares

CATALOG = load()


def fit(wanted: Sequence[Slice], taken: frozenset[int] = frozenset()) -> bool:
    """Whether slices find places, tried one after the other."""
    if not wanted:
        return True
    one, *rest = wanted
    return any(
        fit(rest, taken | own)
        for place in one.places
        if not taken & (own := frozenset(range(place, place + one.length)))
    )


def all_that_fit(slices: Sequence[Slice]) -> set[tuple[int, ...]]:
    return {
        counts
        for counts in itertools.product(*(range(one.per_gpu + 1) for one in slices))
        if sum(n * one.length for n, one in zip(counts, slices, strict=True)) <= PLACES
        and fit([one for n, one in zip(counts, slices, strict=True) for _ in range(n)])
    }


def reached(slices: Sequence[Slice]) -> set[tuple[int, ...]]:
    """Whatever is part of a filling."""
    return {
        counts
        for cut in fillings(slices)
        for counts in itertools.product(*(range(cut.get(one.name, 0) + 1) for one in slices))
    }


@pytest.mark.parametrize("gpu", ["a100-sxm-40gb", "h200-sxm-141gb"])
def test_fillings_are_all_that_fits(gpu: str) -> None:
    profiles = CATALOG.mig_profiles[gpu]
    assert reached(profiles) == all_that_fit(profiles)


def test_fillings_of_time_shares() -> None:
    shares = time_shares(CATALOG.gpus["l40s-48gb"])
    assert reached(shares) == all_that_fit(shares)
    assert {"1/2": 1, "1/4": 2} in fillings(shares)


def test_hardware_and_time_never_share_a_gpu() -> None:
    profiles = CATALOG.mig_profiles["h100-sxm-80gb"][:1]
    both = (*profiles, *time_shares(CATALOG.gpus["h100-sxm-80gb"])[:1])
    assert fillings(both) == ({"1/2": 2}, {"1g.10gb": 7})


@pytest.mark.parametrize("gpu", sorted(CATALOG.mig_profiles))
def test_no_filling_gives_more_than_the_gpu_has(gpu: str) -> None:
    profiles = {one.name: one for one in CATALOG.mig_profiles[gpu]}
    for cut in fillings(tuple(profiles.values())):
        assert sum(n * profiles[name].compute_share for name, n in cut.items()) <= 1.0 + 1e-9
        assert sum(n * profiles[name].memory_share for name, n in cut.items()) <= 1.0 + 1e-9
        memory = sum(n * profiles[name].mem_gib for name, n in cut.items())
        assert memory <= CATALOG.gpus[gpu].mem_gib + 1e-9
    for one in profiles.values():
        assert max(cut.get(one.name, 0) for cut in fillings((one,))) == one.per_gpu


def test_a_slice_has_its_shares() -> None:
    gpu = CATALOG.gpus["h100-sxm-80gb"]
    (half,) = (s for s in CATALOG.mig_profiles[gpu.id] if s.name == "3g.40gb")
    part = part_of(gpu, half)
    assert part.flops_16bit == pytest.approx(gpu.flops_16bit * 3 / 7)
    assert part.bandwidth_gb_per_s == pytest.approx(gpu.bandwidth_gb_per_s / 2)
    assert (part.mem_gib, part.nvlink_gb_per_s) == (40.0, 0.0)
    assert part.id == "h100-sxm-80gb/3g.40gb"
