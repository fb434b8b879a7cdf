"""An answer of Prometheus' HTTP interface: a matrix or a vector in JSON."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gpumix.errors import InputError, Problem
from gpumix.reading import parse_json, read_text
from gpumix.telemetry.samples import MOST_BYTES
from gpumix.telemetry.sources.series import Series, metrics

FORMS: Final = {"matrix": "values", "vector": "value"}
"""The kinds of result that hold samples, and the key they stand under."""
_SAMPLES: Final = re.compile(r'"values"\s*:\s*(\[\s*\[[-+0-9.eEINanf,"\s\[\]]*\]\s*\])')
"""Samples of a series. No text within the JSON can look so: its quotes would be escaped."""
_AROUND_NUMBERS: Final = b'[]" \t\r\n'


def read_series(path: Path) -> list[Series]:
    """The series of a saved answer that are of use here. Raises: InputError."""
    text = read_text(path, "name the saved answer of a query", most_bytes=MOST_BYTES)
    found = series_of(parse_answer(text, str(path)), str(path))
    return [one for one in found if one.name in metrics()]


def parse_answer(text: str, place: str) -> Any:
    """The JSON value of an answer, in which `values` of series are arrays of (time, value) [n, 2].

    Samples are nearly all of an answer: numpy reads them ten times as fast as JSON is read.

    Raises: InputError where it is no JSON.
    """
    samples: list[str] = []

    def cut(match: re.Match[str]) -> str:
        samples.append(match[1])
        return f'"values":{len(samples) - 1}'

    answer = parse_json(_SAMPLES.sub(cut, text), place)
    try:
        for one in answer["data"]["result"] if samples else ():
            if isinstance(one["values"], int):
                one["values"] = _numbers(samples[one["values"]])
    except (KeyError, TypeError, ValueError, DeprecationWarning):
        raise InputError(_strange(place)) from None
    return answer


def _numbers(text: str) -> NDArray[np.float64]:
    """`[[1792281600,"0.5"],...]` as an array [n, 2]. Raises: ValueError or DeprecationWarning."""
    plain = text.encode("ascii").translate(None, _AROUND_NUMBERS).decode("ascii")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # which tells of what is no number
        return np.fromstring(plain, sep=",").reshape(-1, 2)


def series_of(answer: Any, place: str) -> list[Series]:
    """The series of a parsed answer; `place` is where it is from.

    Raises: InputError where the server says that it failed, or it is no answer with samples.
    """
    if not isinstance(answer, dict) or "status" not in answer:
        raise InputError(Problem(place, "is no answer of Prometheus: it has no status"))
    if answer["status"] != "success":
        why = f"{answer.get('errorType', 'error')}: {answer.get('error', 'no reason given')}"
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
        raise InputError(_strange(place)) from None


def _strange(place: str) -> Problem:
    return Problem(place, "holds series in a form that Prometheus does not write")


def _series(one: Mapping[str, Any], key: str) -> Series:
    labels = dict(one["metric"])
    if not all(isinstance(text, str) for text in labels.values()):
        raise TypeError
    given = one[key] if key == "values" else [one[key]]
    samples = np.array(given, np.float64).reshape(-1, 2)
    samples = samples[np.argsort(samples[:, 0], kind="stable")]
    name = labels.pop("__name__", "")
    return Series(name, labels, np.floor(samples[:, 0]).astype(np.int64), samples[:, 1])
