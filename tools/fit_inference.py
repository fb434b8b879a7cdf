"""Fit of the inference constants on measured rows (split `calib`, usable).

`Fit` finds the constants, `fit_priors.tables_of` makes the tables of coefficients.json of them.
Minimised: soft-L1 of log(predicted / measured) / 0.12, every (source, metric) weighted by
n^-1/2, plus quadratic priors around values typical of the hardware and of engines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_priors import Constant, constants, tables_of
from gpumix.catalog import Catalog
from gpumix.catalog.evidence import load_memory_terms
from gpumix.domain.coefficients import Coefficients, Table
from gpumix.perf.inference.constants import constants_of
from gpumix.perf.inference.deployment import Deployment, Setup, deployments, gathered
from gpumix.perf.inference.questions import Questions, answer
from gpumix.predict.rows import cut_at, layouts_of, parse_slo

Row = Mapping[str, str]

NOISE = 0.12
"""Log error at which the loss turns from square to linear."""

TOLERANCE = 3e-4
"""Share of the loss that steps gain with fresh slopes where a fit ends."""

MOST_SLOPES, MOST_STEPS = 15, 3
"""Times that slopes are found anew, and steps taken with the same ones."""

SHARES = (1.0, 0.5, 0.2, 0.05)
"""Of a step, tried in turn until the loss falls."""

RANGE_SIGMAS = 3.5
"""Constants may move this many prior standard deviations."""


@cache
def memory_terms() -> Table:
    """What engines take of memory, read once."""
    return load_memory_terms()["inference"]


def coefficients_of(
    inference: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> Coefficients:
    """Coefficients holding these inference tables beside whatever `base` has."""
    base = base or {
        "media": {},
        "power": {"serving": {"any": {"base": 0.2, "compute": 0.5, "memory": 0.5, "cap": 1.0}}},
    }
    return Coefficients(
        inference={**inference, "memory": memory_terms()},
        training={},
        media=base["media"],
        power=base["power"],
        fitted_on="",
    )


BLOCK_ROWS = 30_000
"""Rows evaluated at once: enough that calls cost nothing, few enough for the cache."""


def blocks(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Runs of neighbours, as first and past-the-last place, of at most `most` together."""
    out: list[tuple[int, int]] = []
    start, total = 0, 0
    for at, size in enumerate(sizes):
        if at > start and total + size > most:
            out.append((start, at))
            start, total = at, 0
        total += size
    return [*out, (start, len(sizes))]


