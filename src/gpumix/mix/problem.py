"""The mix problem as frozen records, and the names of its limits.

Numbers only: blocks of time, resources that can be had, workloads that must be served, and the
configs in which a resource serves a workload. The fields carry the names of the JSON form; units
of work are whatever the problem says in `units` (tokens, requests, steps), money is USD.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

TOLERANCE = 1e-8
"""Relative slack within which a limit counts as kept: rounding of sums, nothing else."""


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of the cycle; `hours` [h] long."""

    id: str
    hours: float


@dataclass(frozen=True, slots=True)
class Term:
    """A commitment that counts in some blocks, told by their indices.

    `cost` [USD] is of one instance for all of it, `capex` [USD] what it takes of the budget, `cash`
    [USD] what it takes of each of the problem's cash limits, below 0 where more comes in than goes
    out. One without blocks is a way to be rid of what must be taken: a server that is sold at once.
    """

    id: str
    blocks: tuple[int, ...]
    cost: float
    capex: float = 0.0
    cash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """GPUs that can be had in whole instances.

    `committed`: one count for the horizon, `fixed_cost` [USD] each plus `hourly_cost` [USD/h] for
    every hour. `hourly`: a count per block, `hourly_cost` while running; `fixed_cost` [USD],
    `capex` [USD] and `kw` [kW] of an hourly resource count nowhere. `quotas` names those of the
    problem's quotas that its instances count against.

    A committed resource with `terms` has a count per term, priced by the terms alone; in a block it
    has the sum of those that count there. `max_instances`, quotas and power bind in every block,
    `min_instances` binds the sum over all terms.
    """

    id: str
    gpu: str
    kind: str
    gpus_per_instance: int
    max_instances: int | None = None
    min_instances: int = 0
    fixed_cost: float = 0.0
    hourly_cost: float = 0.0
    capex: float = 0.0
    kw: float = 0.0
    site: str | None = None
    spot: bool = False
    quotas: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()

    @property
    def is_committed(self) -> bool:
        """Whether counts hold for the whole horizon, or for terms of it."""
        return self.kind == "committed"


