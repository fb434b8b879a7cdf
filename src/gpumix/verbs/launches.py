"""A plan's placements as what is started: `Launch` records for `export`, `guard` and `drift`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpumix.domain.launch import LONGEST_LAUNCH, EngineFlags, Launch, dns_label
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import MixLine, Placement, Plan, WorkloadPlan
from gpumix.domain.proof import PlannedHours, PlannedReplicas
from gpumix.domain.workload import Tier, Workload
from gpumix.errors import InputError, Problem
from gpumix.options.option import Option
from gpumix.options.sharing import members_of, summed, together
from gpumix.serving.traffic import lengths
from gpumix.simulate.planned import options_in
from gpumix.units import HOURS_PER_WEEK
from gpumix.verbs.plan import PLAN, open_made

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

_LONGEST = np.array([0.999])
"""Quantile of prompts and of answers that a replica must be able to hold together."""

Layout = tuple[str, int, str, str]
"""GPU, tensor parallelism, precision and slice."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """A plan.json with what it starts and the catalogue it was read with; `path` is its file."""

    path: Path
    plan: Plan
    catalog: Catalog
    launches: tuple[Launch, ...]


def read_launches(path: Path) -> ReadPlan:
    """A plan.json, or the folder of one, and what it starts.

    Raises: InputError where it is no plan, or of other data than today's.
    """
    plan, opened = open_made(path)
    file = path / PLAN if path.is_dir() else path
    return ReadPlan(file, plan, opened.catalog, launches(plan, opened.catalog))


def launches(plan: Plan, catalog: Catalog) -> tuple[Launch, ...]:
    """Everything that a plan starts in its first year, once each: shared replicas too.

    Raises: InputError for a plan without its inventory, or of other data than the catalogue's.
    """
    if plan.inventory is None:
        raise InputError(Problem("plan", "carries no inventory", "plan it again"))
    by_id = {w.id: w for w in plan.inventory.workloads}
    groups = together(plan.inventory)[1]
    lines = {line.resource: line for line in plan.mix}
    own_models = {model.id for model in plan.inventory.own_models}
    names: set[str] = set()
    met: set[tuple[object, ...]] = set()
    found = []
    for planned in plan.workloads:
        workload = by_id[planned.id]
        first = [one for one in planned.planned_hours if one.year == 0]
        whole = replace(summed(members_of(workload, groups)), id=workload.id)
        options = options_in(first, whole, catalog) if first else {}
        hours = _by_placement(plan, planned, first)
        for placement, replicas in zip(planned.placements, hours, strict=True):
            members = (planned.id, *placement.shared_with)
            key = (frozenset(members), placement.resource, *_layout(placement))
            if key in met or placement.resource not in lines:
                continue  # met with another workload of the group, or done by an API
            met.add(key)
            one = _launch(
                dns_label(f"{planned.id}-{placement.gpu}", names, LONGEST_LAUNCH),
                [by_id[id] for id in members],
                placement,
                replicas,
                _option_of(placement, options),
                catalog,
            )
            found.append(
                replace(
                    _on_line(one, lines[placement.resource]), is_own_model=one.model in own_models
                )
            )
    return tuple(found)


def _launch(
    name: str,
    members: Sequence[Workload],
    placement: Placement,
    by_hour: Sequence[int],
    option: Option | None,
    catalog: Catalog,
) -> Launch:
    workload = members[0]
    premium = any(one.tier is Tier.PREMIUM for one in members)
    return Launch(
        name=name,
        workloads=tuple(one.id for one in members),
        kind=workload.kind,
        tier=Tier.PREMIUM if premium else Tier.STANDARD,
        model=workload.model,
        engine=workload.engine,
        resource=placement.resource,
        gpu=placement.gpu,
        gpus=placement.gpus,
        tp=placement.tp,
        slice=placement.slice,
        precision=placement.precision,
        kv_precision=workload.kv_precision,
        units_per_hour=placement.units_per_hour,
        batch=placement.batch,
        by_hour=tuple(by_hour),
        least_replicas=min(by_hour, default=0),
        median_replicas=int(np.median(by_hour)) if len(by_hour) else 0,
        peak_replicas=placement.peak_replicas,
        flags=_flags(members, option, catalog),
        adapters=workload.adapters,
        share=placement.share,
        note=placement.note,
        waits=workload.is_deferrable,
        as_published=_is_published(workload.model, placement.precision, catalog),
        run=workload.run,
    )


def _on_line(one: Launch, line: MixLine) -> Launch:
    """With the line of the mix that it runs on; a job runs as often at a time as fits there."""
    instances = line.counts_by_year[0] if line.counts_by_year else line.count
    gpus = instances * line.gpus_per_instance
    peak = max(min(one.peak_replicas, gpus // one.gpus), 1) if one.is_job else one.peak_replicas
    return replace(
        one,
        peak_replicas=peak,
        purchase=line.purchase,
        provider=line.provider,
        region=line.region,
        instance=line.instance,
        gpus_per_instance=line.gpus_per_instance,
        line_gpus=gpus,
    )


def _is_published(model: str, precision: str, catalog: Catalog) -> bool:
    return model in catalog.models and catalog.models[model].precision == precision


def _flags(
    members: Sequence[Workload], option: Option | None, catalog: Catalog
) -> EngineFlags | None:
    """The settings that the plan's replicas were predicted with."""
    if option is None or option.replica is None:
        return None
    dep, row = option.replica.dep, option.replica.row
    demands = [one.demand for one in members if one.demand is not None]
    longest = max(
        float(sum(lengths(sizes, _LONGEST, least=1)[0] for sizes in (d.input, d.output)))
        for d in demands
    )
    context = catalog.models[members[0].model].context
    return EngineFlags(
        max_num_seqs=int(dep.max_sequences[row]),
        max_model_len=min(_up_to_power(longest), context or _up_to_power(longest)),
        chunk_tokens=int(dep.chunk_tokens[row]),
        memory_share=round(float(dep.memory_share[row]), 3),
        prefix_caching=any(d.prefix_share > 0.0 for d in demands),
    )


