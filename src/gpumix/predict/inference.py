"""Predictions for a table of points: the contract's columns in, its OUT columns back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.catalog import Catalog, load
from gpumix.domain.cells import numbers_in
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.predictions import Predictions
from gpumix.errors import InputError, NoEstimate
from gpumix.perf import media
from gpumix.perf.calibrate import Places
from gpumix.perf.inference.constants import is_fitted
from gpumix.perf.inference.deployment import Deployment, EngineSettings, Setup, deployments
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.questions import Questions, answer
from gpumix.perf.interval import interval, widths
from gpumix.perf.links import NETWORK
from gpumix.perf.precision import kv_bytes_per_value, weight_format
from gpumix.perf.shapes import shape_of
from gpumix.predict.columns import Column, IntArray, distinct, refuse_missing
from gpumix.predict.evidence import (
    Asked,
    Evidence,
    asked_of,
    collect,
    rows_for,
    serving_label,
)
from gpumix.predict.points import LAYOUT_COLUMNS, Points
from gpumix.predict.room import tight_notes, why_empty
from gpumix.predict.rows import (
    Layout,
    append_notes,
    best_of,
    figure_of,
    layouts_of,
    quantity_of,
)
from gpumix.predict.simulated import DEFAULT_REQUESTS, SIMULATED, simulated
from gpumix.predict.stated import hold_context
from gpumix.units import MS
from gpumix.values import repeated

CHUNK_ROWS = 15_000
"""Rows worked on at once: small enough that the arrays stay in the processor's cache."""


def predict_inference(
    points: Mapping[str, Sequence[object]],
    *,
    gpus: Path | None = None,
    models: Path | None = None,
    measured: Path | None = None,
    catalog: Catalog | None = None,
    requests: int = DEFAULT_REQUESTS,
    seed: int = 0,
) -> Predictions:
    """Predicted value, 80 % interval, basis, limit and note of every point, in order.

    Args:
        points: column name -> sequence; columns of the points contract, others are ignored.
        gpus, models: sheets laid over the catalogue.
        measured: folder of the team's own measurements, which move predictions near them.
        catalog: used instead of a fresh one with those sheets.
        requests: of a run at a stated rate, where a point's own column `requests` states none;
            0: bursts and rates are answered in closed form, not simulated [count].
        seed: of simulated runs; the same seed gives the same answers.

    Raises:
        InputError: columns missing or of different length, or a sheet that cannot be read.
    """
    refuse_missing(points)
    catalog = catalog or load(gpus=gpus, models=models, measured=measured)
    evidence = serving_evidence(catalog, requests, seed)
    return Predictions(**_predict(points, catalog, evidence, requests, seed).out)


@lru_cache(maxsize=8)
def serving_evidence(
    catalog: Catalog, requests: int = DEFAULT_REQUESTS, seed: int = 0
) -> Evidence | None:
    """What the catalogue's measured rows say of serving; None where there are none."""
    columns = rows_for(catalog.measured, training=False)
    if not columns.get("value"):
        return None
    work = _predict(columns, catalog, None, requests, seed)
    return collect(columns, work.asked(), work.out["value"], catalog.shrinkage["inference"])


def _predict(
    points: Mapping[str, Sequence[object]],
    catalog: Catalog,
    evidence: Evidence | None,
    requests: int,
    seed: int,
) -> _Prediction:
    """The work on a table of points, done: `out` holds predictions."""
    table = Points(points, catalog)
    rows = table.rows
    ids = points.get("id")
    out: dict[str, npt.NDArray[Any]] = {
        "id": np.asarray(ids if ids is not None else np.arange(rows), dtype=object),
        "value": np.full(rows, np.nan),
        "low": np.full(rows, np.nan),
        "high": np.full(rows, np.nan),
        "basis": repeated(Basis.MODELLED.value, rows),
        "limit": repeated("", rows),
        "note": table.faults(),
    }
    work = _Prediction(table, catalog, out, evidence, requests, seed)
    if rows:
        work.fill()
    return work


