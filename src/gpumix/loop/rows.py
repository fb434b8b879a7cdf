"""What was served as measured rows: of each layout and version, its last week at several loads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpumix.loop.facts import Facts
from gpumix.loop.speed import METRIC, Served, question
from gpumix.predict.inference import predict_inference

BINS = 3
"""Loads of a layout that become rows: thirds of its hours by the tokens that they wrote. By the
requests that ran they would part by the noise of few samples, too high in the highest third."""

Row = dict[str, str]


def rows_of(facts: Facts, seen: Sequence[Served]) -> list[Row]:
    """Measured rows in the columns of the points contract, with `value`.

    A row's value is the predicted rate at the mean load of its hours, times what was observed over
    what was predicted in them: a rate bends with the load, and the mean of rates is not the rate at
    the mean load.
    """
    found: list[Row] = []
    for one in seen:
        found += _rows(facts, one)
    return found


def _rows(facts: Facts, one: Served) -> list[Row]:
    week = one.day[-facts.rules.days("week_days") :]
    if len(week) < facts.rules.days("least_days"):
        return []
    recent = np.isin(one.hours.day, week)
    running, observed, predicted = (
        values[recent] for values in (one.hours.running, one.hours.observed, one.hours.predicted)
    )
    order = np.argsort(observed, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    loads = [float(running[part].mean()) for part in parts]
    asked = {
        **question(one.launch, one.engine_version),
        "input_len": round(float(np.median(one.input_len[-len(week) :])), 1),
        "output_len": round(float(np.median(one.output_len[-len(week) :])), 1),
    }
    table: dict[str, list[object]] = {name: [value] * len(parts) for name, value in asked.items()}
    table["load_value"] = [round(load, 2) for load in loads]
    rates = np.asarray(predict_inference(table, catalog=facts.catalog)["value"], dtype=float)
    found = []
    least = facts.rules.of("speed", "least_running")
    for part, load, rate in zip(parts, loads, rates.tolist(), strict=True):
        value = rate * float(observed[part].sum() / predicted[part].sum())
        if np.isfinite(value) and value > 0.0 and load >= least:
            told = {name: _text(cell) for name, cell in asked.items()}
            told |= {"load_value": _text(round(load, 2)), "metric": METRIC, "value": f"{value:.6g}"}
            found.append(told)
    return found


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
