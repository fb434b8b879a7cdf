"""An answer of Prometheus' HTTP interface: a matrix or a vector in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from gpumix.errors import InputError, Problem
from gpumix.reading import parse_json, read_text
from gpumix.telemetry.sources.series import Series, metrics

FORMS: Final = {"matrix": "values", "vector": "value"}
"""The kinds of result that hold samples, and the key they stand under."""


def read_series(path: Path) -> list[Series]:
    """The series of a saved answer that are of use here. Raises: InputError."""
    text = read_text(path, "name the saved answer of a query")
    found = series_of(parse_json(text, str(path)), str(path))
    return [one for one in found if one.name in metrics()]


def series_of(answer: Any, place: str) -> list[Series]:
    """The series of a parsed answer; `place` is where it is from.

    Raises: InputError where the server says that it failed, or it is no answer with samples.
    """
    if not isinstance(answer, dict) or "status" not in answer:
        raise InputError(Problem(place, "is no answer of Prometheus: it has no status"))
    if answer["status"] != "success":
        why = f"{answer.get('errorType', 'error')}: {answer.get('error', 'no reason told')}"
        raise InputError(Problem(place, f"the server could not answer: {why:.300}"))
    data = answer.get("data")
    data = data if isinstance(data, dict) else {}
    form = data.get("resultType")
    if form not in FORMS:
        fix = "ask for a range vector, or query_range"
        raise InputError(Problem(place, f"holds no samples but a {form!r}", fix))
    try:
        with_values = (one for one in data["result"] if "histogram" not in "".join(one))
        return [_series(one, FORMS[form]) for one in with_values]
    except (KeyError, TypeError, ValueError, OverflowError):
        problem = Problem(place, "holds series in a form that Prometheus does not write")
        raise InputError(problem) from None


def _series(one: Mapping[str, Any], key: str) -> Series:
    labels = dict(one["metric"])
    if not all(isinstance(text, str) for text in labels.values()):
        raise TypeError
    samples = one[key] if key == "values" else [one[key]]
    count = len(samples)
    times = np.fromiter((sample[0] for sample in samples), np.float64, count)
    values = np.fromiter((float(sample[1]) for sample in samples), np.float64, count)
    order = np.argsort(times, kind="stable")
    name = labels.pop("__name__", "")
    return Series(name, labels, np.floor(times[order]).astype(np.int64), values[order])
