"""KEDA ScaledObject: as the HPA, straight from Prometheus, and down to 0 where the plan does."""

from __future__ import annotations

from typing import Any, Final

from gpumix.domain.guard import LeftOut
from gpumix.guard import tables
from gpumix.guard.holding import Holding
from gpumix.guard.replicas import Scaled, Span, scaled, spans
from gpumix.guard.text import Document, Written, head, metadata, yaml_file

_POD: Final = "(-kserve)?-[a-z0-9]+-[a-z0-9]+"
"""Ends the name of a Deployment's pod; another's, whose name begins alike, does not match."""


def keda(held: Holding, prometheus: str) -> tuple[Written | None, list[LeftOut]]:
    """keda.yaml; None where nothing is scaled. `prometheus` is the address that KEDA asks."""
    found, left_out = scaled(held, "keda")
    if not found:
        return None, left_out
    remarks = (
        "Deployments bear the names of the plan's replicas, and pods begin with them; KServe calls "
        "them NAME-kserve. Use this file or the HPA's, not both.",
        "minReplicaCount is the plan's median hour, maxReplicaCount its peak. Where the plan runs "
        "none in most hours, cron starts them when it does: a server that does not run has no "
        "queue to be started by.",
    )
    about = "KEDA ScaledObject of each Deployment whose replicas change."
    first = head(held.stamp, about, remarks)
    documents = [_document(held, one, prometheus) for one in found]
    return yaml_file("keda.yaml", first, documents), left_out


def query(one: Scaled) -> str:
    """Requests that wait at the replicas of one Deployment, whose pods are NAME-HASH-ID."""
    pods = f'namespace="{one.owner.name}", pod=~"{one.launch.name}{_POD}"'
    return f"sum({one.metric}{{{pods}}})"


def _document(held: Holding, one: Scaled, prometheus: str) -> Document:
    asleep = spans(one.launch.by_hour) if one.launch.median_replicas == 0 else ()
    trigger = {
        "type": "prometheus",
        "metadata": {
            "serverAddress": prometheus,
            "query": query(one),
            "threshold": str(int(tables.number("waiting_per_replica"))),
        },
    }
    body = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(held.stamp, one.launch.name, one.owner.name),
        "spec": {
            "scaleTargetRef": {"name": one.launch.name},
            "minReplicaCount": 0 if asleep else one.least,
            "maxReplicaCount": one.most,
            "pollingInterval": int(tables.number("keda_polling_s")),
            "cooldownPeriod": int(tables.number("scale_down_after_s")),
            "triggers": [trigger, *(_cron(span, held.plan.timezone) for span in asleep)],
        },
    }
    return Document(body)


def _cron(span: Span, timezone: str) -> dict[str, Any]:
    return {
        "type": "cron",
        "metadata": {
            "timezone": timezone,
            "start": span.start,
            "end": span.end,
            "desiredReplicas": str(span.replicas),
        },
    }
