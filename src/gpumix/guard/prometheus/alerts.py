"""Alerts: what is seen against the plan's figures, and series by which each fires or is quiet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gpumix.domain.defaults import IDLE_ENGINE_ACTIVE, IDLE_RUN_S
from gpumix.guard import quota, tables
from gpumix.guard.holding import Holding
from gpumix.guard.prometheus import seen, series
from gpumix.guard.prometheus.seen import POOL_NODE_LABEL, watched
from gpumix.guard.prometheus.series import Figure, Promise

PAGE: Final = "page"
TICKET: Final = "ticket"
VALUE: Final = '{{ printf "%.4g" $value }}'


@dataclass(frozen=True, slots=True)
class Input:
    """A series of a test: it begins at `start` and grows by `step` a minute."""

    labels: Mapping[str, str]
    start: float
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that a test expects: its labels, and its value where that is told."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert; `inputs` make it fire as `firing` says, `quiet` leave it alone after `at_min`
    minutes."""

    name: str
    expr: str
    hold: str
    severity: str
    summary: str
    description: str
    inputs: tuple[Input, ...]
    firing: tuple[Firing, ...]
    quiet: tuple[Input, ...]
    at_min: int


def alerts(held: Holding, planned: Sequence[Figure]) -> list[Alert]:
    """Every alert for the parts that the plan has."""
    by_name: dict[str, list[Figure]] = {}
    for one in planned:
        by_name.setdefault(one.name, []).append(one)
    found: list[Alert] = []
    if watched(held):
        found.append(_idle(held))
        if any(owner.engine for owner in watched(held)):
            found.append(_low_batch(held))
    if by_name.get(series.USD_PER_MTOK):
        found.append(_cost(held, by_name))
    if kept := series.promises(held)[0]:
        found.append(_promise(kept))
    found += _quota(by_name[series.QUOTA])
    if by_name.get(series.REPLICAS_PEAK):
        found.append(_replicas(by_name[series.REPLICAS_PEAK]))
    found += _pools(by_name)
    return found


def _gpu(metric: str, namespace: str, value: float) -> Input:
    return Input({"__name__": metric, "UUID": f"GPU-{namespace}", "namespace": namespace}, value)


def _idle(held: Holding) -> Alert:
    names = [owner.name for owner in watched(held)]
    metric = seen.DCGM[seen.ENGINE_ACTIVE]
    idle, busy = IDLE_ENGINE_ACTIVE / 5, 0.5
    minutes = IDLE_RUN_S // 60
    return Alert(
        "GpumixGpuIdle",
        f"{seen.ENGINE_ACTIVE} < {IDLE_ENGINE_ACTIVE:g}",
        f"{minutes}m",
        TICKET,
        "A GPU that {{ $labels.namespace }} holds does nothing",
        f"GPU {{{{ $labels.UUID }}}}: engine active {VALUE} (0-1) for an hour. Give it back, or "
        "declare it a standby.",
        tuple(_gpu(metric, name, idle) for name in names),
        tuple(Firing({"namespace": name, "UUID": f"GPU-{name}"}, idle) for name in names),
        tuple(_gpu(metric, name, busy) for name in names),
        minutes + 10,
    )


def _low_batch(held: Holding) -> Alert:
    rule = tables.low_batch()
    active, sm, running = seen.ENGINE_ACTIVE, seen.SM_ACTIVE, seen.REQUESTS_RUNNING
    same = "and on (namespace, UUID, GPU_I_ID)"
    expr = (
        f"avg_over_time({active}[1h]) > {rule['engine_above']:g} "
        f"{same} avg_over_time({sm}[1h]) < {rule['sm_below']:g} "
        f"and on (namespace) avg_over_time({running}[1h]) <= {rule['requests_at_most']:g}"
    )
    owners = [owner for owner in watched(held) if owner.engine]
    busy = (1 + rule["engine_above"]) / 2

    def inputs(requests: float) -> Iterator[Input]:
        for owner in owners:
            yield _gpu(seen.DCGM[active], owner.name, busy)
            yield _gpu(seen.DCGM[sm], owner.name, rule["sm_below"] / 2)
            metric = tables.engine_metrics()[owner.engine]["running"]
            yield Input({"__name__": metric, "namespace": owner.name}, requests)

    hours = int(rule["least_hours"])
    return Alert(
        "GpumixLowBatch",
        expr,
        f"{hours}h",
        TICKET,
        "{{ $labels.namespace }} computes in small batches",
        f"GPU {{{{ $labels.UUID }}}}: engine active {VALUE} (0-1), few multiprocessors, few "
        "requests at a time. Fewer replicas may keep the promises.",
        tuple(inputs(rule["requests_at_most"] / 2)),
        tuple(Firing({"namespace": o.name, "UUID": f"GPU-{o.name}"}, busy) for o in owners),
        tuple(inputs(rule["requests_at_most"] * 4)),
        60 * hours + 10,
    )


