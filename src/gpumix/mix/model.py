"""The mix problem as a mixed-integer linear program.

Columns, for pools q of resources r, configs c, blocks p, workloads w and request classes k:

    z_cp  replicas of a pool's config              n_r, u_rp  instances, committed or per block
    g     1 if a group is used
    f_ckp share of class k's demand served by c    e_wp       1 if w's work is unfinished at p

Rows are divided by what they must reach (the demand, the work, the limit), so that one tolerance
means the same everywhere, and coefficients of covering rows are cut at 1: a replica that alone
delivers twice the demand covers it no better than one that delivers it exactly. Every column gets
the upper bound that some cheapest plan keeps, whether or not the problem names a limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gpumix.mix.cash import cash_rows, costs_by_block
from gpumix.mix.commitments import Commitments, commitments, limit_rows, sums, used_rows
from gpumix.mix.linear import Linear, Term
from gpumix.mix.pool import Pool
from gpumix.mix.problem import (
    Config,
    Problem,
    Resource,
    Workload,
    instance_cost,
    replicas_lost,
    slices_per_gpu,
)
from gpumix.mix.survive import Held, survive_rows

Column = tuple[int, ...]
"""Column numbers by block (a count that holds in several blocks is the same column in them)."""


COUNTED = ("quota:", "most:", "max_instances:", "min_instances:", "max_replicas:")
"""Beginnings of the names of limits in whole numbers."""


@dataclass(slots=True)
class Way:
    """A pool's config in the program: replica columns, their bounds, served shares by class.

    `per_gpu` of its slice are on one GPU at the most; 0 where it takes none. `lost` replicas stop,
    at the most, with one instance.
    """

    pool: int
    config: Config
    resource: Resource
    columns: Column
    highest: tuple[int, ...]
    per_gpu: int
    lost: float
    served: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def gpus(self) -> float:
        """GPUs that a replica takes: of a slice its least part of one."""
        return 1.0 / self.per_gpu if self.config.slice else float(self.config.gpus)


@dataclass(slots=True)
class Model:
    """A problem's program and where its parts are.

    `ways` follow the pools and their configs in order, `instances` the problem's resources,
    `committed` (columns) its commitments. Rows:
    of a pool's GPUs by (pool, block), of unclassed demand by (workload, block), of all the work, of
    its shifts, of quotas.
    `dropped` limits are not in force; the `relaxed` ones share the column `slack`.
    """

    problem: Problem
    pools: tuple[Pool, ...]
    dropped: frozenset[str]
    relaxed: frozenset[str]
    had: Commitments
    linear: Linear = field(default_factory=Linear)
    ways: list[Way] = field(default_factory=list)
    ways_by_workload: dict[str, list[Way]] = field(default_factory=dict)
    instances: list[Column] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    capacity_rows: dict[tuple[int, int], int] = field(default_factory=dict)
    demand_rows: dict[tuple[str, int], int] = field(default_factory=dict)
    work_rows: dict[str, int] = field(default_factory=dict)
    shift_rows: list[int] = field(default_factory=list)
    quota_rows: list[int] = field(default_factory=list)
    slack: int = -1

    def holds(self, limit: str) -> bool:
        """Whether a limit is in force, be it with slack."""
        return limit not in self.dropped

    def bounds(self, limit: str) -> bool:
        """Whether a limit is in force and without slack, so that it can bound a column."""
        return limit not in self.dropped and limit not in self.relaxed

    def slack_term(self, limit: str, sign: float = 1.0) -> list[Term]:
        """The term sign x slack in the rows of a relaxed limit, none in others."""
        return [(self.slack, sign)] if limit in self.relaxed else []

    def ways_of(self, workload: Workload) -> list[Way]:
        """The ways to serve a workload."""
        return self.ways_by_workload.get(workload.id, [])


def build(
    problem: Problem,
    pools: Sequence[Pool],
    *,
    dropped: Iterable[str] = (),
    relaxed: Iterable[str] = (),
) -> Model:
    """The program of a problem.

    Args:
        problem: what to solve.
        pools: how its resources share replica counts.
        dropped: names of limits to leave out.
        relaxed: names of limits of one measure that may be broken, all by as much; the program
            then minimises by how much (a share of the demand or work, kW, USD, instances,
            replicas) and no cost counts.
    """
    named = frozenset(relaxed)
    model = Model(problem, tuple(pools), frozenset(dropped), named, commitments(problem))
    if model.relaxed:
        share = all(limit.startswith(("demand:", "work:")) for limit in model.relaxed)
        whole = all(limit.startswith(COUNTED) for limit in model.relaxed)
        model.slack = model.linear.column(1.0, 1.0 if share else math.inf, integer=whole)
    _add_replicas(model)
    _add_instances(model)
    _add_groups(model)
    for workload in problem.workloads:
        if workload.is_batch:
            _add_work(model, workload)
        else:
            for p in range(len(problem.blocks)):
                _add_demand(model, workload, p)
    _add_capacity(model)
    limit_rows(model.linear, model.had, model.committed, model.slack_term, model.holds)
    _add_quotas(model)
    if problem.cash:
        costs = costs_by_block(
            problem, model.instances, [(w.config, w.columns) for w in model.ways]
        )
        cash_rows(model.linear, model.had, model.committed, costs, model.slack_term, model.holds)
    if model.relaxed:
        cost = model.linear.cost
        cost[:] = [float(column == model.slack) for column in range(len(cost))]
    return model


def _add_replicas(model: Model) -> None:
    """z columns: at most what the workload alone could use, max_replicas, or the pool's GPUs."""
    problem, per_gpu = model.problem, slices_per_gpu(model.problem)
    lost, workloads = replicas_lost(problem), problem.workload_by_id
    for q, pool in enumerate(model.pools):
        most_gpus = _most_gpus(model, pool)
        ways = []
        for members in pool.configs:
            config = problem.configs[members[0]]
            per = per_gpu.get((config.resource, config.slice), 0)
            resource = problem.resources[pool.resources[0]]
            way = Way(q, config, resource, (), (), per, lost[members[0]])
            if not config.cut:
                way.highest = _highest(model, workloads[config.workload], way, most_gpus)
            ways.append(way)
        for way in ways:
            if way.config.cut:
                way.highest = tuple(
                    _most_cut(way, ways, most_gpus, p) for p in range(len(problem.blocks))
                )
            _add_columns(model, way)
        model.ways += ways
        for way in ways:
            model.ways_by_workload.setdefault(way.config.workload, []).append(way)


