"""Between the JSON form of a mix problem and its records; every fault is reported at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields

from gpumix.errors import Hint, InputError, did_you_mean, unknown_name
from gpumix.errors import Problem as Fault
from gpumix.mix.json_object import LARGEST, NOTHING, JsonObject, kind_of
from gpumix.mix.problem import (
    Block,
    CashLimit,
    Config,
    Group,
    Problem,
    Resource,
    Shift,
    Term,
    Workload,
    slices_per_gpu,
)

REMARKS = ("tests", "optimum", "forced_single_gpu_type_cost")
"""Top-level keys that hold remarks about a problem and are not part of it."""

SMALLEST = 1e-9
"""So are rates and hours below this, which the solver rounds to 0 (its `small_matrix_value`)."""

RATE_TO_NEED = 1e-7, 1e7
"""Smallest and largest share of a block's demand, or of all work, that a replica may deliver.

Measured with HiGHS 1.16 on a plan with N+1 and a spot share: 3e6 is solved, 3e7 stops it with a
solve error, 3e13 with a segmentation fault. Under the smallest, ten million replicas are needed.
"""

_TOP = tuple(f.name for f in fields(Problem))
_ONLY_FOR = {
    "inference": ("demand", "n_plus_one", "lost_together", "max_spot_share"),
    "batch": ("work", "window", "delay_cost", "shifts"),
}


def read_problem(data: Mapping[str, object], place: str = "") -> Problem:
    """The problem that a JSON object describes.

    Args:
        data: the parsed JSON object.
        place: where it comes from (a file's name), put before each fault's place.

    Raises:
        InputError: with every fault found (missing and unknown keys, wrong types, numbers out of
            range, ids that name nothing, series of the wrong length).
    """
    faults: list[Fault] = []
    prefix = f"{place} " if place else ""
    if not isinstance(data, Mapping):
        raise InputError(Fault(place, f"must be an object, not {kind_of(data)}"))
    top = JsonObject(data, prefix, faults)
    top.only((*_TOP, *REMARKS))
    blocks = tuple(
        Block(id=o.text("id"), hours=o.number("hours", at_least=SMALLEST))
        for o in top.objects("blocks", ("id", "hours"), at_least=1)
    )
    quotas = top.integers("quotas")
    n_blocks, n_cash = top.length("blocks"), top.length("cash")
    resources = tuple(
        _resource(o, quotas, n_blocks, n_cash) for o in top.objects("resources", _names(Resource))
    )
    workloads = tuple(_workload(o, n_blocks) for o in top.objects("workloads", _names(Workload)))
    by_id = {w.id: w for w in workloads}
    resource_ids = [r.id for r in resources]
    configs = tuple(_config(o, by_id, resource_ids) for o in top.objects("configs", _names(Config)))
    problem = Problem(
        name=top.text("name", ""),
        units=top.text("units", ""),
        repeat=top.number("repeat", at_least=SMALLEST),
        blocks=blocks,
        resources=resources,
        workloads=workloads,
        configs=configs,
        capex_budget=top.optional_number("capex_budget"),
        site_kw=_site_kw(top, resources),
        quotas=quotas,
        groups=(groups := _groups(top, resource_ids, n_cash)),
        most=_most(top, groups),
        cash=_cash(top, n_blocks),
    )
    for items, ids in (
        ("blocks", [b.id for b in blocks]),
        ("resources", resource_ids),
        ("workloads", [w.id for w in workloads]),
        ("groups", [g.id for g in groups]),
        ("cash", [limit.id for limit in problem.cash]),
        *((f"resources[{i}].terms", [t.id for t in r.terms]) for i, r in enumerate(resources)),
    ):
        faults.extend(_duplicates(prefix + items, ids))
    if not faults:
        faults.extend((*_unsolvable(problem, prefix), *_uncut(problem, prefix)))
    if faults:
        raise InputError(faults)
    return problem


def problem_to_dict(problem: Problem) -> dict[str, object]:
    """The JSON form of a problem; optional fields at their defaults are left out."""
    return {
        "name": problem.name,
        "units": problem.units,
        "repeat": problem.repeat,
        "blocks": [_record(b) for b in problem.blocks],
        "resources": [_record(r) for r in problem.resources],
        "workloads": [_workload_record(w) for w in problem.workloads],
        "configs": [_config_record(c) for c in problem.configs],
        **({} if problem.capex_budget is None else {"capex_budget": problem.capex_budget}),
        **({"site_kw": dict(problem.site_kw)} if problem.site_kw else {}),
        **({"quotas": dict(problem.quotas)} if problem.quotas else {}),
        **({"groups": [_record(g) for g in problem.groups]} if problem.groups else {}),
        **({"most": dict(problem.most)} if problem.most else {}),
        **({"cash": [_record(x) for x in problem.cash]} if problem.cash else {}),
    }


def check_problem(problem: Problem) -> None:
    """Find every fault of a problem made in code, by the rules its JSON form is read with.

    Raises:
        InputError: as `read_problem`.
    """
    read_problem(problem_to_dict(problem))


def _unsolvable(problem: Problem, prefix: str) -> Iterable[Fault]:
    """Rates too small or too large, beside what is wanted, for the solver's arithmetic."""
    low, high = RATE_TO_NEED
    wanted = {w.id: sorted(filter(None, _needs(w))) for w in problem.workloads}
    for i, config in enumerate(problem.configs):
        needs = wanted.get(config.workload, [])
        for name, rate in config.class_rate.items():
            place = f"{prefix}configs[{i}].rate" + (f".{name}" if name else "")
            if 0.0 < rate < SMALLEST:
                yield Fault(place, f"must be 0 or at least {SMALLEST:g}, not {rate:g}")
            elif rate and needs and not (low * needs[-1] <= rate <= high * needs[0]):
                least, most = low * needs[-1], high * needs[0]
                yield Fault(
                    place,
                    f"is {rate:g}, too far from what {config.workload} needs for the solver",
                    f"give a rate between {least:g} and {most:g}" if least <= most else "",
                )


def _uncut(problem: Problem, prefix: str) -> Iterable[Fault]:
    """Slices that no GPU of the resource is cut into."""
    known = slices_per_gpu(problem)
    for i, config in enumerate(problem.configs):
        if config.slice and (config.resource, config.slice) not in known:
            names = [name for resource, name in known if resource == config.resource]
            yield unknown_name(
                f"{prefix}configs[{i}].slice", f"slice of {config.resource}", config.slice, names
            )


def most_rate(workload: Workload) -> float:
    """The largest rate that a config of this workload may have; a replica of more does no more."""
    return RATE_TO_NEED[1] * min(filter(None, _needs(workload)), default=math.inf)


def _needs(workload: Workload) -> list[float]:
    """What is wanted of a workload: units/h by block and class, or units of work."""
    if workload.is_batch:
        return [workload.work]
    demand = workload.demand
    series = demand.values() if isinstance(demand, Mapping) else [demand]
    return [units for one in series for units in one]


def _names(record: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(record))


def _record(
    item: Block | CashLimit | Resource | Shift | Term | Workload | Config | Group,
) -> dict[str, object]:
    return {
        f.name: _plain(value)
        for f in fields(item)
        if (value := getattr(item, f.name)) != _default(f)
    }


def _workload_record(workload: Workload) -> dict[str, object]:
    needed = "work" if workload.is_batch else "demand"
    return {**_record(workload), needed: _plain(getattr(workload, needed))}


def _config_record(config: Config) -> dict[str, object]:
    """Without what a slice or a cut does not have."""
    absent = {"gpus"} if config.slice else {"workload", "rate"} if config.cut else set()
    if not config.cut:
        absent.add("cut")
    return {key: value for key, value in _record(config).items() if key not in absent}


def _default(f: Field[object]) -> object:
    return NOTHING if f.default is MISSING else f.default


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _record(value) if isinstance(value, Term | Shift) else value


def _duplicates(place: str, ids: Sequence[str]) -> Iterable[Fault]:
    first: dict[str, int] = {}
    for i, name in enumerate(ids):
        if first.setdefault(name, i) != i and name:
            yield Fault(f"{place}[{i}].id", f"{name!r} is already the id of [{first[name]}]")


def _resource(o: JsonObject, quotas: Collection[str], n_blocks: int, n_cash: int) -> Resource:
    resource = Resource(
        id=o.text("id"),
        gpu=o.text("gpu"),
        kind=o.choice("kind", ("committed", "hourly")),
        gpus_per_instance=o.integer("gpus_per_instance", at_least=1),
        max_instances=o.optional_integer("max_instances"),
        min_instances=o.optional_integer("min_instances") or 0,
        fixed_cost=o.number("fixed_cost", 0.0),
        hourly_cost=o.number("hourly_cost", 0.0),
        capex=o.number("capex", 0.0),
        kw=o.number("kw", 0.0),
        site=o.text("site", "") or None,
        spot=o.flag("spot"),
        quotas=o.references("quotas", "quota", quotas),
        terms=tuple(_term(t, n_blocks, n_cash) for t in _terms(o)),
    )
    if resource.terms:
        if resource.kind == "hourly":
            o.fault("terms", "are for committed resources, this one is hourly")
        for key in ("fixed_cost", "hourly_cost", "capex"):
            if getattr(resource, key):
                o.fault(key, "does not go with terms, each of which has its own cost and capex")
    elif n_cash and resource.is_committed:
        o.fault("terms", "are needed where cash is limited: each states its own `cash`")
    return resource


def _terms(o: JsonObject) -> list[JsonObject]:
    return o.objects("terms", _names(Term)) if o.has("terms") else []


def _term(o: JsonObject, n_blocks: int, n_cash: int) -> Term:
    blocks = o.window("blocks", n_blocks)
    if not o.has("blocks"):
        o.fault("blocks", "is missing")
    return Term(
        id=o.text("id"),
        blocks=blocks or (),
        cost=o.number("cost"),
        capex=o.number("capex", 0.0),
        cash=o.cash(n_cash),
    )


def _shifts(o: JsonObject) -> list[JsonObject]:
    return o.objects("shifts", _names(Shift)) if o.has("shifts") else []


def _shift(o: JsonObject, n_blocks: int) -> Shift:
    return Shift(work=o.number("work", at_least=SMALLEST), hours=o.hours("hours", n_blocks))


def _workload(o: JsonObject, n_blocks: int) -> Workload:
    kind = o.choice("kind", tuple(_ONLY_FOR))
    for other, keys in _ONLY_FOR.items():
        for key in keys:
            if kind and other != kind and o.has(key):
                o.fault(key, f"is for {other} workloads, this one is {kind}")
    if kind == "batch":
        return Workload(
            id=o.text("id"),
            kind=kind,
            work=o.number("work"),
            window=o.window("window", n_blocks),
            delay_cost=o.number("delay_cost", 0.0),
            shifts=tuple(_shift(one, n_blocks) for one in _shifts(o)),
        )
    workload = Workload(
        id=o.text("id"),
        kind=kind,
        demand=o.demand("demand", n_blocks) if kind else (),
        n_plus_one=o.flag("n_plus_one"),
        lost_together=o.flag("lost_together"),
        max_spot_share=o.optional_number("max_spot_share", at_most=1.0),
    )
    if workload.classes and workload.n_plus_one:
        o.fault("n_plus_one", "does not go with request classes", "give one demand per block")
    return workload


def _config(o: JsonObject, workloads: Mapping[str, Workload], resources: Sequence[str]) -> Config:
    cut = o.integers("cut", at_least=1)
    if cut:
        for key in ("workload", "slice", "rate", "var_cost", "unpaid"):
            if o.has(key):
                o.fault(key, "does not go with a cut, which serves nobody by itself")
        resource = o.reference("resource", "resource", resources)
        return Config("", resource, o.optional_integer("gpus", at_least=1) or 1, 0.0, cut=cut)
    workload = workloads.get(o.reference("workload", "workload", workloads))
    part = o.text("slice", "")
    if part and o.has("gpus"):
        o.fault("gpus", "does not go with a slice, which is part of one GPU")
    return Config(
        workload=workload.id if workload else "",
        resource=o.reference("resource", "resource", resources),
        gpus=0 if part else o.integer("gpus", at_least=1),
        slice=part,
        rate=o.rate("rate", workload),
        var_cost=o.number("var_cost", 0.0),
        max_replicas=o.optional_integer("max_replicas"),
        unpaid=o.number("unpaid", 0.0),
    )


def _groups(top: JsonObject, resources: Sequence[str], n_cash: int) -> tuple[Group, ...]:
    if not top.has("groups"):
        return ()
    return tuple(
        Group(
            id=o.text("id"),
            resources=o.references("resources", "resource", resources),
            fixed_cost=o.number("fixed_cost", 0.0),
            kind=o.text("kind", ""),
            capex=o.number("capex", 0.0),
            cash=o.cash(n_cash),
        )
        for o in top.objects("groups", _names(Group))
    )


def _cash(top: JsonObject, n_blocks: int) -> tuple[CashLimit, ...]:
    if not top.has("cash"):
        return ()
    return tuple(
        CashLimit(
            id=o.text("id"),
            most=o.number("most", at_least=-LARGEST),
            of_block=o.hours("of_block", n_blocks),
        )
        for o in top.objects("cash", _names(CashLimit))
    )


def _most(top: JsonObject, groups: Sequence[Group]) -> dict[str, int]:
    """Most groups used by kind; a kind of no group is a fault."""
    most = top.integers("most")
    kinds = sorted({group.kind for group in groups})
    for kind in most:
        if kind not in kinds:
            top.fault(f"most.{kind}", "no group is of this kind", Hint(kind, kinds))
    return most


def _site_kw(top: JsonObject, resources: Sequence[Resource]) -> dict[str, float]:
    """Power limits by site; a limit on a site that looks like a misspelling is a fault."""
    limits = top.numbers("site_kw")
    unlimited = {r.site for r in resources if r.site} - limits.keys()
    used = {r.site for r in resources}
    for site in limits.keys() - used:
        if hint := did_you_mean(site, sorted(unlimited)):
            top.fault(f"site_kw.{site}", "no resource is at this site", hint)
    return limits