def _cost(held: Holding, by_name: Mapping[str, list[Figure]]) -> Alert:
    above = tables.number("cost_above_plan")
    planned = {one.labels["namespace"]: one.value for one in by_name[series.USD_PER_MTOK]}
    engines = {owner.name: owner.engine for owner in held.owners}
    prices: dict[str, tuple[str, float]] = {}
    for one in by_name[series.USD_PER_UNIT_HOUR]:
        prices.setdefault(one.labels["namespace"], (one.labels["resource"], one.value))

    def inputs(factor: float) -> Iterator[Input]:
        """One unit runs, and serves so many tokens that they cost `factor` times the plan's."""
        for space, usd_per_mtok in planned.items():
            resource, usd = prices[space]
            tokens_per_min = usd / (factor * usd_per_mtok) * 1e6 / 60
            yield from _pod(space, resource)
            metric = tables.engine_metrics()[engines[space]]["input_tokens"]
            yield Input({"__name__": metric, "namespace": space}, 0.0, tokens_per_min)

    return Alert(
        "GpumixCostAbovePlan",
        f"{seen.USD_PER_MTOK_DAY} > on (namespace) {above:g} * {series.USD_PER_MTOK}",
        "1h",
        TICKET,
        "A million tokens of {{ $labels.namespace }} cost more than planned",
        f"{VALUE} USD per million tokens over a day, more than {above:g} times the plan's.",
        tuple(inputs(2 * above)),
        tuple(Firing({"namespace": s}, 2 * above * usd) for s, usd in planned.items()),
        tuple(inputs(above / 2)),
        24 * 60 + 10,
    )


def _pod(namespace: str, resource: str, count: float = 1.0) -> list[Input]:
    pod = {"namespace": namespace, "pod": f"{namespace}-0"}
    asked = "kube_pod_container_resource_requests"
    return [
        Input({"__name__": asked, **pod, "container": "main", "resource": resource}, count),
        Input({"__name__": "kube_pod_status_phase", **pod, "phase": "Running"}, 1.0),
    ]


def _promise(promises: Sequence[Promise]) -> Alert:
    risk = tables.number("promise_at_risk")
    histograms: dict[tuple[str, str], list[Promise]] = {}
    for one in promises:
        histograms.setdefault((one.owner.name, one.metric), []).append(one)

    def inputs(late: bool) -> Iterator[Input]:
        """All requests between the highest limit and its double, or within half of the lowest."""
        for (space, metric), own in histograms.items():
            limits = [one.limit_s for one in own]
            edges = [(max(limits), 0), (2 * max(limits), 1)] if late else [(min(limits) / 2, 1)]
            for edge, is_in in [*((f"{edge:.9g}", is_in) for edge, is_in in edges), ("+Inf", 1)]:
                labels = {"namespace": space, "le": edge}
                yield Input({"__name__": f"{metric}_bucket", **labels}, 0.0, 60.0 * is_in)

    def firing() -> Iterator[Firing]:
        for own in histograms.values():
            for one in own:
                labels = {"namespace": one.owner.name, "promise": one.name}
                yield Firing(labels, (1 + one.quantile) * max(o.limit_s for o in own))

    return Alert(
        "GpumixPromiseAtRisk",
        f"{seen.LATENCY_SEEN} > on (namespace, promise) {risk:g} * {series.LATENCY}",
        tables.settings()["promise_for"],
        PAGE,
        "{{ $labels.namespace }} is about to break {{ $labels.promise }}",
        f"{VALUE} s, more than {risk:g} of what the plan promises. Start more replicas up to the "
        "plan's peak; if they run, the demand or the speed is not the plan's.",
        tuple(inputs(late=True)),
        tuple(firing()),
        tuple(inputs(late=False)),
        40,
    )