def _highest(model: Model, workload: Workload, way: Way, most_gpus: float) -> tuple[int, ...]:
    """The most replicas of a config, by block."""
    config = way.config
    cap = most_gpus * way.per_gpu if config.slice else most_gpus / config.gpus
    limit = f"max_replicas:{config.workload}/{config.resource}"
    if config.max_replicas is not None and model.bounds(limit):
        cap = min(cap, config.max_replicas)
    return tuple(int(min(cap, n)) for n in _usable(model, workload, way))


def _most_cut(cut: Way, ways: Sequence[Way], most_gpus: float, block: int) -> int:
    """The most GPUs that are cut in a way: one for each replica that takes a slice."""
    takers = sum(way.highest[block] for way in ways if way.config.slice in cut.config.cut)
    return int(min(most_gpus / cut.config.gpus, takers))


def _add_columns(model: Model, way: Way) -> None:
    problem, config = model.problem, way.config
    costs = [config.var_cost * problem.repeat * b.hours for b in problem.blocks]
    way.columns = model.linear.columns(costs, way.highest)
    limit = f"max_replicas:{config.workload}/{config.resource}"
    if config.max_replicas is not None and limit in model.relaxed:
        for z in way.columns:
            model.linear.row([(z, 1.0), (model.slack, -1.0)], upper=config.max_replicas)


def _most_gpus(model: Model, pool: Pool) -> float:
    members = [model.problem.resources[r] for r in pool.resources]
    return math.fsum(
        r.gpus_per_instance * r.max_instances
        if r.max_instances is not None and model.bounds(f"max_instances:{r.id}")
        else math.inf
        for r in members
    )


