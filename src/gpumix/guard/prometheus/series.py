"""The plan's own figures as series, so that alerts and charts can hold what is seen against them.

Each is a constant in a recording rule. Their labels are those of what is seen: namespace,
deployment, resource, promise, pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from gpumix.domain.guard import LeftOut
from gpumix.guard import tables
from gpumix.guard.holding import Holding, Owner, Pool, units
from gpumix.guard.replicas import scaled
from gpumix.units import SECONDS_PER_HOUR

REPLICAS_PEAK: Final = "gpumix:plan:replicas_peak"
REPLICAS_MEDIAN: Final = "gpumix:plan:replicas_median"
QUOTA: Final = "gpumix:plan:quota"
POOL_HELD: Final = "gpumix:plan:pool_held"
"""Of a committed pool: what must be there, in the first year."""
POOL_MOST: Final = "gpumix:plan:pool_most"
"""Of a pool by the hour: the most that may be there."""
TOKENS_PEAK: Final = "gpumix:plan:tokens_per_s_peak"
TOKENS_MEAN: Final = "gpumix:plan:tokens_per_s_mean"
USD_PER_MTOK: Final = "gpumix:plan:usd_per_mtok"
USD_PER_UNIT_HOUR: Final = "gpumix:plan:usd_per_unit_hour"
LATENCY: Final = "gpumix:plan:latency_s"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the plan as a series."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise of latency as an engine's histogram can tell it; `limit_s` without the way to the
    users, which the engine does not see."""

    owner: Owner
    name: str
    metric: str
    quantile: float
    limit_s: float


def metric_label(resource: str) -> str:
    """A resource as kube-state-metrics calls it.

    >>> metric_label("nvidia.com/mig-1g.10gb")
    'nvidia_com_mig_1g_10gb'
    """
    return re.sub(r"[^A-Za-z0-9_]", "_", resource)


def figures(held: Holding) -> list[Figure]:
    """Every figure of the plan that something is held against."""
    found = [
        *_replicas(held),
        *_quotas(held),
        *_pools(held),
        *_tokens(held),
        *_money(held),
    ]
    found += [
        Figure(LATENCY, _labels(namespace=one.owner.name, promise=one.name), one.limit_s)
        for one in promises(held)[0]
    ]
    return found


def _labels(**labels: str) -> Mapping[str, str]:
    return MappingProxyType(labels)


def _replicas(held: Holding) -> Iterator[Figure]:
    for one in scaled(held, "")[0]:
        labels = _labels(namespace=one.owner.name, deployment=one.launch.name)
        yield Figure(REPLICAS_PEAK, labels, one.most)
        yield Figure(REPLICAS_MEDIAN, labels, one.launch.median_replicas)


def _quotas(held: Holding) -> Iterator[Figure]:
    for owner in held.owners:
        for resource, count in held.needs(owner).items():
            labels = _labels(namespace=owner.name, resource=f"requests.{resource}")
            yield Figure(QUOTA, labels, count)


def _pools(held: Holding) -> Iterator[Figure]:
    for pool in held.pools:
        for resource, count in pool.capacity.items():
            labels = _labels(pool=pool.name, resource=metric_label(resource))
            if not pool.is_committed:
                yield Figure(POOL_MOST, labels, count)
            elif (first := _first_year(pool, resource)) > 0:
                yield Figure(POOL_HELD, labels, first)


def _first_year(pool: Pool, resource: str) -> int:
    """What of a committed pool is there in the first year; parts of GPUs as in all years."""
    line = pool.line
    whole = resource == tables.resource_name(pool.vendor)
    later = line.count - line.counts_by_year[0] if whole and line.counts_by_year else 0
    return pool.capacity[resource] - later * line.gpus_per_instance


def _tokens(held: Holding) -> Iterator[Figure]:
    for owner in held.owners:
        rate = tokens_per_s(owner)
        if owner.engine and rate.any():
            labels = _labels(namespace=owner.name)
            yield Figure(TOKENS_PEAK, labels, float(rate.max()))
            yield Figure(TOKENS_MEAN, labels, float(rate.mean()))


