"""What inference engines did (vLLM, SGLang, TGI): tokens, running requests, the model, by pod."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpumix.telemetry.samples import LOOK_BACK_S
from gpumix.telemetry.sources.owners import PodKey, pod_key
from gpumix.telemetry.sources.series import Series, label, metrics, scraper, usable

COUNTERS: Final = ("tokens_in_total", "tokens_out_total", "tokens_cached_total", "requests_total")
INTERVAL_S: Final = 60
"""Of two scrapers of one engine the first by name counts in each interval."""
_RANKS: Final = ("tp_rank", "pp_rank")
"""Workers of one server: the first of them counts for all."""


class Served:
    """What one pod's engines told, to be read at any times."""

    def __init__(self, series: Iterable[Series]) -> None:
        by_name: dict[tuple[str, str], list[Series]] = defaultdict(list)
        models: list[tuple[int, str]] = []
        for one in series:
            by_name[metrics()[one.name].column, _identity(one)].append(one)
            if name := label(one.labels, "model"):
                models.append((int(one.t[0]), name))
        self._models = sorted(models)
        self._streams: dict[str, list[_Stream]] = defaultdict(list)
        for (column, _), same in sorted(by_name.items()):
            self._streams[column].append(_merged(_of_first_name(same)))

    def columns(self, t: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """The columns at ascending times `t` [s], each [n], NaN where none is known.

        A counter of one engine is as it was told; those of several are added up, each without its
        resets, since the fall of one would not show in the sum.
        """
        found = {}
        for column, streams in self._streams.items():
            several = column in COUNTERS and len(streams) > 1
            told = [(_at(_without_resets(one) if several else one, t)) for one in streams]
            found[column] = _sum(np.stack(told))
        return found

    def models(self, t: NDArray[np.int64]) -> list[tuple[int, str]]:
        """(position from which on, model) at ascending times `t`; empty where none is told."""
        starts = np.searchsorted(t, [since for since, _ in self._models])
        if len(starts):
            starts[0] = 0
        return [(int(start), name) for start, (_, name) in zip(starts, self._models, strict=True)]


_Stream = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Times and values of one counter or gauge, however many scrapers looked."""


def by_pod(series: Iterable[Series]) -> Mapping[PodKey, Served]:
    """Every pod whose engines are told of."""
    found: dict[PodKey, list[Series]] = defaultdict(list)
    for one in series:
        key = pod_key(one.labels)
        is_first = all(one.labels.get(rank, "0") == "0" for rank in _RANKS)
        if key is not None and is_first and len(one.t):
            found[key].append(one)
    return {key: Served(group) for key, group in found.items()}


def _identity(one: Series) -> str:
    """The engine within its pod, and the end of requests that are counted by how they ended."""
    told = ("engine", "model_name", "port", "dp_rank", "finished_reason")
    return "/".join(one.labels.get(name, "") for name in told)


def _of_first_name(same: list[Series]) -> list[Series]:
    """Of metrics that say one thing, the series of that which the table names first."""
    names = list(metrics())
    first = min((one.name for one in same), key=names.index)
    return [one for one in same if one.name == first]


def _merged(same: list[Series]) -> _Stream:
    """One stream of the series of one engine: one scraper in each interval, in order of time."""
    names = sorted({scraper(one.labels) or "" for one in same})
    ranks = [np.full(len(one.t), names.index(scraper(one.labels) or ""), np.int64) for one in same]
    t = np.concatenate([one.t for one in same])
    values = np.concatenate([usable(one) for one in same])
    rank = np.concatenate(ranks)
    good = ~np.isnan(values)
    t, values, rank = t[good], values[good], rank[good]
    if len(names) > 1:
        order = np.lexsort((t, rank, t // INTERVAL_S))
        interval = (t // INTERVAL_S)[order]
        _, first, position = np.unique(interval, return_index=True, return_inverse=True)
        kept = order[rank[order] == rank[order][first][position]]
        t, values = t[kept], values[kept]
    t, first = np.unique(t, return_index=True)
    return t, values[first]


def _without_resets(stream: _Stream) -> _Stream:
    """A counter as if it had never started again from 0."""
    t, values = stream
    falls = np.where(np.diff(values) < 0, values[:-1], 0.0)
    return t, values + np.concatenate([[0.0], np.cumsum(falls)])[: len(values)]


def _at(stream: _Stream, t: NDArray[np.int64]) -> NDArray[np.float64]:
    """The last value at or before each time, NaN where it is too old or there is none."""
    times, values = stream
    if not len(times):
        return np.full(len(t), np.nan)
    before = np.searchsorted(times, t, side="right") - 1
    age = t - times[np.maximum(before, 0)]
    return np.where((before >= 0) & (age <= LOOK_BACK_S), values[np.maximum(before, 0)], np.nan)


def _sum(told: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the first axis of what is known; NaN where nothing is."""
    return np.where(np.isnan(told).all(axis=0), np.nan, np.nansum(told, axis=0))