@dataclass
class Bench:
    """Rows prepared for evaluation: deployments of every candidate layout, and whose each is."""

    rows: list[Row]
    dep: Deployment
    questions: Questions
    source: npt.NDArray[np.int64]
    measured: npt.NDArray[np.float64]

    def predict(self, coefficients: Coefficients) -> npt.NDArray[np.float64]:
        """Predicted value of every row; NaN where nothing fits."""
        looked_up = [constants_of(key, coefficients.inference) for key in self.dep.keys]
        rows = self.dep, self.questions, self.source
        return self._best(*rows, self.dep.key_index, looked_up, coefficients)

    def predict_moved(
        self,
        moved: Sequence[Coefficients],
        touched: Sequence[npt.NDArray[np.bool_]],
    ) -> list[npt.NDArray[np.float64]]:
        """Predictions under other constants, each of the rows it touches, in their order.

        All are evaluated as one long table: the formulas cost little a row and much a call.

        Args:
            moved: one set of constants a question.
            touched: of each, the rows that are asked.
        """
        out: list[npt.NDArray[np.float64]] = []
        places = [np.flatnonzero(mask[self.source]) for mask in touched]
        for start, end in blocks([len(one) for one in places], BLOCK_ROWS):
            looked_up, index, source = [], [], []
            rows = 0
            for column in range(start, end):
                own = places[column]
                keys, codes = np.unique(self.dep.key_index[own], return_inverse=True)
                index.append(codes + len(looked_up))
                looked_up += [constants_of(self.dep.keys[k], moved[column].inference) for k in keys]
                rank = np.cumsum(touched[column]) - 1
                source.append(rank[self.source[own]] + rows)
                rows += int(touched[column].sum())
            together = np.concatenate(places[start:end])
            value = self._best(
                self.dep.take(together), self.questions.take(together), np.concatenate(source),
                np.concatenate(index), looked_up, moved[start],
            )  # fmt: skip
            ends = np.cumsum([int(mask.sum()) for mask in touched[start:end]])
            out += np.split(value, ends[:-1])
        return out

    @staticmethod
    def _best(
        dep: Deployment,
        questions: Questions,
        source: npt.NDArray[np.int64],
        index: npt.NDArray[np.intp],
        looked_up: Sequence[Mapping[str, float]],
        coefficients: Coefficients,
    ) -> npt.NDArray[np.float64]:
        columns = {f.name: getattr(dep, f.name) for f in fields(dep)}
        dep = replace(dep, **gathered(columns, index, looked_up))
        value, _ = answer(dep, questions, coefficients)
        best = np.full(int(source.max()) + 1, -np.inf)
        np.maximum.at(best, source, np.where(np.isfinite(value), value, -np.inf))
        return np.where(np.isfinite(best), best, np.nan)

    def take(self, keep: npt.NDArray[np.int64]) -> Bench:
        """The bench of some rows only."""
        place = np.full(len(self.rows), -1)
        place[keep] = np.arange(len(keep))
        index = np.flatnonzero(place[self.source] >= 0)
        return Bench(
            [self.rows[i] for i in keep], self.dep.take(index), self.questions.take(index),
            place[self.source[index]], self.measured[keep],
        )  # fmt: skip


def bench(rows: Sequence[Row], catalog: Catalog, start: Coefficients) -> Bench:
    """Prepare rows; layouts not stated become one candidate each."""
    pairs: list[tuple[int, tuple[int, int, int, int]]] = []
    for at, row in enumerate(rows):
        counts = [int(row[n]) if row[n] else None for n in ("n_gpus", "tp", "pp", "dp", "ep")]
        found = layouts_of(catalog.models[row["model"]], *counts)
        pairs += [(at, one) for one in ([] if isinstance(found, str) else found)]
    source = np.array([at for at, _ in pairs], dtype=np.int64)

    def text(name: str) -> list[str]:
        return [rows[at].get(name, "") for at in source]

    def number(name: str) -> npt.NDArray[np.float64]:
        return np.array([float(rows[at].get(name) or "nan") for at in source])

    dep = deployments(
        [
            Setup(
                catalog.models[row["model"]], catalog.gpus[row["gpu"]], row.get("engine", ""),
                row.get("weight_precision", ""), row.get("kv_precision", ""),
                row.get("engine_version", ""), *layout,
            )
            for row, layout in ((rows[at], layout) for at, layout in pairs)
        ],
        start,
    )  # fmt: skip
    limits = np.array([parse_slo(slo)[:2] for slo in text("slo")])
    cut = np.array([cut_at(dataset) for dataset in text("dataset")])
    questions = Questions(
        number("input_len"), number("output_len"), np.array(text("load")), number("load_value"),
        np.array(text("metric")), limits[:, 0], limits[:, 1],
        np.array([float(d not in ("", "fixed")) for d in text("dataset")]),
        np.maximum(cut / number("output_len"), 1.0),
    )  # fmt: skip
    measured = np.array([float(row.get("value") or "nan") for row in rows])
    return Bench(list(rows), dep, questions, source, measured)


SERIES = ("source_id", "engine", "model", "gpu")
"""Rows that share these were measured together and err together."""


