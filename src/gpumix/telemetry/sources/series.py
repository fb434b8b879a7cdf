"""A metric's samples under one set of labels, and what the names of metrics and labels mean.

What each exporter and engine calls a thing stands in data/telemetry_metrics.csv and
data/telemetry_labels.csv.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.catalog.tables import Row, read_packaged

OF = ("gpu", "engine", "kube")
"""What a metric may be about: a GPU, an inference engine, the cluster."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one metric: times `t` [s since 1970 UTC, ascending] and `values`, both [n]."""

    name: str
    labels: Mapping[str, str]
    t: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that is read: the column of the samples it fills, and `value = raw x scale`.

    A raw value below 0 or a value above `most` says that the exporter had none.
    """

    name: str
    column: str
    of: str
    scale: float
    most: float


@functools.cache
def metrics() -> Mapping[str, Metric]:
    """Every metric that is read, by name. Raises: DataError where the table is bad."""
    return {one.name: one for one in read_packaged("telemetry_metrics.csv", _metric)}


def _metric(row: Row) -> Metric:
    return Metric(
        row.required_text("metric"),
        row.text("column"),
        row.choice("of", OF),
        row.positive("scale"),
        row.number("most") or float("inf"),
    )


@functools.cache
def _spellings() -> Mapping[str, tuple[str, ...]]:
    """The labels of each meaning, the one to be believed first."""
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for meaning, label in read_packaged("telemetry_labels.csv", _label):
        found[meaning] += (label,)
    return found


def _label(row: Row) -> tuple[str, str]:
    return row.required_text("meaning"), row.required_text("label")


def label(labels: Mapping[str, str], meaning: str) -> str | None:
    """The value of the first label of a meaning that is there and not empty.

    >>> label({"hostname": "gpu-b", "pod": ""}, "node"), label({"pod": ""}, "pod")
    ('gpu-b', None)
    """
    return next((labels[one] for one in _spellings()[meaning] if labels.get(one)), None)


def scraper(labels: Mapping[str, str]) -> str | None:
    """Who took a sample: every label that tells one scraper from another, or None."""
    found = [labels[one] for one in _spellings()["scraper"] if labels.get(one)]
    return "/".join(found) or None


def columns(group: Sequence[Series]) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """The times of all `group`, ascending [n], and the values of each column at them [n].

    NaN where a column has no usable value. Of two values of one column and time the first series
    counts.
    """
    times = np.unique(np.concatenate([one.t for one in group]))
    found: dict[str, NDArray[np.float64]] = {}
    for one in group:
        metric = metrics()[one.name]
        values = found.setdefault(metric.column, np.full(len(times), np.nan))
        at = np.searchsorted(times, one.t)
        fresh = usable(one)
        is_open = np.isnan(values[at])
        values[at[is_open]] = fresh[is_open]
    return times, found


def usable(one: Series) -> NDArray[np.float64]:
    """The values of a series in our unit; NaN for NaN, infinite, negative or impossible ones."""
    metric = metrics()[one.name]
    values = one.values * metric.scale
    with np.errstate(invalid="ignore"):
        is_good = np.isfinite(values) & (values >= 0) & (values <= metric.most)
    return np.where(is_good, values, np.nan)
