"""What only the owner of a fleet can say (`--declare FILE`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final
from zoneinfo import available_timezones

import yaml

from gpumix.errors import InputError, Problem, unknown_name
from gpumix.reading import parse_json, read_text


@dataclass(frozen=True, slots=True)
class DeclaredNode:
    """GPUs of a machine: how many, of which type of the catalogue, and its name on the bill."""

    gpus: int
    gpu: str
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Standby:
    """A workload kept warm on purpose; None stands for any."""

    team: str | None
    workload: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """The owner's declarations; all are optional.

    `gpu_resources` are resources of the bill that have GPUs and no telemetry. `slo` are promises
    [ms] by workload. `plan_workloads` maps a workload of the fleet to its name in a plan.
    `sacct_columns` names the columns of a dump without header. `checkpoint_every_s` is how often a
    workload writes a checkpoint.
    """

    currency: str | None = None
    sacct_timezone: str | None = None
    team_aliases: Mapping[str, str] = field(default_factory=dict)
    holidays: tuple[str, ...] = ()
    standby: tuple[Standby, ...] = ()
    slurm_nodes: Mapping[str, DeclaredNode] = field(default_factory=dict)
    gpu_resources: Mapping[str, DeclaredNode] = field(default_factory=dict)
    slo: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    plan_workloads: Mapping[str, str] = field(default_factory=dict)
    sacct_columns: tuple[str, ...] = ()
    checkpoint_every_s: Mapping[str, float] = field(default_factory=dict)


PROMISES: Final = ("ttft_p95_ms", "tpot_p95_ms")
"""What may be promised of a workload."""
_KNOWN: Final = frozenset(
    {
        "schema_version",
        "currency",
        "sacct_timezone",
        "team_aliases",
        "holidays",
        "standby",
        "slurm_nodes",
        "gpu_resources",
        "slo",
        "plan_workloads",
        "sacct_columns",
        "checkpoint_every_s",
    }
)


def read_declared(path: Path) -> Declared:
    """The declarations of a JSON or YAML file.

    Raises: InputError with every problem of the file.
    """
    text = read_text(path, "name a JSON or YAML file")
    if path.suffix == ".json":
        value = parse_json(text, str(path))
    else:
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(Problem(str(path), f"is not valid YAML: {error}")) from None
    return declared_in(value, str(path))


def declared_in(value: Any, place: str) -> Declared:
    """The declarations in a parsed file. Raises: InputError with every problem, by `place`."""
    if not isinstance(value, Mapping):
        raise InputError(Problem(place, "holds no keys", "docs/contracts.md lists them"))
    reader = _Reader(value, place)
    found = Declared(
        currency=reader.text("currency"),
        sacct_timezone=reader.zone("sacct_timezone"),
        team_aliases={str(k): str(v) for k, v in reader.mapping("team_aliases").items()},
        holidays=tuple(reader.days("holidays")),
        standby=tuple(reader.standby()),
        slurm_nodes=reader.nodes("slurm_nodes"),
        gpu_resources=reader.nodes("gpu_resources"),
        slo=reader.promises("slo"),
        plan_workloads={str(k): str(v) for k, v in reader.mapping("plan_workloads").items()},
        sacct_columns=tuple(str(name) for name in reader.list("sacct_columns")),
        checkpoint_every_s=reader.seconds("checkpoint_every_s"),
    )
    for key in sorted(set(map(str, value)) - _KNOWN):
        reader.problems.append(unknown_name(place, "key", key, _KNOWN))
    if reader.problems:
        raise InputError(reader.problems)
    return found


def to_dict(declared: Declared) -> dict[str, Any]:
    """The declarations in the shape of their file."""
    return {
        name: value
        for name, value in asdict(declared).items()
        if value is not None and value != () and value != {}
    }


def _is_above_0(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value > 0


class _Reader:
    """Keys of the file; problems are gathered."""

    def __init__(self, value: Mapping[str, Any], place: str) -> None:
        self.value = value
        self.place = place
        self.problems: list[Problem] = []

    def _wrong(self, key: str, what: str, fix: str = "") -> None:
        self.problems.append(Problem(f"{self.place}: {key}", what, fix))

    def text(self, key: str) -> str | None:
        found = self.value.get(key)
        if found is not None and not isinstance(found, str):
            self._wrong(key, "is not text")
            return None
        return found

    def zone(self, key: str) -> str | None:
        name = self.text(key)
        if name is not None and name not in available_timezones():
            self._wrong(key, f"{name[:60]!r} is no time zone", "a name such as Europe/Berlin")
        return name

    def mapping(self, key: str) -> Mapping[str, Any]:
        found = self.value.get(key) or {}
        if not isinstance(found, Mapping):
            self._wrong(key, "is no mapping")
            return {}
        return found

    def list(self, key: str) -> Sequence[Any]:
        found = self.value.get(key) or ()
        if not isinstance(found, list | tuple):
            self._wrong(key, "is no list")
            return ()
        return found

    def standby(self) -> Iterator[Standby]:
        for i, one in enumerate(self.list("standby")):
            if not isinstance(one, Mapping) or not set(one) <= {"team", "workload"} or not one:
                self._wrong(f"standby.{i}", "has no team and no workload")
                continue
            yield Standby(one.get("team"), one.get("workload"))

    def days(self, key: str) -> Iterator[str]:
        for i, day in enumerate(self.list(key)):
            try:
                yield date.fromisoformat(str(day)).isoformat()
            except ValueError:
                self._wrong(f"{key}.{i}", f"{str(day)[:40]!r} is no day", "such as 2026-12-24")

    def promises(self, key: str) -> dict[str, Mapping[str, float]]:
        found: dict[str, Mapping[str, float]] = {}
        for workload, one in self.mapping(key).items():
            place = f"{key}.{workload}"
            if not isinstance(one, Mapping):
                self._wrong(place, "is no mapping", f"of {', '.join(PROMISES)} to milliseconds")
                continue
            for name, value in one.items():
                if name not in PROMISES:
                    self.problems.append(
                        unknown_name(f"{self.place}: {place}", "promise", str(name), PROMISES)
                    )
                elif not _is_above_0(value):
                    self._wrong(f"{place}.{name}", "must be a number above 0", "milliseconds")
            found[str(workload)] = dict(one)
        return found

    def seconds(self, key: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for workload, value in self.mapping(key).items():
            if _is_above_0(value):
                found[str(workload)] = float(value)
            else:
                self._wrong(f"{key}.{workload}", "must be a number above 0", "seconds")
        return found

    def nodes(self, key: str) -> dict[str, DeclaredNode]:
        found = {}
        for name, one in self.mapping(key).items():
            gpus = one.get("gpus") if isinstance(one, Mapping) else None
            gpu = one.get("gpu") if isinstance(one, Mapping) else None
            if not isinstance(gpus, int) or isinstance(gpus, bool) or gpus < 1:
                self._wrong(f"{key}.{name}.gpus", "is no whole number above 0")
            elif not isinstance(gpu, str):
                self._wrong(f"{key}.{name}.gpu", "names no GPU", "an id such as h100-sxm-80gb")
            else:
                resource = one.get("resource_id")
                found[str(name)] = DeclaredNode(
                    gpus, gpu, None if resource is None else str(resource)
                )
        return found
