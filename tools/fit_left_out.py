"""Whole GPUs, model families and sources left out of the text fit, and the interval they give.

Every group is left out in turn, the constants are fitted anew from their priors to the rest, and
the group's rows are predicted. Sigma follows from those errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from fit_inference import (
    Bench,
    Fit,
    bench,
    calibration_rows,
    typical,
)
from fit_priors import SAME_ARCHITECTURE
from gpumix.catalog import Catalog, load
from gpumix.perf.inference.constants import CONSUMER, Key, kernel_architecture
from gpumix.perf.inference.deployment import is_consumer
from gpumix.perf.interval import Z80
from gpumix.predict.rows import quantity_of
from measured import read_rows

KINDS = ("gpu", "family", "source", "engine")
"""What is left out, whole."""

KIND_WEIGHT = {"gpu": 1.0, "family": 1.0, "source": 2.0}
"""How much the errors of each kind count in the interval of an engine that is fitted: a deployment
of one's own is always a source that nothing was fitted to. Engines left out give the interval of
an engine without measurements."""

LEAST_ROWS = 50
"""Smaller groups are not left out."""

FEW = 60.0
"""Rows with which a factor of the interval is halfway (in logarithms) from 1 to its own."""

SWEEPS = 4
"""How often each factor is found anew beside the others."""

UNSEEN_WIDTH = 1.35
"""Interval of an architecture without measurements, times that of the widest measured one."""


def groups_of(data: Bench, catalog: Catalog) -> dict[str, npt.NDArray[np.bool_]]:
    """Whole groups worth leaving out: every GPU, model family, source and engine generation with
    rows enough."""
    rows = data.rows
    found: dict[str, npt.NDArray[np.bool_]] = {}
    names = {
        "gpu": [row["gpu"] for row in rows],
        "family": [catalog.models[row["model"]].family for row in rows],
        "source": [row["source_id"] for row in rows],
        "engine": [key.engine for key in keys_of(data)],
    }
    for kind, values in names.items():
        column = np.array(values)
        for value in np.unique(column):
            here = column == value
            if LEAST_ROWS <= here.sum() < len(rows):
                found[f"{kind}:{value}"] = here
    return found


@cache
def everything() -> tuple[Catalog, Bench, dict[str, npt.NDArray[np.bool_]]]:
    """Catalogue, calibration rows and groups to leave out, once a process."""
    catalog = load()
    rows = calibration_rows(read_rows("inference.csv.gz"), catalog)
    data = bench(rows, catalog, typical())
    return catalog, data, groups_of(data, catalog)


@cache
def whole() -> Fit:
    """The fit of all rows, before it is solved, once a process."""
    return Fit(everything()[1])


def refit_without(*names: str) -> npt.NDArray[np.float64]:
    """Log errors of the rows of some groups under constants fitted, to their end, to all others."""
    _, data, groups = everything()
    fit = whole()
    here = np.any([groups[name] for name in names], axis=0)
    return fit.log_errors(fit.solve(~here), data.take(np.flatnonzero(here)))


@cache
def left_out_errors() -> dict[str, npt.NDArray[np.float64]]:
    """Per kind of group (gpu, family, source): log error of each row when its group is left out."""
    _, data, groups = everything()
    out = {kind: np.full(len(data.rows), np.nan) for kind in KINDS}
    largest_first = sorted(groups, key=lambda name: -int(groups[name].sum()))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = pool.map(refit_without, largest_first)
        for name, error in zip(largest_first, found, strict=True):
            out[name.split(":")[0]][groups[name]] = error
    return out


def keys_of(data: Bench) -> list[Key]:
    """What each row's constants are looked up by."""
    first = np.searchsorted(data.source, np.arange(len(data.rows)))
    return [data.dep.keys[k] for k in data.dep.key_index[first]]


def labels_of(data: Bench, catalog: Catalog) -> dict[str, npt.NDArray[np.str_]]:
    """What the width of a row's interval hangs on."""
    keys = keys_of(data)
    routed = [catalog.models[row["model"]].is_moe for row in data.rows]
    return {
        "quantity": np.array([quantity_of(row["metric"]) for row in data.rows]),
        "architecture": np.array([key.machine for key in keys]),
        "engine": np.array([key.engine for key in keys]),
        "model": np.where(routed, "moe", "dense"),
    }


