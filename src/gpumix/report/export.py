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
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from gpumix.domain.comparison import Comparison
from gpumix.domain.fit import Fit, TrainingFit
from gpumix.domain.plan import SCHEMA_VERSION, Plan
from gpumix.domain.price_check import PriceCheck
from gpumix.domain.prices import ListedOffer
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.reading import read_json

_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
_RENAMED = {"first_year_usd_per_month": "first_year_monthly_usd"}
"""Keys of plans written before, and what they are called now."""
_SHOWN = 60
"""Characters of a wrong value that its message repeats."""


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """The plan in the shape of `plan.json`."""
    written = {"schema_version": SCHEMA_VERSION, **_written(plan)}
    workloads = cast(list[dict[str, Any]], written["workloads"])
    written["workloads"] = {w["id"]: w for w in workloads}
    return written


def read_plan(path: Path) -> Plan:
    """The plan in a `plan.json` file.

    Raises: InputError where it cannot be read, is no JSON, holds a key twice, or is no plan.
    """
    fix = "name the plan.json of `gpumix plan`"
    repeated: list[Problem] = []
    data = read_json(path, fix, "`gpumix plan INVENTORY` writes one", repeated)
    if repeated:
        raise InputError(repeated)
    if not isinstance(data, Mapping):
        raise InputError(Problem(str(path), "is not a plan", fix))
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
                f"{place}.schema_version",
                f"is {data.get('schema_version')!r}, this version reads {SCHEMA_VERSION}",
            )
        )
    body = {_RENAMED.get(k, k): v for k, v in data.items() if k != "schema_version"}
    if isinstance(body.get("workloads"), Mapping):
        body["workloads"] = list(body["workloads"].values())
    return cast(Plan, _read(Plan, body, place))


def to_dict(record: Plan | Comparison) -> dict[str, Any]:
    """A plan or a comparison in the shape of its JSON."""
    return plan_to_dict(record) if isinstance(record, Plan) else answer_to_dict(record)


def answer_to_dict(
    comparison: Comparison | TrainingComparison | Fit | TrainingFit,
) -> dict[str, Any]:
    """What `gpumix compare --json` and `gpumix fit --json` print, with the schema's version."""
    return {"schema_version": SCHEMA_VERSION, **_written(comparison)}


def record_to_dict(record: object) -> dict[str, Any]:
    """Any record of the domain by its field names."""
    return cast(dict[str, Any], _written(record))


def price_check_to_dict(check: PriceCheck) -> dict[str, Any]:
    """A check of prices in the shape of its JSON (docs/contracts.md)."""
    found = {"refused": check.refused, "marked": check.marked}
    return {"rows": check.rows, "accepted": check.accepted} | {
        name: [{"line": one.line, "rule": one.rule, "what": one.what} for one in findings]
        for name, findings in found.items()
    }


def offer_to_dict(listed: ListedOffer, as_of: date) -> dict[str, Any]:
    """An offer as `gpumix prices list --json` prints it, with what replaced it, if anything."""
    offer, newer = listed.offer, listed.replaced_by
    return {
        **_written(offer),
        "usd_per_gpu_hour": offer.usd_per_gpu_hour,
        "age_days": offer.age_days(as_of),
        "is_usable": listed.is_usable,
        "replaced_by": None if newer is None else _written(newer),
    }


def to_json(data: Mapping[str, Any]) -> str:
    """Indented JSON, without NaN (which is not JSON), ending in a newline."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _written(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _written(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_written(v) for v in value]
    if isinstance(value, Mapping):
        return {key: _written(v) for key, v in value.items()}
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
        return _read_tuple(get_args(kind), data, place)
    if get_origin(kind) is Mapping:
        return _read_mapping(get_args(kind)[1], data, place)
    if dataclasses.is_dataclass(kind):
        return _read_record(cast(type, kind), data, place)
    if kind is date:
        return _read_date(data, place)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        known = [one.value for one in kind]
        if data not in known:
            raise InputError(unknown_name(place, kind.__name__.lower(), str(data), known))
        return kind(data)
    if get_origin(kind) is Literal:
        if data not in get_args(kind):
            raise InputError(unknown_name(place, "word", str(data), get_args(kind)))
        return data
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    if kind is float and is_number:
        return float(data)
    if not isinstance(data, kind) or (kind is int and not is_number):
        raise InputError(Problem(place, f"must be {_KINDS[kind]}, not {_short(data)}"))
    return data


def _read_tuple(kinds: tuple[Any, ...], data: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise InputError(Problem(place, f"must be a list, not {_short(data)}"))
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(data)
    if len(kinds) != len(data):
        raise InputError(Problem(place, f"must have {len(kinds)} entries, not {len(data)}"))
    parts = enumerate(zip(kinds, data, strict=True))
    return tuple(_read(kind, part, f"{place}[{i}]") for i, (kind, part) in parts)


def _read_mapping(kind: Any, data: Any, place: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InputError(Problem(place, f"must be an object, not {_short(data)}"))
    return {str(key): _read(kind, part, f"{place}.{key}") for key, part in data.items()}


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _read_record(record: type, data: Any, place: str) -> Any:
    if not isinstance(data, Mapping):
        raise InputError(Problem(place, f"must be an object, not {_short(data)}"))
    wanted = {f.name: f for f in dataclasses.fields(record)}
    problems = [Problem(f"{place}.{k}", "unknown key") for k in data if k not in wanted]
    problems += [
        Problem(f"{place}.{k}", "is missing")
        for k, f in wanted.items()
        if k not in data
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if problems:
        raise InputError(problems)
    hints = _hints(record)
    return record(**{k: _read(hints[k], v, f"{place}.{k}") for k, v in data.items()})


def _read_date(data: Any, place: str) -> date:
    try:
        return date.fromisoformat(data)
    except (ValueError, TypeError):
        what = f"must be a day such as 2027-01-15, not {_short(data)}"
        raise InputError(Problem(place, what)) from None
