"""Karpenter NodePool: at most the plan's GPUs of each rented line, the committed ones first."""

from __future__ import annotations

import re
from typing import Any, Final

from gpumix.domain.guard import LeftOut
from gpumix.guard import tables
from gpumix.guard.holding import Holding, Pool
from gpumix.guard.labels import POOL_LABEL
from gpumix.guard.text import Document, Written, head, metadata, yaml_file

_ORDER: Final = ("reserved", "on-demand", "spot")
_INSTANCE: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""A value of a label."""
_REGION: Final = re.compile(r"[a-z]+[a-z0-9-]*[0-9][a-z0-9]*")
_PLAIN_REGIONS: Final = ("azure",)
"""Providers whose regions may end without a number (eastus)."""


def karpenter(held: Holding) -> tuple[Written | None, list[LeftOut]]:
    """karpenter.yaml; None where no line is rented from a provider that Karpenter knows."""
    found: list[Pool] = []
    left_out: list[LeftOut] = []
    for pool in sorted(held.pools, key=lambda pool: _rank(pool)):
        why = _why_not(pool)
        if why:
            left_out.append(LeftOut("karpenter", pool.name, why))
        else:
            found.append(pool)
            if pool.cut_gpus:
                why = f"{pool.cut_gpus} GPUs cut into parts: Karpenter knows no parts of GPUs"
                left_out.append(LeftOut("karpenter", pool.name, why))
    if not found:
        return None, left_out
    about = "Karpenter NodePool of each rented line of the plan, at most as many GPUs as it has."
    first = head(held.stamp, about, _remarks(held, found, left_out))
    documents = [_document(held, pool) for pool in found]
    return yaml_file("karpenter.yaml", first, documents), left_out


def _rank(pool: Pool) -> int:
    return _ORDER.index(pool.terms) if pool.terms in _ORDER else len(_ORDER)


def _why_not(pool: Pool) -> str:
    line = pool.line
    if pool.terms == "owned":
        return "machines that you own: Karpenter starts none"
    if line.provider not in tables.node_classes():
        return f"Karpenter knows no {line.provider}: start these machines by hand or by SkyPilot"
    if pool.cut_gpus == pool.gpus:
        return "all its GPUs are cut into parts, which Karpenter does not know"
    if not _INSTANCE.fullmatch(line.instance):
        return f"the plan names no machine of {line.provider} that a label could hold"
    return ""


def capacity_types(pool: Pool) -> list[str]:
    """What a pool's machines may be: a commitment is first a reservation where there is one, and
    else an on-demand machine that its discount covers."""
    return ["reserved", "on-demand"] if pool.terms == "reserved" else [pool.terms]


def _document(held: Holding, pool: Pool) -> Document:
    line = pool.line
    node_class = tables.node_classes()[line.provider]
    requirements = [
        _one_of("karpenter.sh/capacity-type", capacity_types(pool)),
        _one_of(node_class.instance_key, [line.instance]),
    ]
    if _is_region(line.provider, line.region):
        requirements.append(_one_of("topology.kubernetes.io/region", [line.region]))
    whole = tables.resource_name(pool.vendor) or ""
    taint = {"key": whole.partition("/")[0] + "/gpu", "value": "present", "effect": "NoSchedule"}
    body = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": metadata(held.stamp, pool.name),
        "spec": {
            "weight": int(tables.number(f"weight_{pool.terms}")),
            "limits": {whole: pool.gpus - pool.cut_gpus},
            "disruption": {
                "consolidationPolicy": "WhenEmpty",
                "consolidateAfter": tables.settings()["empty_node_after"],
            },
            "template": {
                "metadata": {"labels": {POOL_LABEL: pool.name}},
                "spec": {
                    "nodeClassRef": {
                        "group": node_class.group,
                        "kind": node_class.kind,
                        "name": tables.settings()["node_class"],
                    },
                    "requirements": requirements,
                    "taints": [taint],
                },
            },
        },
    }
    return Document(body, tuple(_about(pool)))


def _one_of(key: str, values: list[str]) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": values}


def _is_region(provider: str, region: str) -> bool:
    """Whether a plan's region is one in the provider's own words, rather than `North America`."""
    if provider in _PLAIN_REGIONS:
        return bool(re.fullmatch(r"[a-z]+[0-9]?", region)) and region != "unspecified"
    return bool(_REGION.fullmatch(region))


def _about(pool: Pool) -> list[str]:
    line = pool.line
    found = [
        f"{line.count} x {line.instance} ({line.gpus_per_instance} x {line.gpu}), {pool.terms}, "
        f"{line.region}."
    ]
    if len(set(line.counts_by_year)) > 1:
        years = ", ".join(str(count) for count in line.counts_by_year)
        found.append(f"By year the plan has {years}; the limit is the most of them.")
    return found


def _remarks(held: Holding, found: list[Pool], left_out: list[LeftOut]) -> list[str]:
    node_class = tables.settings()["node_class"]
    remarks = [
        f"Yours to write: a node class called {node_class} (image, network, role), which also says "
        "the provider's region and zones.",
        "Weights put reserved before on-demand before spot. Within one NodePool Karpenter would "
        "try spot before on-demand, so each has its own.",
        "A limit is no promise: Karpenter stops there, and may pass it for a moment while it "
        "starts several nodes at once. It keeps no node free for the loss of one (N+1).",
    ]
    if any(pool.terms == "reserved" for pool in found):
        remarks.append(
            "A commitment to a price (savings plan, reserved instance) holds no machine: those "
            "nodes are on-demand ones that it pays for. Where there is a capacity reservation, "
            "name it in the node class (capacityReservationSelectorTerms): with Karpenter's "
            "ReservedCapacity gate on, on-demand nodes opt out of every open reservation, so one "
            "that is not named goes unused (kubernetes-on-aws#11623)."
        )
    if any(pool.terms == "spot" for pool in held.pools):
        remarks.append(
            "Karpenter cannot hold a share of spot: the plan's share is in the two limits."
        )
    remarks += [f"Not here: {one.what}: {one.why}." for one in left_out]
    return remarks
