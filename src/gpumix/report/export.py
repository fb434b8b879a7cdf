"""Plans and comparisons as JSON, and back without loss.

A plan's keys are the names of its fields, with `schema_version` first and `workloads` by id.
Dates are ISO, tuples lists, absent values null.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from gpumix.domain.comparison import Comparison
from gpumix.domain.plan import SCHEMA_VERSION, Plan
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.errors import InputError, Problem


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """The plan in the shape of `plan.json`."""
    written = {"schema_version": SCHEMA_VERSION, **_written(plan)}
    workloads = cast(list[dict[str, Any]], written["workloads"])
    written["workloads"] = {w["id"]: w for w in workloads}
    return written


def read_plan(path: Path) -> Plan:
    """The plan in a `plan.json` file.

    Raises: InputError where it cannot be read, is no JSON or no plan.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = "`gpumix plan INVENTORY` writes one"
        raise InputError(Problem(str(path), "no such file", fix)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None
    except json.JSONDecodeError as error:
        raise InputError(Problem(str(path), f"is not valid JSON: {error.msg}")) from None
    except RecursionError:
        raise InputError(Problem(str(path), "is nested too deeply")) from None
    if not isinstance(data, Mapping):
        raise InputError(Problem(str(path), "is not a plan", "name the plan.json of `gpumix plan`"))
    return plan_from_dict(data, str(path))


def plan_from_dict(data: Mapping[str, Any], place: str = "plan.json") -> Plan:
    """The plan that `plan_to_dict` wrote; `place` is what problems call it.

    Raises: InputError where the version is another or something is missing, unknown or wrong.
    """
    if not {"schema_version", "mix", "workloads"} <= data.keys():
        raise InputError(Problem(place, "is not a plan", "name the plan.json of `gpumix plan`"))
    major = str(data["schema_version"]).partition(".")[0]
    if major != SCHEMA_VERSION.partition(".")[0]:
        raise InputError(
            Problem(
                f"{place}: schema_version",
                f"is {data.get('schema_version')!r}, this version reads {SCHEMA_VERSION}",
            )
        )
    body = {k: v for k, v in data.items() if k != "schema_version"}
    if isinstance(body.get("workloads"), Mapping):
        body["workloads"] = list(body["workloads"].values())
    return cast(Plan, _read(Plan, body, place))


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """The comparison in the shape of `gpumix compare --json`."""
    return {"schema_version": SCHEMA_VERSION, **_written(comparison)}


def answer_to_dict(comparison: Comparison | TrainingComparison) -> dict[str, Any]:
    """A comparison of served work or of a training run, as `gpumix compare --json` prints it."""
    return {"schema_version": SCHEMA_VERSION, **_written(comparison)}


def training_from_dict(data: Mapping[str, Any]) -> TrainingComparison:
    """The comparison that `answer_to_dict` wrote of a training run.

    Raises: InputError where something is missing, unknown or wrong.
    """
    body = {k: v for k, v in data.items() if k != "schema_version"}
    return cast(TrainingComparison, _read(TrainingComparison, body, "comparison"))


def comparison_from_dict(data: Mapping[str, Any]) -> Comparison:
    """The comparison that `comparison_to_dict` wrote.

    Raises: InputError where something is missing, unknown or wrong.
    """
    body = {k: v for k, v in data.items() if k != "schema_version"}
    return cast(Comparison, _read(Comparison, body, "comparison"))


def record_to_dict(record: object) -> dict[str, Any]:
    """Any record of the domain by its field names."""
    return cast(dict[str, Any], _written(record))


def to_json(data: Mapping[str, Any]) -> str:
    """Indented JSON, without NaN (which is not JSON), ending in a newline."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _written(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _written(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_written(v) for v in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value


@functools.cache
def _hints(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _read(kind: Any, data: Any, place: str) -> Any:
    if get_origin(kind) in (Union, types.UnionType):
        inner = [a for a in get_args(kind) if a is not type(None)]
        return None if data is None else _read(inner[0], data, place)
    if get_origin(kind) is tuple:
        if not isinstance(data, list):
            raise InputError(Problem(place, f"must be a list, not {data!r}"))
        return tuple(_read(get_args(kind)[0], v, f"{place}[{i}]") for i, v in enumerate(data))
    if dataclasses.is_dataclass(kind):
        return _read_record(cast(type, kind), data, place)
    if kind is date:
        return _converted(date.fromisoformat, data, place)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _converted(kind, data, place)
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    if kind is float and is_number:
        return float(data)
    if not isinstance(data, kind) or (kind is int and not is_number):
        raise InputError(Problem(place, f"must be a {kind.__name__}, not {data!r}"))
    return data


def _read_record(record: type, data: Any, place: str) -> Any:
    if not isinstance(data, Mapping):
        raise InputError(Problem(place, f"must be an object, not {data!r}"))
    wanted = {f.name: f for f in dataclasses.fields(record)}
    problems = [Problem(f"{place}.{k}", "unknown key") for k in data if k not in wanted]
    problems += [
        Problem(f"{place}.{k}", "is missing")
        for k, f in wanted.items()
        if k not in data and f.default is dataclasses.MISSING
    ]
    if problems:
        raise InputError(problems)
    hints = _hints(record)
    return record(**{k: _read(hints[k], v, f"{place}.{k}") for k, v in data.items()})


def _converted(make: Any, data: Any, place: str) -> Any:
    try:
        return make(data)
    except (ValueError, TypeError) as error:
        raise InputError(Problem(place, str(error))) from None