def quantile(
    values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], share: float
) -> float:
    """The value below which this share of all weight lies."""
    order = np.argsort(values)
    weight = weights[order]
    place = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    return float(np.interp(share, place, values[order]))


def leans(
    errors: Mapping[str, npt.NDArray[np.float64]], quantity: npt.NDArray[np.str_]
) -> dict[str, float]:
    """How far the interval of each quantity leans upwards [-1 to 1]: (up - down) / (up + down), of
    what is measured above and below the prediction at the 90 % and 10 % quantiles."""
    found = {}
    for name in np.unique(quantity):
        above, weight = _pooled(errors, quantity == name)
        up, down = quantile(-above, weight, 0.9), -quantile(-above, weight, 0.1)
        found[str(name)] = (up - down) / (up + down)
    return found


def _pooled(
    errors: Mapping[str, npt.NDArray[np.float64]], rows: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Errors of these rows under all kinds of groups that count, and how much each counts."""
    error = np.concatenate([errors[kind][rows] for kind in KIND_WEIGHT])
    weight = np.repeat(list(KIND_WEIGHT.values()), int(rows.sum()))
    known = np.isfinite(error)
    return error[known], weight[known]


def sigmas(
    data: Bench, errors: Mapping[str, npt.NDArray[np.float64]], catalog: Catalog
) -> dict[str, dict[str, float]]:
    """The table `sigma`: by quantity, times a factor by machine, engine and routing; and how far
    each quantity's interval leans.

    Each is the 80 % quantile of |log error| of left-out rows over 1.28, of what is above or below
    the prediction over its share of the interval; factors shrunk towards 1 where rows are few.
    Kinds of groups count as `KIND_WEIGHT` says.
    """
    labels = labels_of(data, catalog)
    lean = leans(errors, labels["quantity"])
    upwards = np.array([lean[name] for name in labels["quantity"]])
    size = {k: np.abs(e) / (1.0 - np.sign(e) * upwards) for k, e in errors.items()}
    known = np.concatenate([np.isfinite(size[kind]) for kind in KIND_WEIGHT])
    pooled = np.concatenate([size[kind] for kind in KIND_WEIGHT])[known]
    weight = np.repeat(list(KIND_WEIGHT.values()), len(data.rows))[known]
    here = {k: np.concatenate([label] * len(KIND_WEIGHT))[known] for k, label in labels.items()}
    out = {kind: {str(value): 1.0 for value in np.unique(label)} for kind, label in here.items()}
    level = np.ones(len(pooled))
    for kind in list(labels) * SWEEPS:
        for value, before in out[kind].items():
            rows = here[kind] == value
            wide = before * quantile(pooled[rows] / level[rows], weight[rows], 0.8) / Z80
            n = int(rows.sum())
            out[kind][value] = wide if kind == "quantity" else wide ** (n / (n + FEW))
            level[rows] *= out[kind][value] / before
    beside = {kind: label for kind, label in labels.items() if kind != "engine"}
    of_known = np.prod(
        [[out[kind][value] for value in label] for kind, label in beside.items()], axis=0
    )
    new = np.isfinite(size["engine"])
    same = np.ones(int(new.sum()))
    out["engine"]["other"] = quantile((size["engine"] / of_known)[new], same, 0.8) / Z80
    out["lean"] = lean
    for name in ("itl", "e2e"):
        out["quantity"].setdefault(name, out["quantity"]["tpot"])
        out["lean"].setdefault(name, out["lean"]["tpot"])
    out["architecture"]["any"] = UNSEEN_WIDTH * max(1.0, *out["architecture"].values())
    for twin, arch in SAME_ARCHITECTURE.items():
        out["architecture"].setdefault(twin, out["architecture"][arch])
    for gpu in catalog.gpus.values():
        arch = kernel_architecture(gpu)
        for name, other in ((arch, arch + CONSUMER), (arch + CONSUMER, arch)):
            if other in out["architecture"] and (CONSUMER not in name or is_consumer(gpu)):
                out["architecture"].setdefault(name, out["architecture"][other])
    return out