def _usable(model: Model, workload: Workload, way: Way) -> list[int]:
    """The most replicas of a config that a cheapest plan can need, by block.

    As many as deliver all of the demand (or work) by themselves; with n_plus_one, what may be lost
    on top. More could be taken away without breaking any limit.
    """
    rates, blocks = way.config.class_rate, model.problem.blocks
    limit = f"work:{workload.id}" if workload.is_batch else f"demand:{workload.id}"
    if not rates or not model.holds(limit):
        return [0] * len(blocks)
    if workload.is_batch:
        counted = range(len(blocks)) if workload.window is None else set(workload.window)
        return [
            math.ceil(
                workload.work
                * workload.most_share(p, block.hours)
                / (way.config.plain_rate * block.hours)
            )
            if p in counted
            else 0
            for p, block in enumerate(blocks)
        ]
    alone = [
        math.ceil(math.fsum(demand[name] / rate for name, rate in rates.items()))
        for demand in (workload.class_demand(p) for p in range(len(blocks)))
    ]
    spare = workload.n_plus_one and model.holds(f"n_plus_one:{workload.id}")
    lost = math.ceil(way.lost) if spare else 0
    return [n + lost if n > 0 else 0 for n in alone]


def _add_instances(model: Model) -> None:
    """n and u columns: between min_instances and max_instances or what all replicas could use."""
    problem, blocks = model.problem, range(len(model.problem.blocks))
    gpus = [[0] * len(blocks) for _ in model.pools]
    for way in model.ways:
        for p in blocks:
            gpus[way.pool][p] += way.config.gpus * way.highest[p]
    pool_of = {r: q for q, pool in enumerate(model.pools) for r in pool.resources}
    for i, resource in enumerate(problem.resources):
        need = [-(-total // resource.gpus_per_instance) for total in gpus[pool_of[i]]]
        if resource.is_committed:
            model.instances.append(_committed(model, resource, need))
        else:
            model.instances.append(
                tuple(
                    _hourly(model, resource, instance_cost(problem, resource, p), need[p])
                    for p in blocks
                )
            )


def _add_groups(model: Model) -> None:
    """Columns of the groups, and hourly instances that run only where theirs are used."""
    for group in model.had.groups:
        must = any(model.bounds(f"min_instances:{r.id}") for r in model.had.always_run(group))
        model.committed.append(model.linear.column(group.fixed_cost, 1.0, float(must)))
    for resource, columns in zip(model.problem.resources, model.instances, strict=True):
        if not resource.is_committed:
            for column in columns:
                used_rows(model.linear, model.had, model.committed, resource, column)


def _committed(model: Model, resource: Resource, need: Sequence[int]) -> Column:
    """Columns of a resource's commitments, each at most what its blocks need or must be taken."""
    had = model.had
    i = had.resources.index(resource)
    for k in had.members[i]:
        blocks = had.terms[k].blocks
        lower, upper = _bounds(model, resource, max((need[p] for p in blocks), default=0))
        if not blocks:
            upper = resource.min_instances
        if len(had.members[i]) > 1:
            lower = 0
        model.committed.append(model.linear.column(float(had.cost[k]), upper, lower))
    return sums(model.linear, had, model.committed, i)


def _hourly(model: Model, resource: Resource, cost: float, need: int) -> int:
    most, least = f"max_instances:{resource.id}", f"min_instances:{resource.id}"
    lower, upper = _bounds(model, resource, need)
    column = model.linear.column(cost, upper, lower)
    if least in model.relaxed:
        model.linear.row([(column, 1.0), (model.slack, 1.0)], lower=resource.min_instances)
    if most in model.relaxed and resource.max_instances is not None:
        model.linear.row([(column, 1.0), (model.slack, -1.0)], upper=resource.max_instances)
    return column


def _bounds(model: Model, resource: Resource, need: int) -> tuple[int, float]:
    """Of a column of instances of which so many could be used."""
    lower = resource.min_instances if model.bounds(f"min_instances:{resource.id}") else 0
    upper: float = max(need, resource.min_instances)
    if resource.max_instances is not None and model.bounds(f"max_instances:{resource.id}"):
        upper = min(upper, resource.max_instances)
    return lower, upper


def _add_demand(model: Model, workload: Workload, block: int) -> None:
    """Rows of one inference workload in one block."""
    limit = f"demand:{workload.id}"
    demand = workload.total_demand(block)
    if demand <= 0.0 or not model.holds(limit):
        return
    ways = model.ways_of(workload)
    slack = model.slack_term(limit)
    if workload.classes:
        _add_classes(model, workload, ways, block)
        return
    delivered = [(way.columns[block], way.config.plain_rate / demand) for way in ways]
    model.demand_rows[workload.id, block] = model.linear.rows
    model.linear.row([*_covering(delivered), *slack], lower=1.0)
    if workload.n_plus_one and model.holds(f"n_plus_one:{workload.id}"):
        survive_rows(model.linear, _stops(workload, ways, delivered, block), slack)
    share = workload.max_spot_share
    if share is not None and model.holds(f"max_spot_share:{workload.id}"):
        model.linear.row(
            [
                (z, rate * (1.0 - share if way.resource.spot else -share))
                for way, (z, rate) in zip(ways, delivered, strict=True)
            ],
            upper=0.0,
        )


def _add_classes(model: Model, workload: Workload, ways: Sequence[Way], block: int) -> None:
    """The router: sum_c f_ck = 1 for each class, sum_k f_ck d_k / rate_ck <= z_c for each c."""
    demand = {name: d for name, d in workload.class_demand(block).items() if d > 0.0}
    for way in ways:
        busy = [(way.columns[block], -1.0)]
        for name, rate in way.config.class_rate.items():
            if name in demand:
                f = model.linear.column(0.0, 1.0, integer=False)
                way.served[name, block] = f
                busy.append((f, demand[name] / rate))
        model.linear.row(busy, upper=0.0)
    for name in demand:
        shares = [(way.served[name, block], 1.0) for way in ways if (name, block) in way.served]
        slack = model.slack_term(f"demand:{workload.id}")
        model.linear.row([*shares, *slack], lower=1.0, upper=1.0)
    share = workload.max_spot_share
    if share is not None and model.holds(f"max_spot_share:{workload.id}"):
        total = math.fsum(demand.values())
        spot = [
            (f, demand[name] / total)
            for way in ways
            if way.resource.spot
            for (name, p), f in way.served.items()
            if p == block
        ]
        model.linear.row([*spot, *model.slack_term(f"demand:{workload.id}", share)], upper=share)


def _stops(
    workload: Workload, ways: Sequence[Way], delivered: Sequence[Term], block: int
) -> list[list[Held]]:
    """Replicas in a block, by what stops together when an instance is lost."""
    stops: dict[str | int, list[Held]] = {}
    for way, (z, share) in zip(ways, delivered, strict=True):
        key = way.resource.id if workload.lost_together else z
        stops.setdefault(key, []).append(Held(z, share, way.highest[block], way.lost))
    return list(stops.values())


def _add_work(model: Model, workload: Workload) -> None:
    """Rows of one batch workload: the work of a cycle, that of its shifts, and whether it is
    unfinished at each block.

    e_p = 1 unless the window's blocks before p deliver the work: delivered(before p) + e_p >= 1.
    Shares of work with shifts are not cut at 1: what a block delivers counts in several of them.
    """
    limit = f"work:{workload.id}"
    if workload.work <= 0.0 or not model.holds(limit):
        return
    problem, slack = model.problem, model.slack_term(limit)
    done: list[Term] = []
    for p, block in enumerate(problem.blocks):
        if workload.delay_cost > 0.0:
            cost = workload.delay_cost * block.hours * problem.repeat
            unfinished = model.linear.column(cost, 1.0)
            model.linear.row([*done, (unfinished, 1.0), *slack], lower=1.0)
        if workload.counts_in(p):
            delivered = [
                (way.columns[p], way.config.plain_rate * block.hours / workload.work)
                for way in model.ways_of(workload)
            ]
            done += delivered if workload.shifts else _covering(delivered)
    model.work_rows[workload.id] = model.linear.rows
    model.linear.row([*done, *slack], lower=1.0)
    for shift in workload.shifts:
        own = [
            (way.columns[p], way.config.plain_rate * hours / shift.work)
            for p, hours in enumerate(shift.hours)
            if hours and workload.counts_in(p)
            for way in model.ways_of(workload)
        ]
        model.shift_rows.append(model.linear.rows)
        model.linear.row([*_covering(own), *slack], lower=1.0)


def _add_capacity(model: Model) -> None:
    """GPUs of a pool: sum gpus z <= sum gpus_per_instance x instances, in every block."""
    resources = model.problem.resources
    ways_of: list[list[Way]] = [[] for _ in model.pools]
    for way in model.ways:
        ways_of[way.pool].append(way)
    for q, (pool, ways) in enumerate(zip(model.pools, ways_of, strict=True)):
        for p in range(len(model.problem.blocks)):
            used = [
                (way.columns[p], float(way.config.gpus))
                for way in ways
                if way.highest[p] and way.config.gpus
            ]
            had = [
                (model.instances[r][p], -float(resources[r].gpus_per_instance))
                for r in pool.resources
            ]
            if used:
                model.capacity_rows[q, p] = model.linear.rows
                model.linear.row([*used, *had], upper=0.0)
            _add_links(model, pool, ways, p)
            _add_slices(model, ways, p)


def _add_links(model: Model, pool: Pool, ways: Sequence[Way], block: int) -> None:
    """A config that can use only part of an instance still needs a whole one: z <= z_max x count.

    Implied for whole numbers; without it the relaxation buys an eighth of an instance.
    """
    sizes = [model.problem.resources[r].gpus_per_instance for r in pool.resources]
    instances = [model.instances[r][block] for r in pool.resources]
    for way in ways:
        most = way.highest[block]
        if 0 < most * way.config.gpus < max(sizes):
            per_instance = [min(most, size // way.config.gpus) for size in sizes]
            links = [(n, -float(k)) for n, k in zip(instances, per_instance, strict=True)]
            model.linear.row([(way.columns[block], 1.0), *links], upper=0.0)


def _add_slices(model: Model, ways: Sequence[Way], block: int) -> None:
    """Slices of a pool: replicas take at most those that GPUs are cut into, and each way by itself
    needs whole GPUs to be cut (as in `_add_links`)."""
    takers: dict[str, list[Way]] = {}
    for way in ways:
        if way.config.slice and way.highest[block]:
            takers.setdefault(way.config.slice, []).append(way)
    for name, own in takers.items():
        cuts = [
            (way.columns[block], way.config.cut[name]) for way in ways if name in way.config.cut
        ]
        used = [(way.columns[block], 1.0) for way in own]
        model.linear.row([*used, *((x, -float(n)) for x, n in cuts)], upper=0.0)
        for way in own:
            if (most := way.highest[block]) < way.per_gpu:
                links = [(x, -float(min(most, n))) for x, n in cuts]
                model.linear.row([(way.columns[block], 1.0), *links], upper=0.0)


def _add_quotas(model: Model) -> None:
    """Instances of all resources under a quota: sum n + sum u_p <= most, in every block."""
    resources = model.problem.resources
    for name, most in model.problem.quotas.items():
        limit = f"quota:{name}"
        members = [i for i, resource in enumerate(resources) if name in resource.quotas]
        if not model.holds(limit) or not members:
            continue
        of_blocks = zip(*(model.instances[i] for i in members), strict=True)
        for columns in dict.fromkeys(of_blocks):  # one row for all alike blocks
            counted = [(column, 1.0) for column in columns]
            model.quota_rows.append(model.linear.rows)
            model.linear.row([*counted, *model.slack_term(limit, -1.0)], upper=most)


def _covering(terms: Iterable[Term]) -> list[Term]:
    """Terms of a row `>= 1` over whole numbers, cut at 1."""
    return [(column, min(coefficient, 1.0)) for column, coefficient in terms]
