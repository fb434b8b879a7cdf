"""A snapshot of a cluster: `kubectl get pods,nodes -A -o json`.

It has no history: it tells machines and whose a pod is, not what GPUs did.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from gpumix.errors import InputError, Problem
from gpumix.reading import read_text
from gpumix.telemetry.samples import MOST_BYTES, NODES
from gpumix.telemetry.sources.kube import GPU_RESOURCE, MIG_RESOURCE, node_row
from gpumix.telemetry.sources.owners import Pod
from gpumix.telemetry.sources.series import label
from gpumix.telemetry.sources.versions import version_in

COMMAND: Final = "kubectl get pods,nodes -A -o json"
HOLDING: Final = frozenset({"Running", "Unknown"})
"""Phases in which a pod has its GPUs."""
_ITEMS: Final = re.compile(r'"items"\s*:\s*\[\s*')
_NEXT: Final = re.compile(r"\s*,\s*(?=\{)")
_LAST: Final = re.compile(r"\s*(?=\])")
_MODEL: Final = re.compile(r"^--(?:model|model-path|model-id|served-model-name)(?:=(.+))?$")


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a snapshot says: its pods, rows of NODES, and the GPUs, shares of GPUs or
    MIG instances held on each node, by resource."""

    pods: tuple[Pod, ...]
    nodes: pa.Table
    held: Mapping[str, Mapping[str, int]]


def read(path: Path) -> Cluster:
    """Pods and machines of a snapshot. Raises: InputError, each bad item named."""
    pods: list[Pod] = []
    rows: list[dict[str, Any]] = []
    held: dict[str, Counter[str]] = defaultdict(Counter)
    problems = []
    for i, item in enumerate(_items(path)):
        try:
            if "containers" in item["spec"]:
                pods.append(_pod(item))
                if gpus := _gpus_held(item):
                    held[item["spec"]["nodeName"]].update(gpus)
            elif "capacity" in item.get("status", {}):
                row = _node(item)
                rows += [row] if row else []
        except (KeyError, TypeError, AttributeError, ValueError):
            problems.append(Problem(f"{path}, item {i + 1}", "is no pod or node", COMMAND))
    if problems:
        raise InputError(problems)
    return Cluster(tuple(pods), pa.Table.from_pylist(rows, schema=NODES), held)


def _items(path: Path) -> Iterator[Mapping[str, Any]]:
    """The items of a list, one by one: a snapshot of a large cluster would take gigabytes."""
    text = read_text(path, most_bytes=MOST_BYTES)
    if (start := _ITEMS.search(text)) is None:
        raise InputError(Problem(str(path), "has no items", COMMAND))
    decoder = json.JSONDecoder()
    at = start.end()
    while not text.startswith("]", at):
        try:
            item, at = decoder.raw_decode(text, at)
            if (comma := _NEXT.match(text, at)) is not None:
                at = comma.end()
            elif (end := _LAST.match(text, at)) is not None:
                at = end.end()
            else:
                raise json.JSONDecodeError("an item ends early", text, at)
        except json.JSONDecodeError as error:
            place = f"{path} line {error.lineno}, column {error.colno}"
            fix = "the file ends too early: was it cut off?" if at >= len(text) - 1 else ""
            raise InputError(Problem(place, f"is not valid JSON: {error.msg}", fix)) from None
        except RecursionError:
            raise InputError(Problem(str(path), "is nested too deeply")) from None
        yield item


def _gpus_held(pod: Mapping[str, Any]) -> Counter[str]:
    """GPUs that a pod holds, by resource; none before it runs and after it ended."""
    spec = pod["spec"]
    if not spec.get("nodeName") or pod.get("status", {}).get("phase") not in HOLDING:
        return Counter()
    together: Counter[str] = sum((_gpus_asked(one) for one in spec["containers"]), Counter())
    for one in spec.get("initContainers") or ():  # run before the others, one by one
        together |= _gpus_asked(one)
    return together


def _gpus_asked(container: Mapping[str, Any]) -> Counter[str]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    names = (name for name in asked if name.startswith((GPU_RESOURCE, MIG_RESOURCE)))
    return Counter({name: int(asked[name]) for name in names})


def _pod(item: Mapping[str, Any]) -> Pod:
    meta = item["metadata"]
    labels = {_spelled(name): text for name, text in (meta.get("labels") or {}).items()}
    return Pod(
        (meta.get("namespace", ""), meta["name"]),
        label(labels, "team"),
        label(labels, "workload"),
        label(labels, "model") or _model(item["spec"]["containers"]),
        label(labels, "engine_version") or _version(item["spec"]["containers"]),
    )


def _version(containers: Any) -> str | None:
    images = (str(container.get("image") or "") for container in containers)
    return next(filter(None, map(version_in, images)), None)


def _spelled(name: str) -> str:
    """A label's name as kube-state-metrics spells it."""
    return "label_" + re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _model(containers: Any) -> str | None:
    """The model that an engine is started with, as `--model M` or `--model=M`."""
    for container in containers:
        words = [*(container.get("command") or ()), *(container.get("args") or ())]
        for word, after in pairwise([*words, ""]):
            if found := _MODEL.match(word):
                return found[1] or after or None
    return None


def _node(item: Mapping[str, Any]) -> dict[str, Any] | None:
    capacity = {
        name: int(count)
        for name, count in item["status"]["capacity"].items()
        if name.startswith((GPU_RESOURCE, MIG_RESOURCE))
    }
    provider_id = item["spec"].get("providerID", "")
    meta = item["metadata"]
    return node_row(meta["name"], provider_id, meta.get("labels") or {}, capacity)
