"""Kueue: a flavour a pool, a queue an owner, all in one cohort; guaranteed and spare GPUs add up to
what the plan holds."""

from __future__ import annotations

from typing import Any, Final, Literal

from gpumix.guard import quota
from gpumix.guard.holding import Holding, Owner, Pool
from gpumix.guard.labels import POOL_LABEL, label_nodes
from gpumix.guard.text import Document, Written, head, metadata, yaml_file

Version = Literal["v1beta2", "v1beta1"]
VERSIONS: Final[tuple[Version, ...]] = ("v1beta2", "v1beta1")
_SPACE: Final = "kubernetes.io/metadata.name"

Group = tuple[str, tuple[Pool, ...]]
"""A resource, and the pools that have some of it."""


def kueue(held: Holding, version: Version = "v1beta2", fair_sharing: bool = False) -> Written:
    """kueue.yaml."""
    cohort = f"gpumix-{held.stamp.label}"
    api = f"kueue.x-k8s.io/{version}"
    classes = dict.fromkeys(owner.work_class for owner in held.owners)
    documents = [
        Document(_object(held, api, "Cohort", cohort) | {"spec": {}}),
        *(
            Document(_flavor(held, api, pool, resource))
            for resource, pools in _groups(held)
            for pool in pools
        ),
        *(
            Document(
                _object(held, api, "WorkloadPriorityClass", one.name)
                | {"value": one.priority, "description": f"{one.key} work of a gpumix plan"}
            )
            for one in classes
        ),
        *(_queue(held, api, owner, cohort, version, fair_sharing) for owner in held.owners),
    ]
    if any(held.spare.values()):
        documents.append(_spare_queue(held, api, cohort, version))
    documents += [_local_queue(held, api, owner) for owner in held.owners]
    about = f"Kueue {version}: quotas of every owner in every pool of the plan."
    first = head(held.stamp, about, _remarks(held, fair_sharing))
    return yaml_file("kueue.yaml", first, documents)


def flavor_name(pool: Pool, resource: str) -> str:
    """The flavour of a pool's GPUs; parts of GPUs are flavours of their own, since a flavour may be
    in one group of resources only."""
    part = resource.partition("/")[2]
    return pool.name if part in ("gpu", "gaudi") else f"{pool.name}.{part}"


def _groups(held: Holding) -> list[Group]:
    return [
        (name, tuple(pool for pool in held.pools if name in pool.capacity))
        for name in held.resources
    ]


def _object(held: Holding, api: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": metadata(held.stamp, name, namespace),
    }


def _flavor(held: Holding, api: str, pool: Pool, resource: str) -> dict[str, Any]:
    spec = {
        "nodeLabels": {POOL_LABEL: pool.name},
        "tolerations": [
            {
                "key": resource.partition("/")[0] + "/gpu",
                "operator": "Exists",
                "effect": "NoSchedule",
            }
        ],
    }
    return _object(held, api, "ResourceFlavor", flavor_name(pool, resource)) | {"spec": spec}


def _spec(cohort: str, version: Version, rest: dict[str, Any]) -> dict[str, Any]:
    return {"cohortName" if version == "v1beta2" else "cohort": cohort} | rest


def _queue(
    held: Holding,
    api: str,
    owner: Owner,
    cohort: str,
    version: Version,
    fair_sharing: bool,
) -> Document:
    shares = {(share.pool.name, share.resource): share for share in held.of_owner(owner)}
    groups = []
    for resource, pools in _groups(held):
        flavors = []
        for pool in pools:
            share = shares.get((pool.name, resource))
            if share is not None:
                part = {
                    "name": resource,
                    "nominalQuota": share.nominal,
                    "borrowingLimit": share.need - share.nominal,
                }
                flavors.append({"name": flavor_name(pool, resource), "resources": [part]})
        if flavors:
            groups.append({"coveredResources": [resource], "flavors": flavors})
    rest: dict[str, Any] = {
        "namespaceSelector": {"matchLabels": {_SPACE: owner.name}},
        "preemption": {
            "reclaimWithinCohort": owner.work_class.reclaim,
            "borrowWithinCohort": {"policy": "Never"},
            "withinClusterQueue": "LowerPriority",
        },
        "resourceGroups": groups,
    }
    if fair_sharing:
        weight = sum(share.nominal for share in shares.values())
        rest["fairSharing"] = {"weight": str(max(weight, 1))}
    body = _object(held, api, "ClusterQueue", f"{held.stamp.label}-{owner.name}")
    return Document(body | {"spec": _spec(cohort, version, rest)}, _turns(held, owner))


