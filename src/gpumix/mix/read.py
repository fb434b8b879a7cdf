"""Between the JSON form of a mix problem and its records; every fault is reported at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields

from gpumix.errors import Hint, InputError, unknown_name
from gpumix.errors import Problem as Fault
from gpumix.mix.problem import Block, Config, Problem, Resource, Workload, slices_per_gpu

REMARKS = ("tests", "optimum", "forced_single_gpu_type_cost")
"""Top-level keys that hold remarks about a problem and are not part of it."""

LARGEST = 1e15
"""Numbers beyond this are taken for a slip: no fleet costs or serves so much in any unit."""

MOST_COUNTED = 1e9
"""GPUs, instances or replicas: more than were ever made."""

SMALLEST = 1e-9
"""So are rates and hours below this, which the solver rounds to 0 (its `small_matrix_value`)."""

RATE_TO_NEED = 1e-7, 1e7
"""Smallest and largest share of a block's demand, or of all work, that a replica may deliver.

Measured with HiGHS 1.16 on a plan with N+1 and a spot share: 3e6 is solved, 3e7 stops it with a
solve error, 3e13 with a segmentation fault. Under the smallest, ten million replicas are needed.
"""

_TOP = tuple(f.name for f in fields(Problem))
_ONLY_FOR = {
    "inference": ("demand", "n_plus_one", "max_spot_share"),
    "batch": ("work", "window", "delay_cost"),
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
        raise InputError(Fault(place, f"must be an object, not {_kind(data)}"))
    top = _Object(data, prefix, faults)
    top.only((*_TOP, *REMARKS))
    blocks = tuple(
        Block(id=o.text("id"), hours=o.number("hours", at_least=SMALLEST))
        for o in top.objects("blocks", ("id", "hours"), at_least=1)
    )
    quotas = top.integers("quotas")
    resources = tuple(_resource(o, quotas) for o in top.objects("resources", _names(Resource)))
    workloads = tuple(
        _workload(o, top.length("blocks")) for o in top.objects("workloads", _names(Workload))
    )
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
    )
    for group, ids in (
        ("blocks", [b.id for b in blocks]),
        ("resources", resource_ids),
        ("workloads", [w.id for w in workloads]),
    ):
        faults.extend(_duplicates(prefix + group, ids))
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


def _record(item: Block | Resource | Workload | Config) -> dict[str, object]:
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
    return _NOTHING if f.default is MISSING else f.default


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _duplicates(place: str, ids: Sequence[str]) -> Iterable[Fault]:
    first: dict[str, int] = {}
    for i, name in enumerate(ids):
        if first.setdefault(name, i) != i and name:
            yield Fault(f"{place}[{i}].id", f"{name!r} is already the id of [{first[name]}]")


def _resource(o: _Object, quotas: Collection[str]) -> Resource:
    return Resource(
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
    )


def _workload(o: _Object, n_blocks: int) -> Workload:
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
        )
    workload = Workload(
        id=o.text("id"),
        kind=kind,
        demand=o.demand("demand", n_blocks) if kind else (),
        n_plus_one=o.flag("n_plus_one"),
        max_spot_share=o.optional_number("max_spot_share", at_most=1.0),
    )
    if workload.classes and workload.n_plus_one:
        o.fault("n_plus_one", "does not go with request classes", "give one demand per block")
    return workload


def _config(o: _Object, workloads: Mapping[str, Workload], resources: Sequence[str]) -> Config:
    cut = o.integers("cut", at_least=1)
    if cut:
        for key in ("workload", "slice", "rate", "var_cost"):
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
    )


def _site_kw(top: _Object, resources: Sequence[Resource]) -> dict[str, float]:
    """Power limits by site; a limit on a site that looks like a misspelling is a fault."""
    limits = top.numbers("site_kw")
    unlimited = {r.site for r in resources if r.site} - limits.keys()
    used = {r.site for r in resources}
    for site in limits.keys() - used:
        if hint := Hint(site, sorted(unlimited)):
            top.fault(f"site_kw.{site}", "no resource is at this site", hint)
    return limits


_NOTHING = object()


def _kind(value: object) -> str:
    names = {bool: "true/false", str: "text", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


class _Object:
    """A JSON object being read: a method per type of field, which reports and returns a value.

    After a fault the value returned is a harmless stand-in; the whole problem is refused anyway.
    """

    def __init__(self, data: Mapping[str, object], place: str, faults: list[Fault]) -> None:
        self._data, self._place, self._faults = data, place, faults

    def fault(self, key: str, message: str, fix: str | Hint = "") -> None:
        self._faults.append(Fault(f"{self._place}{key}", message, fix))

    def has(self, key: str) -> bool:
        return self._data.get(key) is not None

    def only(self, allowed: Sequence[str]) -> None:
        for key in self._data:
            if key not in allowed:
                self.fault(str(key), "unknown key", Hint(str(key), allowed))

    def objects(self, key: str, allowed: Sequence[str], at_least: int = 0) -> list[_Object]:
        """The objects of a list; items of another type are reported and left out."""
        items = self._data.get(key)
        if not isinstance(items, (list, tuple)) or len(items) < at_least:
            self._wrong(key, "a list" if at_least == 0 else "a list with an item")
            return []
        out = []
        for i, item in enumerate(items):
            if isinstance(item, Mapping):
                out.append(_Object(item, f"{self._place}{key}[{i}].", self._faults))
                out[-1].only(allowed)
            else:
                self.fault(f"{key}[{i}]", f"must be an object, not {_kind(item)}")
        return out

    def length(self, key: str) -> int:
        """Items of a list, those of a wrong type too; 0 where there is no list."""
        items = self._data.get(key)
        return len(items) if isinstance(items, (list, tuple)) else 0

    def text(self, key: str, default: str | None = None) -> str:
        value = self._data.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value):
            self._wrong(key, "text")
            return ""
        return value

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        value = self.text(key)
        if value and value not in among:
            self.fault(key, f"must be one of {', '.join(among)}", Hint(value, among))
        return value if value in among else ""

    def reference(self, key: str, kind: str, known: Iterable[str]) -> str:
        value = self.text(key)
        if value and value not in known:
            self._faults.append(unknown_name(f"{self._place}{key}", kind, value, known))
        return value

    def references(self, key: str, kind: str, known: Iterable[str]) -> tuple[str, ...]:
        """Names of a list, each known and there once; absent = none."""
        value = self._data.get(key)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            self._wrong(key, "a list of names", value)
            return ()
        for i, name in enumerate(value):
            place = f"{self._place}{key}[{i}]"
            if name not in known:
                self._faults.append(unknown_name(place, kind, name, known))
            elif name in value[:i]:
                self._faults.append(Fault(place, f"names {name!r} again"))
        return tuple(value)

    def flag(self, key: str) -> bool:
        value = self._data.get(key)
        if value is not None and not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value is True

    def number(self, key: str, default: float | None = None, at_least: float = 0.0) -> float:
        """A number of at least `at_least`."""
        value = self._data.get(key)
        if value is None and default is not None:
            return default
        return self._checked(key, value, at_least=at_least)

    def optional_number(self, key: str, at_most: float = math.inf) -> float | None:
        return self._checked(key, self._data[key], at_most=at_most) if self.has(key) else None

    def integer(self, key: str, at_least: int = 0) -> int:
        return self._whole(key, self._data.get(key), at_least)

    def integers(self, key: str, at_least: int = 0) -> dict[str, int]:
        """An object of whole numbers by name; absent = empty."""
        return {name: self._whole(f"{key}.{name}", v, at_least) for name, v in self._items(key)}

    def optional_integer(self, key: str, at_least: int = 0) -> int | None:
        return self.integer(key, at_least) if self.has(key) else None

    def numbers(self, key: str) -> dict[str, float]:
        """An object of numbers by name; absent = empty."""
        return {name: self._checked(f"{key}.{name}", v) for name, v in self._items(key)}

    def _items(self, key: str) -> list[tuple[str, object]]:
        items = self._data.get(key)
        if items is not None and not isinstance(items, Mapping):
            self._wrong(key, "an object of numbers by name")
        return [(str(k), v) for k, v in items.items()] if isinstance(items, Mapping) else []

    def series(self, key: str, value: object, length: int) -> tuple[float, ...]:
        """Numbers, one a block."""
        if not isinstance(value, (list, tuple)):
            self._wrong(key, "a list with a number for each block", value)
            return (0.0,) * length
        if length and len(value) != length:
            self.fault(key, f"has {len(value)} numbers for {length} blocks")
        numbers = [self._checked(f"{key}[{i}]", v) for i, v in enumerate(value)]
        return tuple((numbers + [0.0] * length)[:length])

    def demand(self, key: str, length: int) -> tuple[float, ...] | dict[str, tuple[float, ...]]:
        """One series, or one per request class."""
        value = self._data.get(key)
        if isinstance(value, Mapping) and value:
            return {str(k): self.series(f"{key}.{k}", v, length) for k, v in value.items()}
        return self.series(key, value, length)

    def rate(self, key: str, workload: Workload | None) -> float | dict[str, float]:
        """One rate, or one per class of the workload."""
        if workload is None or not workload.classes:
            return self.number(key)
        if not isinstance(self._data.get(key), Mapping):
            self._wrong(key, f"a rate for each request class of {workload.id}")
            return {}
        rates = self.numbers(key)
        for name in rates:
            if name not in workload.classes:
                place = f"{self._place}{key}.{name}"
                self._faults.append(unknown_name(place, "class", name, workload.classes))
        return rates

    def window(self, key: str, n_blocks: int) -> tuple[int, ...] | None:
        """Block indices, each once; None where absent."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, (list, tuple)):
            self._wrong(key, "a list of block indices")
            return None
        for i, index in enumerate(value):
            if type(index) is not int or not 0 <= index < n_blocks:
                self.fault(f"{key}[{i}]", f"must be a block index from 0 to {n_blocks - 1}")
            elif index in value[:i]:
                self.fault(f"{key}[{i}]", f"names block {index} again")
        return tuple(i for i in value if type(i) is int)

    def _checked(
        self, key: str, value: object, at_least: float = 0.0, at_most: float = math.inf
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._wrong(key, "a number", value)
            return 0.0
        if not abs(value) <= LARGEST:
            self.fault(key, f"must be a finite number up to {LARGEST:g}")
        elif value < at_least:
            least = f"{at_least:g} or more" if at_least == 0.0 else f"at least {at_least:g}"
            self.fault(key, f"must be {least}, not {value:g}")
        elif value > at_most:
            self.fault(key, f"must be at most {at_most:g}, not {value:g}")
        else:
            return float(value)
        return 0.0

    def _whole(self, key: str, value: object, at_least: int = 0) -> int:
        number = self._checked(key, value, at_most=MOST_COUNTED)
        if number != int(number) or (number < at_least and value is not None):
            self.fault(key, f"must be a whole number of at least {at_least}, not {number:g}")
        return max(int(number), at_least)

    def _wrong(self, key: str, wanted: str, value: object = _NOTHING) -> None:
        value = self._data.get(key) if value is _NOTHING else value
        missing = value is None and key not in self._data and "[" not in key
        self.fault(key, "is missing" if missing else f"must be {wanted}, not {_kind(value)}")
