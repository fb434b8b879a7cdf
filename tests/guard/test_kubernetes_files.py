"""Quotas, priorities, scaling and pools of Kubernetes: what they hold, and that they are valid."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import replace
from typing import Any

import guard_fixture as made
import pytest
from schemas import documents, needs_schemas, problems

from gpumix.guard.holding import Holding
from gpumix.guard.hpa import hpa
from gpumix.guard.karpenter import karpenter
from gpumix.guard.keda import keda
from gpumix.guard.kueue import kueue
from gpumix.guard.quota import quota, sums
from gpumix.guard.replicas import spans
from gpumix.guard.text import Written

ADDRESS = "http://prometheus:9090"


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


def _written(held: Holding) -> dict[str, str]:
    scaled, by_keda, pools = hpa(held)[0], keda(held, ADDRESS)[0], karpenter(held)[0]
    files = [quota(held), scaled, by_keda, pools, kueue(held), kueue(held, "v1beta1", True)]
    return {f"{number}-{one.name}": one.text for number, one in enumerate(files) if one is not None}


def _of_kind(written: Written | None, kind: str) -> dict[str, dict[str, Any]]:
    """Specifications by name, of a namespace where they have one."""
    found = {}
    for one in documents(written.text if written else ""):
        if one["kind"] == kind:
            place = one["metadata"].get("namespace")
            found[f"{place}/{one['metadata']['name']}" if place else one["metadata"]["name"]] = one
    return found


def test_every_object_names_its_plan(held: Holding) -> None:
    objects = [one for text in _written(held).values() for one in documents(text)]
    assert len(objects) > 40
    for one in objects:
        noted = one["metadata"]["annotations"]
        assert noted["gpumix.io/plan"] == f"sha256:{made.STAMP.sha256}"
        assert noted["gpumix.io/plan-name"] == made.HOSTILE
        assert noted["gpumix.io/plan-date"] == "2026-11-24"
        assert noted["gpumix.io/version"] == "0.1.0"


def test_what_people_wrote_starts_no_line(held: Holding) -> None:
    for text in _written(held).values():
        told = [line for line in text.splitlines() if "\u20ac" in line]
        assert told
        assert all(line.startswith("#") or "gpumix.io/plan-name" in line for line in told)
        assert not any(line.startswith("- key") for line in text.splitlines())


@needs_schemas
def test_every_object_is_valid(held: Holding) -> None:
    for name, text in _written(held).items():
        for one in documents(text):
            assert problems(one) == [], f"{name}: {one['kind']} {one['metadata']['name']}"


MUTATIONS = [
    ("ResourceQuota", ("spec", "hrd"), {}),
    ("PriorityClass", ("value",), "high"),
    ("HorizontalPodAutoscaler", ("spec", "maxReplicaCount"), 3),
    ("ScaledObject", ("spec", "maxReplicas"), 3),
    ("NodePool", ("spec", "template", "spec", "nodeClassRef"), {"name": "x"}),
    ("ClusterQueue", ("spec", "cohort"), "x"),
    ("ClusterQueue", ("spec", "preemption", "reclaimWithinCohort"), "Sometimes"),
    ("LocalQueue", ("spec", "cluster"), "x"),
    ("ResourceFlavor", ("spec", "labels"), {}),
    ("WorkloadPriorityClass", ("value",), "high"),
    ("Cohort", ("spec", "parent"), "x"),
]


@needs_schemas
@pytest.mark.parametrize(("kind", "path", "value"), MUTATIONS)
def test_a_mutated_object_is_refused(
    held: Holding, kind: str, path: tuple[str, ...], value: object
) -> None:
    files = [quota(held), hpa(held)[0], keda(held, ADDRESS)[0], karpenter(held)[0], kueue(held)]
    objects = [one for file in files if file for one in documents(file.text)]
    first = copy.deepcopy(next(one for one in objects if one["kind"] == kind))
    assert problems(first) == []
    inner = first
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert problems(first) != []


def test_quotas_are_the_peaks_and_their_sums_are_told(held: Holding) -> None:
    found = _of_kind(quota(held), "ResourceQuota")
    hard = {name.partition("/")[0]: one["spec"]["hard"] for name, one in found.items()}
    assert hard["nightly"] == {"requests.nvidia.com/gpu": "12", "requests.amd.com/gpu": "6"}
    assert hard["vectors"] == {"requests.nvidia.com/mig-3g.40gb": "3"}
    total: dict[str, int] = defaultdict(int)
    for one in hard.values():
        for name, count in one.items():
            total[name.removeprefix("requests.")] += int(count)
    for name, (quotas, in_plan, spare, turns) in sums(held).items():
        assert total[name] == quotas == in_plan - spare + turns


def test_priorities_follow_the_classes(held: Holding) -> None:
    values = {name: one["value"] for name, one in _of_kind(quota(held), "PriorityClass").items()}
    order = ["gpumix-premium", "gpumix-standard", "gpumix-fine-tune", "gpumix-batch"]
    assert sorted(values, key=lambda name: -values[name]) == order
    kueues = _of_kind(kueue(held), "WorkloadPriorityClass")
    assert {name: one["value"] for name, one in kueues.items()} == values


def test_no_class_without_work(held: Holding) -> None:
    rest = tuple(one for one in held.owners if one.work_class.key != "finetune")
    shares = tuple(one for one in held.shares if one.owner in rest)
    found = _of_kind(quota(replace(held, owners=rest, shares=shares)), "PriorityClass")
    assert "gpumix-fine-tune" not in found


@pytest.mark.parametrize("version", ["v1beta2", "v1beta1"])
def test_kueue_quotas_add_up_to_the_plan(held: Holding, version: Any) -> None:
    queues = _of_kind(kueue(held, version), "ClusterQueue")
    total: dict[tuple[str, str], int] = defaultdict(int)
    for one in queues.values():
        for group in one["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                [resource] = flavor["resources"]
                assert group["coveredResources"] == [resource["name"]]
                total[(flavor["name"], resource["name"])] += resource["nominalQuota"]
    assert total == {
        ("dhaka-a100-sxm-80gb-owned", "nvidia.com/gpu"): 6,
        ("dhaka-a100-sxm-80gb-owned.mig-3g.40gb", "nvidia.com/mig-3g.40gb"): 4,
        ("aws-h100-sxm-80gb-reserved", "nvidia.com/gpu"): 16,
        ("aws-l40s-48gb-on-demand", "nvidia.com/gpu"): 12,
        ("azure-mi300x-192gb-spot", "amd.com/gpu"): 8,
        ("lambda-l40s-48gb-on-demand", "nvidia.com/gpu"): 2,
    }
    flavors = _of_kind(kueue(held, version), "ResourceFlavor")
    assert set(flavors) == {name for name, _ in total}
    key = {"v1beta2": "cohortName", "v1beta1": "cohort"}[version]
    assert {one["spec"][key] for one in queues.values()} == {"gpumix-team"}


def test_a_flavor_is_in_one_group_of_a_queue(held: Holding) -> None:
    for one in _of_kind(kueue(held), "ClusterQueue").values():
        names = [f["name"] for group in one["spec"]["resourceGroups"] for f in group["flavors"]]
        assert len(names) == len(set(names))


def test_guaranteed_work_takes_its_gpus_back_and_fair_sharing_is_asked_for(held: Holding) -> None:
    queues = _of_kind(kueue(held), "ClusterQueue")
    reclaim = {
        name: one["spec"]["preemption"]["reclaimWithinCohort"]
        for name, one in queues.items()
        if "preemption" in one["spec"]
    }
    assert reclaim["team-copilot"] == "Any"
    assert reclaim["team-nightly"] == reclaim["team-tuning"] == "LowerPriority"
    assert not any("fairSharing" in one["spec"] for one in queues.values())
    assert "kueue#6577" in kueue(held).text
    fair = kueue(held, fair_sharing=True)
    weights = {
        name: one["spec"]["fairSharing"]["weight"]
        for name, one in _of_kind(fair, "ClusterQueue").items()
        if "fairSharing" in one["spec"]
    }
    assert weights["team-copilot"] == "6"
    assert "kueue#10815" in fair.text


def test_replicas_scale_between_median_and_peak(held: Holding) -> None:
    written, left_out = hpa(held)
    found = {
        name: one["spec"] for name, one in _of_kind(written, "HorizontalPodAutoscaler").items()
    }
    hostile = held.owners[0].name
    least_and_most = {name: (one["minReplicas"], one["maxReplicas"]) for name, one in found.items()}
    assert least_and_most == {
        f"{hostile}/hostile-h100-sxm-80gb": (2, 4),
        f"{hostile}/hostile-l40s-48gb": (1, 6),
        "copilot/copilot-h100-sxm-80gb": (3, 6),
        "vectors/vectors-a100-sxm-80gb": (1, 3),
        "nightly/nightly-h100-sxm-80gb": (1, 3),
        "nightly/nightly-mi300x-192gb": (1, 6),
    }
    copilot = found["copilot/copilot-h100-sxm-80gb"]
    assert copilot["metrics"][0]["pods"]["metric"]["name"] == "vllm:num_requests_waiting"
    assert {one.what for one in left_out} == {"tuning-a100-sxm-80gb", "art-l40s-48gb"}


def test_keda_wakes_by_the_clock_what_sleeps_in_most_hours(held: Holding) -> None:
    found = {
        name: one["spec"] for name, one in _of_kind(keda(held, ADDRESS)[0], "ScaledObject").items()
    }
    nightly = found["nightly/nightly-mi300x-192gb"]
    assert (nightly["minReplicaCount"], nightly["maxReplicaCount"]) == (0, 6)
    queue, clock = nightly["triggers"]
    assert queue["metadata"]["serverAddress"] == ADDRESS
    assert queue["metadata"]["query"] == (
        'sum(vllm:num_requests_waiting{namespace="nightly", '
        'pod=~"nightly-mi300x-192gb(-kserve)?-[a-z0-9]+-[a-z0-9]+"})'
    )
    assert clock["metadata"] == {
        "timezone": "Asia/Dhaka", "start": "0 22 * * *", "end": "0 6 * * *", "desiredReplicas": "2",
    }  # fmt: skip
    copilot = found["copilot/copilot-h100-sxm-80gb"]
    assert len(copilot["triggers"]) == 1


def test_spans_of_a_week_end_where_it_begins_again() -> None:
    weekend = ((0,) * 24) * 5 + (1,) * 48
    [span] = spans(weekend)
    assert (span.start, span.end, span.replicas) == ("0 0 * * sat", "0 0 * * mon", 1)
    over = (2,) * 3 + (0,) * 160 + (4,) * 5
    [span] = spans(over)
    assert (span.start, span.end, span.replicas) == ("0 19 * * sun", "0 3 * * mon", 2)
    assert spans((1, 0) * 20 + (0,) * 128) == () == spans((1,) * 168)


def test_karpenter_holds_rented_lines_of_providers_it_knows(held: Holding) -> None:
    written, left_out = karpenter(held)
    found = {name: one["spec"] for name, one in _of_kind(written, "NodePool").items()}
    assert list(found) == [
        "aws-h100-sxm-80gb-reserved", "aws-l40s-48gb-on-demand", "azure-mi300x-192gb-spot",
    ]  # fmt: skip
    assert [one["limits"] for one in found.values()] == [
        {"nvidia.com/gpu": 16}, {"nvidia.com/gpu": 12}, {"amd.com/gpu": 8},
    ]  # fmt: skip
    weights = [one["weight"] for one in found.values()]
    assert weights == sorted(weights, reverse=True)
    kinds = [
        next(r["values"] for r in one["template"]["spec"]["requirements"] if "capacity" in r["key"])
        for one in found.values()
    ]
    assert kinds == [["reserved", "on-demand"], ["on-demand"], ["spot"]]
    labels = [one["template"]["metadata"]["labels"]["gpumix.io/pool"] for one in found.values()]
    assert labels == list(found)
    assert {one.what for one in left_out} == {
        "dhaka-a100-sxm-80gb-owned", "lambda-l40s-48gb-on-demand",
    }  # fmt: skip
    assert "kubernetes-on-aws#11623" in (written.text if written else "")


def test_nothing_is_written_for_a_part_that_is_not_there(held: Holding) -> None:
    owned = tuple(pool for pool in held.pools if pool.terms == "owned")
    assert karpenter(replace(held, pools=owned))[0] is None
    jobs = tuple(owner for owner in held.owners if owner.launches[0].is_job)
    assert hpa(replace(held, owners=jobs))[0] is None
    assert keda(replace(held, owners=jobs), ADDRESS)[0] is None