def tokens_per_s(owner: Owner) -> np.ndarray:
    """Tokens in and out that are asked of an owner, by hour of the first year's week [1/s]."""
    found = np.zeros(1)
    for one in owner.workloads:
        if one.demand is not None:
            each = one.demand.input.mean + one.demand.output.mean
            found = found + np.asarray(one.demand.units_per_hour) * each / SECONDS_PER_HOUR
    return found


def _money(held: Holding) -> Iterator[Figure]:
    by_id = {one.id: one for one in held.plan.workloads}
    for owner in held.owners:
        if not owner.engine:
            continue
        costs = [(by_id[one.id].usd_per_mtok_total, one) for one in owner.workloads]
        known = [(usd, tokens_per_s(_alone(owner, one.id)).mean()) for usd, one in costs if usd]
        total = sum(weight for _, weight in known)
        if not total or len(known) < len(costs):
            continue
        mean = sum(usd * weight for usd, weight in known if usd) / total
        yield Figure(USD_PER_MTOK, _labels(namespace=owner.name), float(mean))
        for resource, usd in unit_prices(held, owner).items():
            labels = _labels(namespace=owner.name, resource=metric_label(resource))
            yield Figure(USD_PER_UNIT_HOUR, labels, usd)


def _alone(owner: Owner, id: str) -> Owner:
    mine = tuple(one for one in owner.workloads if one.id == id)
    return Owner(owner.name, mine, owner.work_class, owner.launches)


def unit_prices(held: Holding, owner: Owner) -> dict[str, float]:
    """What an hour of each resource costs an owner: the mean of its pools, by the replicas that it
    runs in each over the week, or at its peak where it runs none [USD/hour]."""
    pools = {pool.line.resource: pool for pool in held.pools}
    sums: dict[str, list[tuple[float, float]]] = {}
    for launch in owner.launches:
        pool = pools[launch.resource]
        resource, count = units(launch, pool.vendor)
        mean = float(np.mean(launch.by_hour)) if launch.by_hour else 0.0
        weight = count * (mean or launch.peak_replicas * _RARE)
        sums.setdefault(resource, []).append((weight, _price_of(pool, resource)))
    return {
        resource: sum(w * usd for w, usd in parts) / sum(w for w, _ in parts)
        for resource, parts in sums.items()
    }


_RARE = 1e-6
"""Weight of replicas that the first year does not run: they count where nothing else does."""


def _price_of(pool: Pool, resource: str) -> float:
    """USD per hour of one of a resource: of a part of a GPU by its compute slices."""
    whole = tables.resource_name(pool.vendor)
    slices = sum(n * _slices(name) for name, n in pool.capacity.items() if name != whole)
    if resource == whole or not slices:
        return pool.line.usd_per_gpu_hour
    return pool.line.usd_per_gpu_hour * pool.cut_gpus * _slices(resource) / slices


def _slices(resource: str) -> int:
    found = re.search(r"mig-(\d+)g\.", resource)
    return int(found.group(1)) if found else 1


def promises(held: Holding) -> tuple[list[Promise], list[LeftOut]]:
    """Promises that an engine's histograms can tell, the tightest of each kind, and the others."""
    found: list[Promise] = []
    left_out: list[LeftOut] = []
    trips = {
        one.id: max((p.rtt_ms or 0.0) for p in one.placements) / 1e3 if one.placements else 0.0
        for one in held.plan.workloads
    }
    for owner in held.owners:
        limits: dict[str, Promise] = {}
        for workload in owner.workloads:
            for slo in workload.seen_from(trips.get(workload.id, 0.0)).slos:
                why = _why_no_promise(owner, slo.of_class)
                if why:
                    left_out.append(LeftOut("prometheus", f"{workload.id} {slo.name}", why))
                    continue
                metric = tables.engine_metrics()[owner.engine][slo.metric]
                one = Promise(owner, slo.key, metric, slo.quantile, slo.limit_s)
                known = limits.get(slo.key)
                if known is None or one.limit_s < known.limit_s:
                    limits[slo.key] = one
        found += limits.values()
        if owner.launches[0].is_job:
            why = "a job's end is in no metric of an engine: see its scheduler"
            left_out.append(LeftOut("prometheus", f"{owner.name} finish_within", why))
    return found, left_out


def _why_no_promise(owner: Owner, of_class: str) -> str:
    if not owner.engine:
        return "no histogram of its latency is known"
    if of_class:
        return f"engines do not tell requests of class {of_class} from others"
    return ""
