"""Which version of an engine a pod runs: by its labels, else by the tag of its image."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gpumix.telemetry.sources.owners import Pod, PodKey, pod_key
from gpumix.telemetry.sources.series import Series, label

Spells = list[tuple[int, str]]
"""(time [s] from which on, version), in order."""
_ENGINE: Final = re.compile(r"vllm|sglang|text-generation-inference|tritonserver|tensorrt", re.I)
_TAG: Final = re.compile(r":v?([^:/@]+)(?:@|$)")


def version_in(image: str) -> str | None:
    """The version in the name of an engine's image; None of another image, or without a tag.

    >>> version_in("docker.io/vllm/vllm-openai:v0.11.0"), version_in("envoy:1.30")
    ('0.11.0', None)
    """
    found = _TAG.search(image) if _ENGINE.search(image) else None
    return found[1] if found else None


def by_pod(series: Iterable[Series], pods: Sequence[Pod]) -> Mapping[PodKey, Spells]:
    """The versions of every pod's engine that series of the cluster tell, or else a snapshot."""
    found: dict[PodKey, Spells] = defaultdict(list)
    for one in series:
        key = pod_key(one.labels)
        told = label(one.labels, "engine_version") or version_in(label(one.labels, "image") or "")
        if key is not None and told and len(one.t):
            found[key].append((int(one.t[0]), told))
    snapshot = {pod.key: [(0, pod.engine_version)] for pod in pods if pod.engine_version}
    return snapshot | {key: sorted(spells) for key, spells in found.items()}
