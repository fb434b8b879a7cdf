"""Who holds what of a plan: nothing is lost, nothing given twice, the urgent are served first."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import guard_fixture as made
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.domain.plan import GpuCut
from gpumix.domain.workload import Tier
from gpumix.guard.holding import Holding, holding

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


def test_guaranteed_and_spare_add_up_to_the_plan(held: Holding) -> None:
    for pool in held.pools:
        given_out = Counter({name: held.spare[(pool.name, name)] for name in pool.capacity})
        for share in held.shares:
            if share.pool.name == pool.name:
                given_out[share.resource] += share.nominal
        assert dict(given_out) == dict(pool.capacity)
        whole = sum(n for name, n in pool.capacity.items() if name.endswith("/gpu"))
        assert whole + pool.cut_gpus == pool.line.count * pool.line.gpus_per_instance == pool.gpus


def test_pools_are_lines_with_gpus_by_their_terms(held: Holding) -> None:
    assert {pool.name: (pool.terms, dict(pool.capacity)) for pool in held.pools} == {
        "dhaka-a100-sxm-80gb-owned": ("owned", {"nvidia.com/gpu": 6, "nvidia.com/mig-3g.40gb": 4}),
        "aws-h100-sxm-80gb-reserved": ("reserved", {"nvidia.com/gpu": 16}),
        "aws-l40s-48gb-on-demand": ("on-demand", {"nvidia.com/gpu": 12}),
        "azure-mi300x-192gb-spot": ("spot", {"amd.com/gpu": 8}),
        "lambda-l40s-48gb-on-demand": ("on-demand", {"nvidia.com/gpu": 2}),
    }


def test_the_urgent_are_guaranteed_first_and_the_last_borrow(held: Holding) -> None:
    h100 = [
        (share.owner.work_class.key, share.need, share.nominal)
        for share in held.shares
        if share.pool.line.gpu == "h100-sxm-80gb"
    ]
    assert h100 == [("premium", 8, 8), ("standard", 6, 6), ("batch", 12, 2)]


def test_what_always_runs_is_guaranteed_before_a_peak_of_premium() -> None:
    launches = [
        replace(one, peak_replicas=8) if one.tier is Tier.PREMIUM else one for one in made.LAUNCHES
    ]
    found = holding(made.STAMP, made.made_plan(), launches, load().gpus)
    h100 = [
        (share.owner.work_class.key, share.need, share.nominal)
        for share in found.shares
        if share.pool.line.gpu == "h100-sxm-80gb"
    ]
    assert h100 == [("premium", 16, 13), ("standard", 6, 3), ("batch", 12, 0)]


def test_classes_of_work(held: Holding) -> None:
    classes = {owner.name: owner.work_class.key for owner in held.owners}
    assert list(classes.values()) == sorted(
        classes.values(), key=["premium", "standard", "finetune", "batch"].index
    )
    assert classes["tuning"] == "finetune"
    assert classes["nightly"] == "batch"
    assert classes["vectors"] == classes["art"] == classes["copilot"] == "standard"


def test_shared_replicas_have_one_owner(held: Holding) -> None:
    [copilot] = [owner for owner in held.owners if owner.name == "copilot"]
    assert [one.id for one in copilot.workloads] == ["copilot", "second"]
    assert held.needs(copilot) == {"nvidia.com/gpu": 6}


def test_names_are_labels_whatever_people_wrote(held: Holding) -> None:
    names = [pool.name for pool in held.pools] + [owner.name for owner in held.owners]
    assert all(LABEL.fullmatch(name) for name in names)
    assert len({owner.name for owner in held.owners}) == len(held.owners)


def test_a_gpu_of_an_unknown_vendor_is_left_out_with_the_reason() -> None:
    gpus = dict(load().gpus)
    gpus["mi300x-192gb"] = replace(gpus["mi300x-192gb"], vendor="acme")
    found = holding(made.STAMP, made.made_plan(), made.LAUNCHES, gpus)
    assert [one.what for one in found.left_out] == ["azure/mi300x/spot"]
    assert "amd.com/gpu" not in found.resources


@given(
    peaks=st.lists(st.integers(1, 40), min_size=8, max_size=8),
    cuts=st.lists(st.integers(0, 9), min_size=2, max_size=2),
)
def test_no_demand_and_no_cut_breaks_the_sum(peaks: list[int], cuts: list[int]) -> None:
    patterns = ({"3g.40gb": 2}, {"1g.10gb": 7})
    plan = replace(
        made.made_plan(),
        cuts=tuple(
            GpuCut("site/a100", "a100-sxm-80gb", pattern, count)
            for pattern, count in zip(patterns, cuts, strict=True)
        ),
    )
    launches = [
        replace(one, peak_replicas=peak) for one, peak in zip(made.LAUNCHES, peaks, strict=True)
    ]
    found = holding(made.STAMP, plan, launches, load().gpus)
    for pool in found.pools:
        for name, count in pool.capacity.items():
            own = [s for s in found.shares if (s.pool.name, s.resource) == (pool.name, name)]
            assert sum(s.nominal for s in own) + found.spare[(pool.name, name)] == count
            assert all(0 <= s.nominal <= s.need <= count for s in own)
        assert pool.cut_gpus <= pool.gpus
