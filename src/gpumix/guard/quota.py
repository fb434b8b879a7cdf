"""Kubernetes' own limits: a ResourceQuota a namespace, a PriorityClass a class of work."""

from __future__ import annotations

from typing import Final

from gpumix.guard.holding import Holding
from gpumix.guard.tables import WorkClass
from gpumix.guard.text import Document, Written, head, metadata, yaml_file

NAME: Final = "gpumix"
"""Of every ResourceQuota, LocalQueue and rule: one a namespace."""


def quota(held: Holding) -> Written:
    """quota.yaml."""
    classes = dict.fromkeys(owner.work_class for owner in held.owners)
    documents = [
        *(_priority_class(held, one) for one in classes),
        *(_resource_quota(held, number) for number in range(len(held.owners))),
    ]
    about = "ResourceQuota of each namespace and PriorityClass of each class of work of the plan."
    return yaml_file("quota.yaml", head(held.stamp, about, _remarks(held)), documents)


def sums(held: Holding) -> dict[str, tuple[int, int, int, int]]:
    """By resource: the sum of all quotas, what the plan holds, what of it is spare, and what is
    held by turns and so counted for each who takes it: quotas = held - spare + by turns."""
    found = {}
    for name in held.resources:
        own = [share for share in held.shares if share.resource == name]
        quotas = sum(share.need for share in own)
        total = sum(pool.capacity.get(name, 0) for pool in held.pools)
        spare = sum(count for (_, of), count in held.spare.items() if of == name)
        found[name] = quotas, total, spare, quotas - sum(share.nominal for share in own)
    return found


def _remarks(held: Holding) -> list[str]:
    found = [
        f"{name}: quotas of {quotas:,} = {total:,} in the plan - {spare:,} spare + {turns:,} that "
        "are held by turns, so that each who takes them may have them."
        for name, (quotas, total, spare, turns) in sums(held).items()
    ]
    spaces = " ".join(owner.name for owner in held.owners)
    return [
        *found,
        "A ResourceQuota cannot tell one GPU type or purchase from another, nor hold GPUs free for "
        "the loss of an instance: Kueue's file can.",
        f"The namespaces are not made here: {spaces}.",
    ]


def _priority_class(held: Holding, of: WorkClass) -> Document:
    body = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": metadata(held.stamp, of.name),
        "value": of.priority,
        "globalDefault": False,
        "preemptionPolicy": "PreemptLowerPriority" if of.preempts else "Never",
        "description": f"Pods of {of.key} work of a gpumix plan.",
    }
    return Document(body)


def _resource_quota(held: Holding, number: int) -> Document:
    owner = held.owners[number]
    hard = {f"requests.{name}": str(count) for name, count in held.needs(owner).items()}
    body = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata(held.stamp, NAME, owner.name),
        "spec": {"hard": hard},
    }
    parts = [
        f"{share.need} {share.resource} of {share.pool.name}" for share in held.of_owner(owner)
    ]
    served = ", ".join(one.id for one in owner.workloads)
    return Document(body, (f"{served}: at its peak {', '.join(parts)}.",))