def weights_of(rows: Sequence[Row]) -> npt.NDArray[np.float64]:
    """Weight of each row: rows measured together err together, so they say less than their number.

    w ~ n^-1/2 m^-1/4, of n rows with this source, metric and engine, m of them also with this
    model and GPU; less again where the row is known to hold something else too. All weights sum to
    the number of series measured: each counts as one observation beside the priors. With more, the
    constants learn what a source has of its own, and sources left out are predicted worse
    (docs/inference.md).
    """
    together = [(row["source_id"], row["metric"], row["engine"]) for row in rows]
    alike = [(*one, row["model"], row["gpu"]) for one, row in zip(together, rows, strict=True)]
    n, m = Counter(together), Counter(alike)
    out = np.array(
        [
            n[one] ** -0.5 * m[two] ** -0.25 * doubt(row)
            for one, two, row in zip(together, alike, rows, strict=True)
        ]
    )
    return out * len({tuple(row[name] for name in SERIES) for row in rows}) / out.sum()


def doubt(row: Row) -> float:
    """Factor on the weight of rows that hold more than the model can say (data README, Doubts)."""
    factor = 1.0
    if row["source_id"] == "gpustack-lab":
        factor *= 0.3
    if (row["load"] == "burst" and row["metric"].startswith("ttft")) or row["metric"].endswith(
        "_p95"
    ):
        factor *= 0.35
    if row["source_id"] == "aic-silicon" and row["input_len"] == "8192":
        factor *= 0.3
    if row["source_id"] == "argonne-lib" and "Mixtral" in row["model"]:
        factor *= 0.1
    return factor