@dataclass(frozen=True, slots=True)
class _Served:
    """Every layout of every deployment asked about, and what to tell of each.

    `basis` is that of the constants, `named` are ids of GPUs and labels of deployments,
    `reads_only` says that a model gives no answer; combination c of a table has the layouts
    `start[c]` to `start[c] + many[c]`.
    """

    dep: Deployment
    notes: npt.NDArray[np.object_]
    basis: npt.NDArray[np.object_]
    named: tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]]
    reads_only: npt.NDArray[np.bool_]
    start: IntArray
    many: IntArray


class _Prediction:
    """The work on one table: resolve names once, build deployments once, answer in chunks."""

    def __init__(
        self,
        points: Points,
        catalog: Catalog,
        out: dict[str, npt.NDArray[Any]],
        evidence: Evidence | None,
        requests: int,
        seed: int,
    ) -> None:
        self.points, self.catalog, self.out, self.evidence = points, catalog, out, evidence
        self.requests, self.seed = requests, seed
        self.stood: list[tuple[IntArray, Asked]] = []

    def fill(self) -> None:
        """Fill the OUT columns of every row."""
        first, group = self.points.combinations()
        served, pictures = self._resolve(first)
        wrong = self.out["note"].astype(bool)
        self._answer_text(served, group, ~wrong)
        self._answer_media(pictures, group, ~wrong)
        length = self.points.number("input_len") + np.nan_to_num(self.points.number("output_len"))
        hold_context(self.out, length, self._longest(first)[group])
        for combination, note in self.unresolved.items():
            rows = np.flatnonzero((group == combination) & ~wrong)
            self.out["note"][rows] = note
        self.out["basis"][~np.isfinite(self.out["value"])] = ""

    def asked(self) -> Asked:
        """Where every row stands; rows without an answer stand nowhere."""
        rows = len(self.out["value"])
        none, nowhere = np.full(rows, "", dtype="<U1"), np.zeros(rows)
        blank = Asked(Places(none, none, none, none, nowhere, nowhere, nowhere), none)
        parts = [(np.arange(rows), blank), *self.stood]
        places = Places.join([asked.places for _, asked in parts])
        keys = np.concatenate([asked.keys for _, asked in parts])
        last = np.zeros(rows, dtype=np.int64)
        at = 0
        for index, asked in parts:
            last[index] = at + np.arange(len(asked.keys))
            at += len(asked.keys)
        return Asked(places.take(last), keys[last])

    def _setup(self, gpu: Gpu, model: Model, layout: Layout, row: int) -> Setup:
        weights, cache, _ = self.points.weights(row)
        engine, version = (
            self.points.cell("engine", row).lower(),
            self.points.cell("engine_version", row),
        )
        settings = EngineSettings(
            chunk_tokens=self.points.count("chunk_tokens", row),
            overlapped_batches=self.points.count("overlapped_batches", row) or 1,
        )
        return Setup(model, gpu, engine, weights, cache, version, *layout, settings)

    def _longest(self, first: IntArray) -> npt.NDArray[np.float64]:
        """Longest request of each combination [tokens]: stated, else the model's, else NaN."""
        found = np.full(len(first), np.nan)
        for combination, row in enumerate(first.tolist()):
            stated = self.points.count("context", row)
            if combination not in self.unresolved:
                named = self.catalog.named_model(self.points.cell("model", row))
                found[combination] = stated or named.longest or np.nan
        return found

    def _resolve(
        self, first: IntArray
    ) -> tuple[dict[int, list[tuple[Gpu, Model, Layout, int]]], dict[int, tuple[Gpu, Model, int]]]:
        """Per distinct deployment: its GPU, model and layouts; what cannot be resolved is noted."""
        served: dict[int, list[tuple[Gpu, Model, Layout, int]]] = {}
        pictures: dict[int, tuple[Gpu, Model, int]] = {}
        self.unresolved: dict[int, str] = {}
        for combination, row in enumerate(first.tolist()):
            try:
                part = self.catalog.named_gpu(self.points.cell("gpu", row), "gpu")
                gpu = part.gpu
                model = self.catalog.model(self.points.cell("model", row), "model")
                counts = {name: self.points.count(name, row) for name in LAYOUT_COLUMNS}
                if not any(counts.values()):
                    counts["n_gpus"] = part.count
                weights, cache, _ = self.points.weights(row)
                if model.is_denoiser:
                    weight_format(weights, gpu, model, "")
                    media.denoiser(model, media.Picture())
                    pictures[combination] = gpu, model, row
                    continue
                shape_of(model)
                weight_format(weights, gpu, model, "")
                kv_bytes_per_value(cache)
                layouts = layouts_of(model, **counts)
                if isinstance(layouts, str):
                    self.unresolved[combination] = layouts
                    continue
                served[combination] = [(gpu, model, layout, row) for layout in layouts]
            except (InputError, NoEstimate) as error:
                self.unresolved[combination] = str(error)
        return served, pictures

    def _answer_text(
        self,
        served: Mapping[int, list[tuple[Gpu, Model, Layout, int]]],
        group: IntArray,
        usable: npt.NDArray[np.bool_],
    ) -> None:
        if not served:
            return
        flat = [one for candidates in served.values() for one in candidates]
        start = np.zeros(int(group.max()) + 1, dtype=np.int64)
        many = np.zeros_like(start)
        at = 0
        for combination, candidates in served.items():
            start[combination], many[combination] = at, len(candidates)
            at += len(candidates)
        dep = deployments(
            [self._setup(gpu, model, layout, row) for gpu, model, layout, row in flat],
            self.catalog.coefficients,
        )
        told = zip((self.points.weights(row)[2] for *_, row in flat), dep.notes, strict=True)
        notes = np.array(["; ".join(filter(None, pair)) for pair in told], dtype=object)
        tables = self.catalog.coefficients.inference
        bases = [Basis.CALIBRATED if is_fitted(k, tables) else Basis.MODELLED for k in dep.keys]
        basis = np.array([one.value for one in bases], dtype=object)[dep.key_index]
        labels = [
            serving_label(
                gpu.id, model.id, layout, self.points.weights(row)[0],
                dep.keys[dep.key_index[i]],
            )
            for i, (gpu, model, layout, row) in enumerate(flat)
        ]  # fmt: skip
        named = np.array([gpu.id for gpu, *_ in flat]), np.array(labels)
        reads_only = np.array([one[1].kind in ("embedding", "encoder") for one in flat])
        rows = np.flatnonzero(usable & (many[group] > 0))
        rows = rows[self.points.by_kind(rows, (dep.expert_params > 0.0)[start[group[rows]]])]
        served_as = _Served(dep, notes, basis, named, reads_only, start, many)
        chunks = np.array_split(rows, max(1, -(-len(rows) // CHUNK_ROWS)))
        with ThreadPoolExecutor(max_workers=2) as pool:  # long arrays let others run
            list(pool.map(lambda chunk: self._answer_chunk(chunk, group, served_as), chunks))

    def _answer_chunk(self, chunk: IntArray, group: IntArray, served: _Served) -> None:
        """Answer some rows: each by the best of its layouts."""
        if len(chunk) == 0:
            return
        count, begin = served.many[group[chunk]], served.start[group[chunk]]
        source = np.repeat(np.arange(len(chunk)), count)
        offset = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
        index = begin[source] + offset
        questions = self.points.questions(chunk[source], served.reads_only[index])
        part = served.dep.take(index)
        value, limit = answer(part, questions, self.catalog.coefficients)
        sent = self.points.run_requests(chunk[source], self.requests)
        ran = simulated(
            part, questions, index, sent, np.isfinite(value), self.catalog.coefficients, self.seed,
        )  # fmt: skip
        value = np.where(ran.simulated, ran.value, value)
        if len(source) > len(chunk):
            best = best_of(value, source, count, questions.metric)
            part, questions, index = part.take(best), questions.take(best), index[best]
            value, limit, ran = value[best], limit[best], ran.take(best)
        self.out["note"][chunk] = served.notes[index]
        self.out["basis"][chunk] = served.basis[index]
        self._tell(chunk[ran.simulated], ran.note[ran.simulated])
        self._write(chunk, part, index, value, limit, questions, served.named)

    def _tell(self, rows: IntArray, notes: npt.NDArray[np.object_]) -> None:
        """Write of rows that they are runs of the simulator."""
        self.out["basis"][rows] = SIMULATED
        append_notes(self.out["note"], rows, notes)

    def _write(
        self,
        rows: IntArray,
        dep: Deployment,
        index: IntArray,
        value: npt.NDArray[np.float64],
        limit: npt.NDArray[np.object_],
        questions: Questions,
        named: tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]],
    ) -> None:
        keys = dep.key_index
        metrics, metric = self.points.table["metric"].texts, self.points.table["metric"].codes[rows]
        quantities = np.array([quantity_of(name) for name in metrics])
        machines = np.array([k.machine for k in dep.keys])
        engines = np.array([k.engine for k in dep.keys])
        routed = dep.expert_params > 0.0
        tables = self.catalog.coefficients.inference
        sigma, lean = widths(tables, quantities, metric, machines, engines, keys, routed)
        between = np.array([k.link == NETWORK for k in dep.keys])
        if between.any():  # no row tells those: no surer than an engine that none tells
            engines[between] = "other"
            unknown, _ = widths(tables, quantities, metric, machines, engines, keys, routed)
            sigma = np.maximum(sigma, unknown)
        asked = None
        if self._cares:
            figures = np.array([figure_of(name) for name in metrics])[metric]
            asked = asked_of(engines[keys], named[0][index], named[1][index], figures, questions)
        self._settle(rows, value, sigma, asked, lean)
        self.out["limit"][rows] = limit
        found = memory(dep, questions.input_len, questions.output_len)
        tight, notes = tight_notes(dep, found, questions.input_len + questions.output_len)
        known = np.isfinite(value)[tight]
        append_notes(self.out["note"], rows[tight[known]], notes[known])
        empty = np.flatnonzero(~np.isfinite(value))
        self.out["note"][rows[empty]] = why_empty(found, questions, empty)
        self.out["limit"][rows[empty]] = ""

    @property
    def _cares(self) -> bool:
        """Whether it matters where rows stand: there is evidence, or the table is to become it."""
        return self.evidence is not None or len(self.catalog.measured) > 0

    def _settle(
        self,
        rows: IntArray,
        value: npt.NDArray[np.float64],
        sigma: npt.NDArray[np.float64],
        asked: Asked | None,
        lean: npt.NDArray[np.float64] | float = 0.0,
    ) -> None:
        """Write values and intervals, moved by what was measured near them."""
        if asked is not None and self.evidence is None:
            self.stood.append((rows, asked))
        elif asked is not None and self.evidence is not None:
            moved = self.evidence.move(asked, sigma)
            value, sigma = value * moved.factor, moved.sigma
            known = np.isfinite(value)
            told, kind = known & (moved.note != ""), known & (moved.basis != "")
            append_notes(self.out["note"], rows[told], moved.note[told])
            self.out["basis"][rows[kind]] = moved.basis[kind]
        low, high = interval(value, sigma, lean)
        self.out["value"][rows], self.out["low"][rows], self.out["high"][rows] = value, low, high

    def _answer_media(
        self,
        pictures: Mapping[int, tuple[Gpu, Model, int]],
        group: IntArray,
        usable: npt.NDArray[np.bool_],
    ) -> None:
        if not pictures:
            return
        is_media = np.zeros(int(group.max()) + 1, dtype=bool)
        is_media[list(pictures)] = True
        rows = np.flatnonzero(is_media[group] & usable)
        asked = [self.points.table[n] for n in ("dataset", "load", "load_value", "metric", "slo")]
        whole = Column("deployment", group, tuple(str(i) for i in range(len(is_media))))
        picked = [Column(c.name, c.codes[rows], c.texts) for c in (*asked, whole)]
        first, index = distinct(picked)
        for question, at in enumerate(first.tolist()):
            row = int(rows[at])
            gpu, model, _ = pictures[int(group[row])]
            here = rows[index == question]
            value, note = self._media_value(gpu, model, row)
            self.out["note"][here] = "; ".join(filter(None, (self.points.weights(row)[2], note)))
            if gpu.architecture in self.catalog.coefficients.media["architecture"]:
                self.out["basis"][here] = Basis.CALIBRATED.value
            sigma = self.catalog.coefficients.inference["sigma"]["quantity"]["media"]
            values, sigmas = np.full(len(here), value), np.full(len(here), sigma)
            where = self._picture_asked(here, gpu, model) if self._cares else None
            self._settle(here, values, sigmas, where)
            self.out["limit"][here] = "compute" if np.isfinite(value) else ""

    def _picture_asked(self, rows: IntArray, gpu: Gpu, model: Model) -> Asked:
        """Where questions about one picture stand: each picture is a deployment of its own."""
        row = int(rows[0])
        stated = ("weight_precision", "engine", *LAYOUT_COLUMNS, "dataset")
        label = " ".join([gpu.id, model.id, *(self.points.cell(name, row) for name in stated)])
        metric, batch = self.points.cell("metric", row), self.points.cell("load_value", row)
        engine = self.points.cell("engine", row).lower() or "diffusers"

        def all_rows(text: str) -> npt.NDArray[np.str_]:
            return np.full(len(rows), text)

        one = np.ones(len(rows))
        places = Places(
            all_rows(engine), all_rows(gpu.id), all_rows(label),
            all_rows(f"media {figure_of(metric)}"), one, one,
            one * np.nan_to_num(numbers_in([batch]), nan=1.0),
        )  # fmt: skip
        return Asked(places, all_rows(f"{label} {metric} {batch}"))

    def _media_value(self, gpu: Gpu, model: Model, row: int) -> tuple[float, str]:
        metric = self.points.cell("metric", row)
        n = self.points.count("n_gpus", row) or 1
        copies = self.points.count("tp", row) is None or (self.points.count("dp", row) or 1) > 1
        engine = self.points.cell("engine", row).lower()
        precision, _, _ = self.points.weights(row)
        work = media.denoiser(model, media.parse_picture(self.points.cell("dataset", row)))
        load_value = float(self.points.number("load_value", np.array([row]))[0])
        form = weight_format(precision, gpu, model, engine)
        if load_value == 0.0:
            return float("nan"), "a load of 0 asks for nothing"
        load, note = self.points.cell("load", row), form.note
        if load == "request_rate" and metric == "e2e_ms_mean":
            load, load_value, n = "single_stream", float("nan"), 1 if copies else n
            note = "; ".join(filter(None, (note, "of a request that does not wait")))
        rate = media.load_rate(
            work, gpu, model, gpus=n, copies=copies, load=load,
            load_value=load_value, precision=precision, engine=engine,
            coefficients=self.catalog.coefficients,
        )  # fmt: skip
        if metric in ("samples_s", "requests_s"):
            return rate, form.note
        if metric == "e2e_ms_mean":
            batch = 1.0 if np.isnan(load_value) else load_value
            return batch / rate / MS, note
        if metric == "avg_power_w":
            return media.power_w(work, gpu, n, rate, form, self.catalog.coefficients), form.note
        return float("nan"), f"metric {metric} has no meaning for {model.id}"