def _quota(planned: Sequence[Figure]) -> list[Alert]:
    own = {"resourcequota": quota.NAME, "type": "hard"}
    seen_quota = f'kube_resourcequota{{resourcequota="{quota.NAME}", type="hard"}}'
    same = "on (namespace, resource)"

    def inputs(change: int) -> tuple[Input, ...]:
        metric = {"__name__": "kube_resourcequota", **own}
        return tuple(Input({**metric, **one.labels}, one.value + change) for one in planned)

    firing = tuple(Firing(one.labels, one.value + 1) for one in planned)
    gone = tuple(Firing(one.labels, one.value) for one in planned)
    hold = tables.settings()["drift_for"]
    about = "{{ $labels.namespace }}, {{ $labels.resource }}"
    return [
        Alert(
            "GpumixQuotaDrift",
            f"{seen_quota} != {same} {series.QUOTA}",
            hold,
            TICKET,
            f"A quota is not the plan's: {about}",
            f"It is {VALUE}. Apply quota.yaml again, or plan again.",
            inputs(1),
            firing,
            inputs(0),
            45,
        ),
        Alert(
            "GpumixQuotaMissing",
            f"{series.QUOTA} unless {same} {seen_quota}",
            hold,
            TICKET,
            f"A quota of the plan is gone: {about}",
            f"The plan has {VALUE}. Apply quota.yaml.",
            (),
            gone,
            inputs(0),
            45,
        ),
    ]


def _replicas(planned: Sequence[Figure]) -> Alert:
    def inputs(change: int) -> tuple[Input, ...]:
        metric = {"__name__": "kube_deployment_spec_replicas"}
        return tuple(Input({**metric, **one.labels}, one.value + change) for one in planned)

    return Alert(
        "GpumixReplicasAbovePlan",
        "kube_deployment_spec_replicas > on (namespace, deployment) " + series.REPLICAS_PEAK,
        tables.settings()["drift_for"],
        TICKET,
        "{{ $labels.namespace }} runs more replicas of {{ $labels.deployment }} than planned",
        f"{VALUE} replicas are above the plan's peak.",
        inputs(1),
        tuple(Firing(one.labels, one.value + 1) for one in planned),
        inputs(0),
        45,
    )


def _pools(by_name: Mapping[str, list[Figure]]) -> Iterator[Alert]:
    hold = tables.settings()["drift_for"]
    same = "on (pool, resource)"
    about = "{{ $labels.pool }}, {{ $labels.resource }}"

    def inputs(planned: Sequence[Figure], change: int) -> tuple[Input, ...]:
        found = []
        for one in planned:
            pool, node = one.labels["pool"], f"node-{one.labels['pool']}"
            found.append(
                Input({"__name__": "kube_node_labels", "node": node, POOL_NODE_LABEL: pool}, 1)
            )
            offered = {"__name__": "kube_node_status_capacity", "node": node}
            count = one.value + change
            found.append(Input({**offered, "resource": one.labels["resource"]}, count))
        once = {tuple(sorted(one.labels.items())): one for one in found}
        return tuple(once.values())

    if held := by_name.get(series.POOL_HELD):
        yield Alert(
            "GpumixPoolDrift",
            f"{seen.POOL_SEEN} != {same} {series.POOL_HELD}",
            hold,
            TICKET,
            f"A committed pool is not the plan's: {about}",
            f"Its nodes offer {VALUE}. A node is gone, or carries no label.",
            inputs(held, -1),
            tuple(Firing(one.labels, one.value - 1) for one in held),
            inputs(held, 0),
            45,
        )
        yield Alert(
            "GpumixPoolMissing",
            f"{series.POOL_HELD} unless {same} {seen.POOL_SEEN}",
            hold,
            TICKET,
            f"No node of a committed pool is seen: {about}",
            f"The plan has {VALUE}. Nodes need the label, kube-state-metrics must show it.",
            (),
            tuple(Firing(one.labels, one.value) for one in held),
            inputs(held, 0),
            45,
        )
    if most := by_name.get(series.POOL_MOST):
        yield Alert(
            "GpumixPoolAbovePlan",
            f"{seen.POOL_SEEN} > {same} {series.POOL_MOST}",
            hold,
            TICKET,
            f"A pool by the hour is larger than planned: {about}",
            f"Its nodes offer {VALUE}.",
            inputs(most, 1),
            tuple(Firing(one.labels, one.value + 1) for one in most),
            inputs(most, 0),
            45,
        )
