"""How fast replicas are at the load that they had, against the prediction and their own past.

Of every hour of a server the prediction at its mean number of running requests is added up, and the
day's tokens are held against the day's sum. The pace of an answer follows: by Little's law a server
that runs N requests at R output tokens/s takes N / R for each token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gpumix.domain.drift import DriftCheck, DriftScope
from gpumix.domain.launch import Launch
from gpumix.loop.changes import before, level_of
from gpumix.loop.check import Figure, check_of, tolerated
from gpumix.loop.demand import asked
from gpumix.loop.facts import HOUR_S, HOURS_A_DAY, Facts, Group, IntArray
from gpumix.predict.inference import predict_inference
from gpumix.values import FloatArray

METRIC = "output_tok_s_total"
_STEPS_PER_DOUBLING = 2
"""Concurrencies that are predicted; between them the rate is interpolated."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the replicas of one layout did, by day; arrays are of shape [days], but `hours`.

    `observed` and `predicted` output tokens, `gpu_s` GPU-seconds of servers that ran something,
    `running` mean requests of a server; `input_len` and `output_len` mean tokens of that day.
    `low` and `high` are the 80 % interval of the prediction over it.
    """

    group: Group
    launch: Launch
    engine_version: str
    day: IntArray
    observed: FloatArray
    predicted: FloatArray
    gpu_s: FloatArray
    running: FloatArray
    input_len: FloatArray
    output_len: FloatArray
    low: float
    high: float
    hours: ServedHours


@dataclass(frozen=True, slots=True)
class ServedHours:
    """The same by hour of a server, all of shape [rows]: the day, requests running, and the
    observed and the predicted output tokens."""

    day: IntArray
    running: FloatArray
    observed: FloatArray
    predicted: FloatArray


def served(facts: Facts) -> list[Served]:
    """Every layout of the plan that was seen to serve, by version of its engine."""
    found = []
    for group in facts.groups:
        for gpu in dict.fromkeys(one.gpu for one in group.launches):
            launch = next(one for one in group.launches if one.gpu == gpu)
            if launch.slice or launch.is_job:
                continue
            for version, rows in _by_version(facts, group, gpu).items():
                one = _served(facts, group, launch, version, rows)
                if one is not None:
                    found.append(one)
    return found


def find(facts: Facts, seen: list[Served]) -> Iterator[DriftCheck]:
    """Each layout against its prediction and, where it has a past, against that.

    Where the team has measured the model on that GPU, the prediction knows it within a few per
    cent, and what it was before does not count.
    """
    for one in seen:
        ratios = np.log(one.observed / one.predicted)
        below, above = -math.log(one.low), math.log(one.high)
        level = level_of(ratios, below, above, facts.rules)
        if level is None:
            continue
        check = check_of(_figure(facts, one), level, one.day, tolerated(below, above))
        changed = _since_before(facts, one, ratios)
        if changed is None or not changed.has_drifted:
            yield check
        elif check.has_drifted:
            yield replace(check, since=changed.since)
        else:
            yield check if _is_measured(facts, one) else changed


def _is_measured(facts: Facts, one: Served) -> bool:
    rows = facts.catalog.measured
    pairs = zip(rows.get("model", ()), rows.get("gpu", ()), strict=True)
    return (one.launch.model, one.launch.gpu) in pairs


def _since_before(facts: Facts, one: Served, ratios: FloatArray) -> DriftCheck | None:
    """The layout against its own first days; None where there are too few."""
    past = before(ratios, facts.rules)
    if past is None:
        return None
    tolerance = math.log1p(facts.rules.of("speed", "tolerance_before"))
    now = level_of(ratios, tolerance, tolerance, facts.rules, past)
    if now is None:
        return None
    figure = replace(_figure(facts, one), against="before")
    return check_of(figure, now, one.day, tolerated(tolerance, tolerance), past)


def _figure(facts: Facts, one: Served) -> Figure:
    week = slice(-facts.rules.days("week_days"), None)
    observed, predicted = one.observed[week].sum(), one.predicted[week].sum()
    gpu_s, held = one.gpu_s[week].sum(), (one.running * one.gpu_s / one.launch.gpus)[week].sum()
    scope = DriftScope(
        workload=one.group.name,
        model=one.launch.model,
        gpu=one.launch.gpu,
        engine_version=one.engine_version or None,
    )
    values = {
        "requests_running": float(held * one.launch.gpus / gpu_s),
        "tpot_expected_s": float(held / predicted),
        "tpot_observed_s": float(held / observed),
        "input_tokens": float(np.median(one.input_len[week])),
        "output_tokens": float(np.median(one.output_len[week])),
    }
    unit = "output tokens/s per GPU"
    return Figure("speed", scope, "plan", unit, float(predicted / gpu_s), values)


def _by_version(facts: Facts, group: Group, gpu: str) -> dict[str, IntArray]:
    """Rows of servers on a GPU that tell their load, by the engine's version on that day.

    Hours of no load are among them: to choose hours by their load would keep those whose samples
    happen to lie above it.
    """
    hours, rows = facts.hours, facts.rows(group)
    rows = rows[np.isfinite(hours.running[rows]) & (hours.gpu[rows] == gpu)]
    places = list(zip(hours.node[rows].tolist(), hours.slot[rows].tolist(), strict=True))
    writing = {p for p, n in zip(places, hours.tokens_out[rows].tolist(), strict=True) if n > 0.0}
    rows = rows[np.array([place in writing for place in places], dtype=bool)]  # first GPUs
    versions: dict[tuple[str, str, int], tuple[int, str]] = {}
    for one in facts.seen.ran:
        if one.what == "engine":
            key = one.workload, one.node, one.day
            versions[key] = max(versions.get(key, (0, "")), (one.samples, one.version))
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        key = hours.workload[row], hours.node[row], int(hours.hour[row]) // HOURS_A_DAY
        found.setdefault(versions.get(key, (0, ""))[1], []).append(row)
    return {version: np.array(those, dtype=np.int64) for version, those in found.items()}


def _served(
    facts: Facts, group: Group, launch: Launch, version: str, rows: IntArray
) -> Served | None:
    hours = facts.hours
    days, at = np.unique(hours.hour[rows] // HOURS_A_DAY, return_inverse=True)
    read, written = _lengths(facts, group, days)
    mean = np.bincount(at, hours.running[rows], len(days)) / np.bincount(at, minlength=len(days))
    known = np.isfinite(read) & np.isfinite(written) & (read > 0.0) & (written > 0.0)
    known &= mean >= facts.rules.of("speed", "least_running")
    known &= np.bincount(at, hours.tokens_out[rows], len(days)) > 0.0
    rows, at = rows[known[at]], at[known[at]]
    days, at = np.unique(hours.hour[rows] // HOURS_A_DAY, return_inverse=True)
    if not len(rows):
        return None
    read, written = _lengths(facts, group, days)
    running, wall_s = hours.running[rows], hours.size[rows] * HOUR_S
    curve = _Curve.of(facts, launch, version, read, written, float(running.max()))
    if not np.isfinite(curve.rates).any(axis=1).all():
        return None
    rate = curve.at(at, running)

    def daily(values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(at, values, len(days)))

    wall = daily(wall_s)
    return Served(
        group,
        launch,
        version,
        days,
        daily(hours.tokens_out[rows]),
        daily(rate * wall_s),
        wall * launch.gpus,
        daily(running * wall_s) / wall,
        read,
        written,
        curve.low,
        curve.high,
        ServedHours(days[at], running, hours.tokens_out[rows], rate * wall_s),
    )


def _lengths(facts: Facts, group: Group, days: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean computed tokens of a prompt and of an answer on each day; NaN where none is known."""
    asked_days = facts.days_of(group)
    told = asked(asked_days)
    with np.errstate(divide="ignore", invalid="ignore"):
        prompt = asked_days.expected_in / asked_days.expected_requests * np.exp(told.prompt)
        answer = asked_days.expected_out / asked_days.expected_requests * np.exp(told.answer)
    cached = float(np.mean([m.demand.prefix_share for m in group.members if m.demand]))
    read, written = np.full(len(days), np.nan), np.full(len(days), np.nan)
    _, ours, theirs = np.intersect1d(days, told.day, return_indices=True)
    read[ours], written[ours] = prompt[theirs] * (1.0 - cached), answer[theirs]
    return read, written


