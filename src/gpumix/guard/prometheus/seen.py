"""What is seen of the fleet, brought to the labels of the plan's series: recording rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gpumix.guard import tables
from gpumix.guard.holding import Holding, Owner
from gpumix.guard.labels import POOL_LABEL
from gpumix.guard.prometheus.series import (
    USD_PER_UNIT_HOUR,
    Figure,
    Promise,
    metric_label,
    promises,
)

ENGINE_ACTIVE: Final = "gpumix:gpu_engine_active:ratio"
SM_ACTIVE: Final = "gpumix:gpu_sm_active:ratio"
RUNNING_UNITS: Final = "gpumix:units_running:sum"
REQUESTS_RUNNING: Final = "gpumix:requests_running:avg"
TOKENS: Final = "gpumix:tokens_per_s:rate5m"
USD_PER_HOUR: Final = "gpumix:usd_per_hour:sum"
USD_PER_MTOK_DAY: Final = "gpumix:usd_per_mtok:1d"
LATENCY_SEEN: Final = "gpumix:latency_s:quantile"
POOL_SEEN: Final = "gpumix:pool_capacity:sum"

DCGM: Final = {
    ENGINE_ACTIVE: "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    SM_ACTIVE: "DCGM_FI_PROF_SM_ACTIVE",
}
POOL_NODE_LABEL: Final = f"label_{metric_label(POOL_LABEL)}"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule and the labels that it adds."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


def recordings(held: Holding, planned: list[Figure]) -> list[Recording]:
    """Every recording rule of what is seen, for the parts that the plan has."""
    names = {one.name for one in planned}
    found = [*_gpus(held), _running(held), *_engines(held)]
    if USD_PER_UNIT_HOUR in names:
        found += _cost()
    found += [_latency(*key) for key in _by_promise(promises(held)[0])]
    found.append(_pools(held))
    return found


def watched(held: Holding) -> list[Owner]:
    """Owners whose GPUs NVIDIA's exporter tells of."""
    return [
        owner
        for owner in held.owners
        if any(share.pool.vendor == "nvidia" for share in held.of_owner(owner))
    ]


def any_of(names: list[str]) -> str:
    """A matcher's value for names that are DNS labels or metrics."""
    return "|".join(names)


def _gpus(held: Holding) -> Iterator[Recording]:
    """Activity by GPU under the owner's namespace, whether or not Prometheus honours labels."""
    owners = watched(held)
    if not owners:
        return
    spaces = any_of([owner.name for owner in owners])
    for name, metric in DCGM.items():
        renamed = (
            f'label_replace({metric}{{exported_namespace=~"{spaces}"}}, '
            f'"namespace", "$1", "exported_namespace", "(.+)")'
        )
        direct = f'{metric}{{exported_namespace="", namespace=~"{spaces}"}}'
        yield Recording(name, f"max by (namespace, UUID, GPU_I_ID) ({renamed} or {direct})")


def _running(held: Holding) -> Recording:
    """GPUs (or parts of one kind) that running pods hold: a pending pod holds none."""
    spaces = any_of([owner.name for owner in held.owners])
    names = any_of([metric_label(name) for name in held.resources])
    asked = f'kube_pod_container_resource_requests{{namespace=~"{spaces}", resource=~"{names}"}}'
    running = 'max by (namespace, pod) (kube_pod_status_phase{phase="Running"}) == 1'
    return Recording(
        RUNNING_UNITS,
        f"sum by (namespace, resource) ({asked} * on (namespace, pod) group_left () ({running}))",
    )


def _engines(held: Holding) -> Iterator[Recording]:
    by_engine: dict[str, list[str]] = {}
    for owner in held.owners:
        if owner.engine:
            by_engine.setdefault(owner.engine, []).append(owner.name)
    running, tokens = [], []
    for engine, names in by_engine.items():
        metrics = tables.engine_metrics()[engine]
        place = f'{{namespace=~"{any_of(names)}"}}'
        running.append(f"avg by (namespace) ({metrics['running']}{place})")
        read, written = (
            f"sum by (namespace) (rate({metrics[key]}{place}[5m]))"
            for key in ("input_tokens", "output_tokens")
        )
        tokens.append(f"({read} + ({written} or 0 * {read}))")
    if by_engine:
        yield Recording(REQUESTS_RUNNING, " or ".join(running))
        yield Recording(TOKENS, " or ".join(tokens))


def _cost() -> list[Recording]:
    hourly = (
        f"sum by (namespace) ({RUNNING_UNITS} * on (namespace, resource) "
        f"group_left () {USD_PER_UNIT_HOUR})"
    )
    mtok_per_hour = f"(avg_over_time({TOKENS}[1d]) * 3600 / 1e6 > 0)"
    return [
        Recording(USD_PER_HOUR, hourly),
        Recording(
            USD_PER_MTOK_DAY,
            f"avg_over_time({USD_PER_HOUR}[1d]) / on (namespace) {mtok_per_hour}",
        ),
    ]


_Key = tuple[str, str, float, tuple[str, ...]]


def _by_promise(found: list[Promise]) -> list[_Key]:
    """Promises of one kind and engine as one rule: name, metric, quantile, namespaces."""
    groups: dict[tuple[str, str, float], list[str]] = {}
    for one in found:
        groups.setdefault((one.name, one.metric, one.quantile), []).append(one.owner.name)
    return [(*key, tuple(names)) for key, names in groups.items()]


def _latency(name: str, metric: str, quantile: float, spaces: tuple[str, ...]) -> Recording:
    window = tables.settings()["promise_window"]
    place = f'{{namespace=~"{any_of(list(spaces))}"}}'
    rate = f"sum by (namespace, le) (rate({metric}_bucket{place}[{window}]))"
    return Recording(
        LATENCY_SEEN, f"histogram_quantile({quantile:g}, {rate})", (("promise", name),)
    )


def _pools(held: Holding) -> Recording:
    """What the nodes of each pool offer."""
    names = any_of([metric_label(name) for name in held.resources])
    pools = any_of([pool.name for pool in held.pools])
    label = POOL_NODE_LABEL
    nodes = f'max by (node, {label}) (kube_node_labels{{{label}=~"{pools}"}})'
    offered = (
        f'kube_node_status_capacity{{resource=~"{names}"}} * on (node) group_left ({label}) {nodes}'
    )
    named = f'label_replace({offered}, "pool", "$1", "{label}", "(.+)")'
    return Recording(POOL_SEEN, f"sum by (pool, resource) ({named})")