def _up_to_power(tokens: float) -> int:
    """The least power of two that holds these tokens."""
    return int(2 ** math.ceil(math.log2(max(tokens, 1.0))))


def _layout(one: Placement | PlannedReplicas) -> Layout:
    return one.gpu, one.tp, one.precision, one.slice


def _option_of(placement: Placement, options: Mapping[PlannedReplicas, Option]) -> Option | None:
    fitting = (o for one, o in options.items() if _layout(one) == _layout(placement))
    return next(fitting, None)


def _by_placement(
    plan: Plan, planned: WorkloadPlan, first: Sequence[PlannedHours]
) -> list[list[int]]:
    """Replicas of each placement by hour of the week: what is committed runs before what is rented
    by the hour, and that before spot."""
    totals: dict[Layout, list[int]] = {}
    for part in first:
        for one in part.running:
            hours = totals.setdefault(_layout(one), [0] * int(HOURS_PER_WEEK))
            for hour in part.hours:
                hours[hour] = max(hours[hour], one.replicas)
    lines = {line.resource: line for line in plan.mix}
    ranks = [
        _rank(lines[p.resource].purchase) if p.resource in lines else 0 for p in planned.placements
    ]
    found: list[list[int]] = [[] for _ in ranks]
    left = {layout: list(hours) for layout, hours in totals.items()}
    for i in sorted(range(len(ranks)), key=lambda i: ranks[i]):
        placement = planned.placements[i]
        open_hours = left.get(_layout(placement))
        if open_hours is None:
            continue
        found[i] = [min(count, placement.peak_replicas) for count in open_hours]
        left[_layout(placement)] = [a - b for a, b in zip(open_hours, found[i], strict=True)]
    return found


def _rank(purchase: str) -> int:
    return {Purchase.ON_DEMAND.value: 1, Purchase.SPOT.value: 2}.get(purchase, 0)