@dataclass(frozen=True, slots=True)
class _Curve:
    """Predicted output tokens/s of a server [days, loads] at numbers of running requests."""

    loads: FloatArray
    rates: FloatArray
    low: float
    high: float

    @classmethod
    def of(
        cls, facts: Facts, launch: Launch, version: str, read: FloatArray, written: FloatArray,
        most: float,
    ) -> _Curve:  # fmt: skip
        steps = math.ceil(math.log2(max(most, 2.0)) * _STEPS_PER_DOUBLING) + 1
        loads = np.unique(np.ceil(2.0 ** (np.arange(steps + 1) / _STEPS_PER_DOUBLING)))
        count = len(read) * len(loads)
        points = question(launch, version) | {
            "input_len": np.repeat(read, len(loads)).tolist(),
            "output_len": np.repeat(written, len(loads)).tolist(),
            "load_value": np.tile(loads, len(read)).tolist(),
        }
        whole = {n: v if isinstance(v, list) else [v] * count for n, v in points.items()}
        out = predict_inference(whole, catalog=facts.catalog)
        value, low, high = (
            np.asarray(out[name], dtype=float).reshape(len(read), len(loads))
            for name in ("value", "low", "high")
        )
        return cls(
            loads, value, float(np.nanmedian(low / value)), float(np.nanmedian(high / value))
        )

    def at(self, day: IntArray, running: FloatArray) -> FloatArray:
        """The rate of each row [rows]: below one request in proportion, else interpolated."""
        found = np.empty(len(running))
        loads = np.concatenate([[0.0], self.loads])
        for i in range(len(self.rates)):
            here = day == i
            rates = np.concatenate([[0.0], self.rates[i]])
            known = np.isfinite(rates)
            found[here] = np.interp(running[here], loads[known], rates[known])
        return found


def question(launch: Launch, version: str) -> dict[str, object]:
    """The columns of the points contract that say what a launch runs."""
    return {
        "gpu": launch.gpu,
        "model": launch.model,
        "n_gpus": launch.gpus,
        "tp": launch.tp,
        "weight_precision": launch.precision,
        "kv_precision": launch.kv_precision,
        "engine": launch.engine,
        "engine_version": version,
        "load": "concurrency",
        "metric": METRIC,
        "dataset": "chats",
    }