def _turns(held: Holding, owner: Owner) -> tuple[str, ...]:
    borrowed = [
        f"{share.need - share.nominal} {share.resource} of {share.pool.name}"
        for share in held.of_owner(owner)
        if share.need > share.nominal
    ]
    if not borrowed:
        return ()
    return (f"Takes turns: at its peak it borrows {', '.join(borrowed)}.",)


def _spare_queue(held: Holding, api: str, cohort: str, version: Version) -> Document:
    groups = []
    for resource, pools in _groups(held):
        flavors = [
            {
                "name": flavor_name(pool, resource),
                "resources": [{"name": resource, "nominalQuota": count}],
            }
            for pool in pools
            if (count := held.spare[(pool.name, resource)])
        ]
        if flavors:
            groups.append({"coveredResources": [resource], "flavors": flavors})
    nobody = {"matchLabels": {_SPACE: "gpumix-nobody"}}
    rest = {"namespaceSelector": nobody, "resourceGroups": groups}
    body = _object(held, api, "ClusterQueue", f"{held.stamp.label}-spare")
    remark = (
        "What the plan holds beyond every owner's peak: room for the loss of an instance (N+1), "
        "and what whole machines round up to. Nobody queues here; it is lent to the cohort."
    )
    return Document(body | {"spec": _spec(cohort, version, rest)}, (remark,))


def _local_queue(held: Holding, api: str, owner: Owner) -> Document:
    body = _object(held, api, "LocalQueue", quota.NAME, owner.name)
    return Document(body | {"spec": {"clusterQueue": f"{held.stamp.label}-{owner.name}"}})


def _remarks(held: Holding, fair_sharing: bool) -> list[str]:
    found = [
        f"Pods and jobs are queued by the label kueue.x-k8s.io/queue-name: {quota.NAME}, and "
        "ranked by kueue.x-k8s.io/priority-class, one of the WorkloadPriorityClasses below.",
        "Only GPUs are counted. Unless Kueue's Configuration leaves out the rest, a pod that asks "
        "for cpu or memory too is never admitted: resources: {excludeResourcePrefixes: [cpu, "
        "memory, ephemeral-storage]}.",
        *label_nodes(held),
        "borrowingLimit keeps every owner at its peak of the plan. Borrowing in one flavour counts "
        "against the nominal quota of another (kueue#9406), and priorities do not reach across "
        "cohorts (kueue#10131): keep all owners in this cohort.",
    ]
    if fair_sharing:
        found.append(
            "Fair sharing is on by your wish; it also needs fairSharing in Kueue's Configuration. "
            "Guaranteed GPUs are then not always reclaimed (kueue#6577), and topology-aware "
            "scheduling does not go with it (kueue#10815). Weights are the guaranteed GPUs."
        )
    else:
        found.append(
            "Classic preemption: premium and standard work take their guaranteed GPUs back from "
            "anyone, other work only from lower priorities. Fair sharing is off: under it "
            "guaranteed GPUs are not always reclaimed (kueue#6577)."
        )
    if any(pool.terms == "spot" for pool in held.pools):
        found.append(
            "Kueue cannot hold a share of spot within a workload: the plan's split is in the "
            "quotas of the spot flavours."
        )
    return found