@dataclass(frozen=True, slots=True)
class Shift:
    """A part of batch work that has hours of its own, such as what one night must do.

    At least `work` [units] are delivered per cycle in so many `hours` [h] of each block.
    """

    work: float
    hours: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """What must be served: a rate in every block (inference) or an amount per cycle (batch).

    `demand` [units/h] per block, or per request class and block. `work` [units] per cycle,
    delivered in the blocks of `window` (None = all), and so that every one of its `shifts` holds;
    `delay_cost` [USD/h] of unfinished work. With
    `n_plus_one` demand is met without what a lost instance stops: of each config apart, or of all
    that it can hold (`lost_together`).
    """

    id: str
    kind: str
    demand: tuple[float, ...] | Mapping[str, tuple[float, ...]] = ()
    n_plus_one: bool = False
    lost_together: bool = False
    max_spot_share: float | None = None
    work: float = 0.0
    window: tuple[int, ...] | None = None
    delay_cost: float = 0.0
    shifts: tuple[Shift, ...] = ()

    @property
    def is_batch(self) -> bool:
        """Whether the workload is an amount of work and not a rate."""
        return self.kind == "batch"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the request classes; empty where demand is one number per block."""
        return () if isinstance(self.demand, tuple) else tuple(self.demand)

    def class_demand(self, block: int) -> Mapping[str, float]:
        """Demand [units/h] of each class in a block; the class of an unclassed workload is ''."""
        if isinstance(self.demand, tuple):
            return {"": self.demand[block]}
        return {name: series[block] for name, series in self.demand.items()}

    def total_demand(self, block: int) -> float:
        """Demand [units/h] of all classes in a block; 0 for batch."""
        if self.is_batch:
            return 0.0
        if isinstance(self.demand, tuple):
            return self.demand[block]
        return math.fsum(self.class_demand(block).values())

    def counts_in(self, block: int) -> bool:
        """Whether units delivered in the block count."""
        return self.window is None or block in self.window

    def most_share(self, block: int, hours: float) -> float:
        """The most of the work that a block of so many hours [h] need deliver, as a share of it:
        all, or more where the hours that a shift has in it must do all of that shift."""
        needed = [
            s.work * hours / (s.hours[block] * self.work) for s in self.shifts if s.hours[block]
        ]
        return max([1.0, *needed])


@dataclass(frozen=True, slots=True)
class Config:
    """One way a resource serves a workload: a replica of `gpus` GPUs delivers `rate` [units/h].

    `var_cost` [USD] per replica-hour, of which `unpaid` is the worth of something else than cash.
    With request classes, `rate` holds for each class the units/h
    of a replica that serves that class alone. One that takes a `slice` of a GPU has `gpus` 0. One
    without a workload is a way to cut `gpus` GPUs: into so many slices of each name in `cut`.
    """

    workload: str
    resource: str
    gpus: int
    rate: float | Mapping[str, float]
    var_cost: float = 0.0
    max_replicas: int | None = None
    slice: str = ""
    cut: Mapping[str, int] = field(default_factory=dict)
    unpaid: float = 0.0

    @property
    def class_rate(self) -> Mapping[str, float]:
        """Positive rates [units/h] by class; the class of an unclassed workload is ''."""
        if isinstance(self.rate, float | int):  # an abstract type takes longer to tell
            return {"": self.rate} if self.rate > 0.0 else {}
        return {name: rate for name, rate in self.rate.items() if rate > 0.0}

    @property
    def plain_rate(self) -> float:
        """Rate [units/h] of a config without classes."""
        return self.rate if isinstance(self.rate, float | int) else 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Resources that are counted as one: of a provider, of a GPU type, of a line.

    It is used if any instance of its resources is held or runs in any block; `fixed_cost` [USD] is
    paid once if so, and takes `capex` [USD] of the budget and `cash` [USD] of each of the problem's
    cash limits. `kind` is what `Problem.most` counts.
    """

    id: str
    resources: tuple[str, ...]
    fixed_cost: float = 0.0
    kind: str = ""
    cash: tuple[float, ...] = ()
    capex: float = 0.0