def soft(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Soft-L1 residual: its square is the loss."""
    return np.asarray(np.sign(x) * np.sqrt(2.0 * (np.sqrt(1.0 + x * x) - 1.0)))


@dataclass
class Fit:
    """The fit of all constants to a bench."""

    data: Bench
    wanted: list[Constant] = field(default_factory=constants)

    def __post_init__(self) -> None:
        self.weight = np.sqrt(weights_of(self.data.rows))
        self.touched = [self._rows_moved_by(one) for one in self.wanted]

    def _rows_moved_by(self, one: Constant) -> npt.NDArray[np.bool_]:
        hit = np.array([one.touches(k) for k in self.data.dep.keys])[self.data.dep.key_index]
        rows = np.zeros(len(self.data.rows), dtype=bool)
        rows[self.data.source[hit]] = True
        return rows

    def log_errors(
        self, theta: npt.NDArray[np.float64], data: Bench | None = None
    ) -> npt.NDArray[np.float64]:
        """log(predicted / measured); a row that does not fit counts as a large error."""
        data = data or self.data
        predicted = data.predict(coefficients_of(tables_of(theta, self.wanted)))
        return np.nan_to_num(np.log(predicted / data.measured), nan=1.0)

    def residuals(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Weighted residuals of the rows, then the priors."""
        return np.concatenate([soft(self.log_errors(theta) / NOISE) * self.weight, theta])

    def jacobian(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Forward differences, of the rows that each constant can move."""
        n, delta = len(self.data.rows), 1e-3
        out = np.zeros((n + len(theta), len(theta)))
        out[n:] = np.eye(len(theta))
        base = soft(self.log_errors(theta) / NOISE)
        moved = []
        for column in range(len(theta)):
            beside = theta.copy()
            beside[column] += delta
            moved.append(coefficients_of(tables_of(beside, self.wanted)))
        predicted = self.data.predict_moved(moved, self.touched)
        for column, (rows, value) in enumerate(zip(self.touched, predicted, strict=True)):
            error = np.nan_to_num(np.log(value / self.data.measured[rows]), nan=1.0)
            slope = (soft(error / NOISE) - base[rows]) / delta
            out[:n][rows, column] = slope * self.weight[rows]
        return out

    @cached_property
    def first_slopes(self) -> npt.NDArray[np.float64]:
        """`jacobian` at the priors, where every fit and refit starts."""
        return self.jacobian(np.zeros(len(self.wanted)))

    def solve(self, kept: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.float64]:
        """The best point for all or some of the rows, in prior standard deviations.

        From the priors on: a refit that starts at the fit to all rows ends before it has forgotten
        those left out. Steps of Gauss and Newton, several with the same slopes, as those cost most;
        it ends where steps with fresh slopes lower the loss by less than a share `TOLERANCE`.

        Args:
            kept: rows that count; priors always do.

        Source: Nocedal and Wright, Numerical Optimization, section 10.3; slopes kept for several
        steps: Shamanskii (1967).
        """
        point, slopes = np.zeros(len(self.wanted)), self.first_slopes
        kept = np.ones(len(self.data.rows), dtype=bool) if kept is None else kept
        used = np.concatenate([kept, np.ones(len(point), dtype=bool)])
        error = self.residuals(point)[used]
        for turn in range(MOST_SLOPES):
            rows, before = slopes[used], float(error @ error)
            for _ in range(MOST_STEPS):
                point, error, gain = self._along(point, _step(point, rows, error), used, error)
                if gain < TOLERANCE * before:
                    break
            if turn > 0 and before - float(error @ error) < TOLERANCE * before:
                break
            slopes = self.jacobian(point)
        return point

    def _along(
        self,
        point: npt.NDArray[np.float64],
        step: npt.NDArray[np.float64],
        used: npt.NDArray[np.bool_],
        error: npt.NDArray[np.float64],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
        """The point a step further, or less far where that is worse; its residuals; the gain."""
        before = float(error @ error)
        for share in SHARES:
            further = np.clip(point + share * step, -RANGE_SIGMAS, RANGE_SIGMAS)
            after = self.residuals(further)[used]
            gain = before - float(after @ after)
            if gain > 0.0:
                return further, after, gain
        return point, error, 0.0


def _step(
    point: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], error: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The step of Gauss and Newton of the constants that are not held by their bounds."""
    fall = -(rows.T @ error)
    free = (np.abs(point) < RANGE_SIGMAS - 1e-9) | (fall * point < 0.0)
    step = np.zeros_like(point)
    curvature = rows.T @ rows
    step[free] = np.linalg.solve(curvature[np.ix_(free, free)], fall[free])
    return step


def calibration_rows(rows: Sequence[Row], catalog: Catalog) -> list[Row]:
    """Rows to fit on: `calib`, usable, text models, stated set-ups, and not hanging on an unstated
    cache width."""
    found = [
        row
        for row in rows
        if row["split"] == "calib"
        and row["usable"] == "yes"
        and not catalog.models[row["model"]].is_denoiser
        and not one_command_for_all(row)
    ]
    unclear = cache_width_decides(found, catalog)
    return [row for row, leave in zip(found, unclear, strict=True) if not leave]


def one_command_for_all(row: Row) -> bool:
    """Whether a row comes from a page that prints one command for all the set-ups it compares.

    gpustack's later pages, which state no engine version: sections "vLLM", "max-running 64" or
    "Speculative decoding" all carry the command of the best set-up, so engine, layout and settings
    of the row are those of another run (one prediction for 379 to 1,945 tokens/s).
    """
    return row["source_id"] == "gpustack-lab" and not row["engine_version"]


def cache_width_decides(rows: Sequence[Row], catalog: Catalog) -> npt.NDArray[np.bool_]:
    """Rows that would wait for memory with a 16-bit cache, which they do not state.

    Closed loops with 8- or 4-bit weights: the TTFT of most shows no waiting at all, so their cache
    had 8 bits; at the constants' typical values, so that the choice does not hang on the fit.
    """
    start = typical()
    data = bench(rows, catalog, start)
    _, limit = answer(data.dep, data.questions, start)
    waits = np.zeros(len(rows), dtype=bool)
    waits[data.source[limit == "kv_memory"]] = True
    silent = [
        not row["kv_precision"]
        and row["weight_precision"] in ("fp8", "fp4")
        and row["load"] == "concurrency"
        and row["source_id"] == "aic-silicon"
        for row in rows
    ]
    return np.asarray(waits & np.array(silent))


def typical() -> Coefficients:
    """Coefficients at the priors: where every fit starts."""
    wanted = constants()
    return coefficients_of(tables_of(np.zeros(len(wanted)), wanted))
