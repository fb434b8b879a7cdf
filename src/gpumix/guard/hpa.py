"""HorizontalPodAutoscaler: replicas by the requests that wait at each."""

from __future__ import annotations

from gpumix.domain.guard import LeftOut
from gpumix.guard import tables
from gpumix.guard.holding import Holding
from gpumix.guard.replicas import Scaled, scaled
from gpumix.guard.text import Document, Written, head, metadata, yaml_file


def hpa(held: Holding) -> tuple[Written | None, list[LeftOut]]:
    """hpa.yaml; None where nothing is scaled."""
    found, left_out = scaled(held, "hpa")
    if not found:
        return None, left_out
    names = ", ".join(sorted({one.metric for one in found}))
    remarks = (
        f"The pods metric {names} must be served by an adapter (custom.metrics.k8s.io), such as "
        "prometheus-adapter with a rule that keeps its name and its labels namespace and pod.",
        "Deployments bear the names of the plan's replicas; KServe calls them NAME-kserve. Use "
        "this file or KEDA's, not both.",
        "minReplicas is the plan's median hour, maxReplicas its peak. An HPA cannot go down to 0 "
        "nor hold a replica free for the loss of an instance.",
    )
    about = "HorizontalPodAutoscaler of each Deployment whose replicas change."
    first = head(held.stamp, about, remarks)
    return yaml_file("hpa.yaml", first, [_document(held, one) for one in found]), left_out


def _document(held: Holding, one: Scaled) -> Document:
    per_replica = str(int(tables.number("waiting_per_replica")))
    metric = {
        "type": "Pods",
        "pods": {
            "metric": {"name": one.metric},
            "target": {"type": "AverageValue", "averageValue": per_replica},
        },
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": one.launch.name}
    wait = int(tables.number("scale_down_after_s"))
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(held.stamp, one.launch.name, one.owner.name),
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": one.least,
            "maxReplicas": one.most,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": wait}},
        },
    }
    idle = f"The plan runs none in {one.idle_hours} hours of the week; KEDA's file does so."
    return Document(body, (idle,) if one.idle_hours else ())