@dataclass(frozen=True, slots=True)
class CashLimit:
    """The most that may be paid in a stretch of time, such as a year: `most` [USD].

    What hourly resources and replicas cost in each block takes the share `of_block` of it (above 1
    where costs are present costs), terms and groups take their own `cash`.
    """

    id: str
    most: float
    of_block: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A whole mix problem; its cycle of blocks happens `repeat` times over the horizon.

    `quotas` holds by name the most instances that all resources under it may have together, in
    every block; `most` by kind how many groups may be used.
    """

    name: str
    units: str
    repeat: float
    blocks: tuple[Block, ...]
    resources: tuple[Resource, ...]
    workloads: tuple[Workload, ...]
    configs: tuple[Config, ...]
    capex_budget: float | None = None
    site_kw: Mapping[str, float] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)
    cash: tuple[CashLimit, ...] = ()

    @property
    def cycle_hours(self) -> float:
        """Length of one cycle [h]."""
        return math.fsum(block.hours for block in self.blocks)

    @property
    def resource_by_id(self) -> dict[str, Resource]:
        """Resources by their ids."""
        return {resource.id: resource for resource in self.resources}

    @property
    def workload_by_id(self) -> dict[str, Workload]:
        """Workloads by their ids."""
        return {workload.id: workload for workload in self.workloads}

    @property
    def has_classes(self) -> bool:
        """Whether any workload has request classes."""
        return any(workload.classes for workload in self.workloads)


def instance_cost(problem: Problem, resource: Resource, block: int | None = None) -> float:
    """Cost of one instance [USD over the horizon]: committed, or hourly in one block.

    Formula: fixed_cost + hourly_cost x repeat x cycle hours; or hourly_cost x repeat x hours.
    """
    if block is None:
        return resource.fixed_cost + resource.hourly_cost * problem.repeat * problem.cycle_hours
    return resource.hourly_cost * problem.repeat * problem.blocks[block].hours


def slices_per_gpu(problem: Problem) -> dict[tuple[str, str], int]:
    """(resource, slice) -> the most of these slices that a GPU of the resource can be cut into."""
    most: dict[tuple[str, str], int] = {}
    for config in problem.configs:
        for name, count in config.cut.items():
            key = (config.resource, name)
            most[key] = max(most.get(key, 0), -(-count // config.gpus))
    return most


def replicas_lost(problem: Problem) -> tuple[float, ...]:
    """Replicas of each config that stop, at the most, when one instance of its resource is lost.

    Of a workload with `lost_together`, what its GPUs amount to, be it a fraction: then no configs
    that share an instance deliver more from it than the best of them would alone.
    """
    resources, workloads = problem.resource_by_id, problem.workload_by_id
    per_gpu, filled = slices_per_gpu(problem), _filled(problem)
    out = []
    for config in problem.configs:
        gpus = resources[config.resource].gpus_per_instance
        together = not config.cut and workloads[config.workload].lost_together
        if config.slice:
            lost = float(gpus * per_gpu[config.resource, config.slice])
            lost *= filled[config.resource] if together else 1.0
        elif together:  # a gang may share the last of its instances
            lost = gpus / (config.gpus % gpus or gpus)
        else:
            lost = float(max(gpus // config.gpus, 1))
        out.append(lost)
    return tuple(out)


def _filled(problem: Problem) -> dict[str, float]:
    """GPUs that the slices of one GPU of a resource add up to at the most, each counted as its
    least part of one: 4/7 + 1/2 where it can be cut into 7 small, 2 large, or 4 and 1."""
    per_gpu = slices_per_gpu(problem)
    taken = {(c.resource, c.slice) for c in problem.configs if c.class_rate}
    filled: dict[str, float] = {}
    for config in problem.configs:
        parts = math.fsum(
            count / config.gpus / per_gpu[config.resource, name]
            for name, count in config.cut.items()
            if (config.resource, name) in taken
        )
        filled[config.resource] = max(filled.get(config.resource, 1.0), parts)
    return filled


def limits(problem: Problem) -> tuple[str, ...]:
    """Names of all limits a plan must keep, the weightiest first.

    The order says which limits a conflict should rather be told in: what is asked for, then what
    is promised about it, then what the site, the budget and the market allow.
    """
    asked = [
        f"work:{w.id}" if w.is_batch else f"demand:{w.id}"
        for w in problem.workloads
        if w.work > 0.0 or any(w.total_demand(p) > 0.0 for p in range(len(problem.blocks)))
    ]
    promised = [f"n_plus_one:{w.id}" for w in problem.workloads if w.n_plus_one]
    shares = [f"max_spot_share:{w.id}" for w in problem.workloads if w.max_spot_share is not None]
    sites = [f"site_kw:{site}" for site in problem.site_kw]
    budget = ["capex_budget"] if problem.capex_budget is not None else []
    budget += [f"cash:{limit.id}" for limit in problem.cash]
    quotas = [f"quota:{name}" for name in problem.quotas]
    groups = [f"most:{kind}" for kind in problem.most]
    most = [f"max_instances:{r.id}" for r in problem.resources if r.max_instances is not None]
    least = [f"min_instances:{r.id}" for r in problem.resources if r.min_instances > 0]
    replicas = dict.fromkeys(
        f"max_replicas:{c.workload}/{c.resource}"
        for c in problem.configs
        if c.max_replicas is not None
    )
    return (*asked, *promised, *shares, *sites, *budget, *groups, *quotas, *most, *least, *replicas)
