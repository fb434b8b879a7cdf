"""Predictions for a table of points: the contract's columns in, its OUT columns back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.catalog import Catalog, load
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import GpumixError, unknown_name
from gpumix.perf import media
from gpumix.perf.deployment import Deployment, deployments
from gpumix.perf.interval import interval, tier_sigma
from gpumix.perf.memory import memory
from gpumix.perf.precision import kv_bytes_per_value, weight_format
from gpumix.perf.questions import LOADS, METRICS, Questions, answer
from gpumix.perf.shapes import shape_of
from gpumix.planner.columns import Column, IntArray, column, distinct, rows_of
from gpumix.units import GIGA, MS

CHUNK_ROWS = 20_000
"""Rows worked on at once: small enough that the arrays stay in the processor's cache."""

TEXT_COLUMNS = (
    "gpu", "model", "weight_precision", "kv_precision", "engine", "engine_version",
)  # fmt: skip
LAYOUT_COLUMNS = ("n_gpus", "tp", "pp", "dp", "ep")
NUMBER_COLUMNS = ("input_len", "output_len", "load_value")
WORD_COLUMNS = ("load", "metric", "dataset", "slo")

TENSOR_PARALLEL = (1, 2, 4, 8, 16, 32, 64, 72)
"""Tensor-parallel degrees tried where the layout is not stated."""

_LIMIT = re.compile(r"^(ttft|tpot|e2e|itl)(?:_(?:mean|p50|p90|p95|p99))?_ms<=([0-9.]+)$")

Layout = tuple[int, int, int, int]


def predict_inference(
    points: Mapping[str, Sequence[object]],
    *,
    gpus: Path | None = None,
    models: Path | None = None,
    catalog: Catalog | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Predicted value, 80 % interval, basis, limit and note of every point, in order.

    Args:
        points: column name -> sequence; columns of the points contract, others are ignored.
        gpus, models: sheets laid over the catalogue.
        catalog: used instead of a fresh one with those sheets.

    Raises:
        InputError: columns of different length, or a sheet that cannot be read.
    """
    rows = rows_of(points)
    catalog = catalog or load(gpus=gpus, models=models)
    table = {
        name: column(points, name, rows)
        for name in (*TEXT_COLUMNS, *LAYOUT_COLUMNS, *NUMBER_COLUMNS, *WORD_COLUMNS)
    }
    ids = points.get("id")
    out: dict[str, npt.NDArray[Any]] = {
        "id": np.asarray(ids if ids is not None else np.arange(rows), dtype=object),
        "value": np.full(rows, np.nan),
        "low": np.full(rows, np.nan),
        "high": np.full(rows, np.nan),
        "basis": np.full(rows, Basis.MODELLED.value, dtype=object),
        "limit": np.full(rows, "", dtype=object),
        "note": np.full(rows, "", dtype=object),
    }
    if rows:
        _Prediction(table, catalog, out).fill()
    return out


class _Prediction:
    """The work on one table: resolve names once, build deployments once, answer in chunks."""

    def __init__(
        self, table: Mapping[str, Column], catalog: Catalog, out: dict[str, npt.NDArray[Any]]
    ) -> None:
        self.table, self.catalog, self.out = table, catalog, out
        self.numbers = {name: table[name].numbers() for name in (*LAYOUT_COLUMNS, *NUMBER_COLUMNS)}

    def fill(self) -> None:
        """Fill the OUT columns of every row."""
        asked = [self.table[name] for name in (*TEXT_COLUMNS, *LAYOUT_COLUMNS)]
        first, group = distinct(asked)
        served, pictures = self._resolve(first)
        words = self._word_notes()
        self.out["note"][:] = words
        wrong = np.array([bool(note) for note in words])
        self._answer_text(served, group, ~wrong)
        self._answer_media(pictures, group, ~wrong)
        for combination, note in self.unresolved.items():
            rows = np.flatnonzero((group == combination) & ~wrong)
            self.out["note"][rows] = note
        self.out["basis"][~np.isfinite(self.out["value"])] = ""

    def _cell(self, name: str, row: int) -> str:
        one = self.table[name]
        return str(one.texts[int(one.codes[row])])

    def _count(self, name: str, row: int) -> int | None:
        value = self.numbers[name][0][self.table[name].codes[row]]
        return None if np.isnan(value) else int(value)

    def _resolve(
        self, first: IntArray
    ) -> tuple[dict[int, list[tuple[Gpu, Model, Layout, int]]], dict[int, tuple[Gpu, Model, int]]]:
        """Per distinct deployment: its GPU, model and layouts; what cannot be resolved is noted."""
        served: dict[int, list[tuple[Gpu, Model, Layout, int]]] = {}
        pictures: dict[int, tuple[Gpu, Model, int]] = {}
        self.unresolved: dict[int, str] = {}
        for combination, row in enumerate(first.tolist()):
            try:
                gpu = self.catalog.gpu(self._cell("gpu", row), "gpu")
                model = self.catalog.model(self._cell("model", row), "model")
                counts = {name: self._count(name, row) for name in LAYOUT_COLUMNS}
                if model.is_denoiser:
                    weight_format(self._cell("weight_precision", row), gpu, model, "")
                    media.denoiser(model, media.Picture())
                    pictures[combination] = gpu, model, row
                    continue
                shape_of(model)
                weight_format(self._cell("weight_precision", row), gpu, model, "")
                kv_bytes_per_value(self._cell("kv_precision", row))
                layouts = layouts_of(model, **counts)
                if isinstance(layouts, str):
                    self.unresolved[combination] = layouts
                    continue
                served[combination] = [(gpu, model, layout, row) for layout in layouts]
            except GpumixError as error:
                self.unresolved[combination] = str(error)
        return served, pictures

    def _word_notes(self) -> npt.NDArray[Any]:
        """Per row, what is wrong with its numbers, load, metric or limits; '' if nothing."""
        notes = np.full(len(self.out["note"]), "", dtype=object)
        for name, (_, wrong) in self.numbers.items():
            _add_notes(notes, self.table[name], wrong)
        metric, load, slo = self.table["metric"], self.table["load"], self.table["slo"]
        known = set(METRICS)
        _add_notes(notes, metric, [_unknown("metric", t, known) for t in metric.texts])
        loads = set(LOADS)
        _add_notes(notes, load, [_unknown("load", t, loads) for t in load.texts])
        _add_notes(notes, slo, [parse_slo(text)[2] for text in slo.texts])
        return notes

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
            [gpu_model[1] for gpu_model in flat],
            [gpu_model[0] for gpu_model in flat],
            tp=[f[2][0] for f in flat],
            pp=[f[2][1] for f in flat],
            dp=[f[2][2] for f in flat],
            ep=[f[2][3] for f in flat],
            weight_precision=[self._cell("weight_precision", f[3]) for f in flat],
            kv_precision=[self._cell("kv_precision", f[3]) for f in flat],
            engine=[self._cell("engine", f[3]).lower() for f in flat],
            engine_version=[self._cell("engine_version", f[3]) for f in flat],
            coefficients=self.catalog.coefficients,
        )
        reads_only = np.array([one[1].kind in ("embedding", "encoder") for one in flat])
        rows = np.flatnonzero(usable & (many[group] > 0))
        for chunk in np.array_split(rows, max(1, -(-len(rows) // CHUNK_ROWS))):
            if len(chunk) == 0:
                continue
            count = many[group[chunk]]
            source = np.repeat(np.arange(len(chunk)), count)
            offset = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
            index = start[group[chunk]][source] + offset
            questions = self._questions(chunk[source], reads_only[index])
            part = dep.take(index)
            value, limit = answer(part, questions, self.catalog.coefficients)
            best = _best(value, source, count, questions.metric)
            self._write(chunk, dep, index[best], value[best], limit[best], questions.take(best))

    def _questions(self, rows: IntArray, reads_only: npt.NDArray[np.bool_]) -> Questions:
        def number(name: str) -> npt.NDArray[np.float64]:
            return np.asarray(self.numbers[name][0][self.table[name].codes[rows]])

        def word(name: str) -> npt.NDArray[np.str_]:
            one = self.table[name]
            return np.array(one.texts)[one.codes[rows]]

        output_len = number("output_len")
        slo = self.table["slo"]
        limits = np.array([parse_slo(text)[:2] for text in slo.texts])[slo.codes[rows]]
        dataset = self.table["dataset"]
        spread = np.array([float(t not in ("", "fixed")) for t in dataset.texts])
        return Questions(
            input_len=number("input_len"),
            output_len=np.where(reads_only & np.isnan(output_len), 0.0, output_len),
            load=word("load"),
            load_value=number("load_value"),
            metric=word("metric"),
            tpot_limit_s=limits[:, 0],
            ttft_limit_s=limits[:, 1],
            spread=spread[dataset.codes[rows]],
        )

    def _write(
        self,
        rows: IntArray,
        dep: Deployment,
        index: IntArray,
        value: npt.NDArray[np.float64],
        limit: npt.NDArray[np.str_],
        questions: Questions,
    ) -> None:
        keys = dep.key_index[index]
        metrics, metric = np.unique(questions.metric, return_inverse=True)
        sigma = tier_sigma(
            self.catalog.coefficients.inference,
            np.array([quantity_of(name) for name in metrics])[metric],
            np.array([k.architecture for k in dep.keys])[keys],
            np.array([k.engine for k in dep.keys])[keys],
            dep.expert_params[index] > 0.0,
        )
        low, high = interval(value, sigma)
        self.out["value"][rows], self.out["low"][rows], self.out["high"][rows] = value, low, high
        self.out["limit"][rows] = limit
        notes = np.array(dep.notes, dtype=object)[index]
        self.out["note"][rows] = notes
        empty = ~np.isfinite(value)
        reasons = self._reasons(dep, index[empty], questions.take(np.flatnonzero(empty)))
        self.out["note"][rows[empty]] = reasons
        self.out["limit"][rows[empty]] = ""

    @staticmethod
    def _reasons(dep: Deployment, index: IntArray, questions: Questions) -> list[str]:
        fits = memory(dep.take(index), questions.input_len, questions.output_len)
        return [
            _reason(
                str(questions.load[row]),
                bool(np.isnan(questions.input_len[row] + questions.output_len[row])),
                bool(np.isnan(questions.load_value[row])),
                bool(fits.fits[row]),
                float(fits.weights_bytes[row]),
            )
            for row in range(len(index))
        ]

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
        asked = [self.table[n] for n in ("dataset", "load", "load_value", "metric", "slo")]
        whole = Column("deployment", group, tuple(str(i) for i in range(len(is_media))))
        picked = [Column(c.name, c.codes[rows], c.texts) for c in (*asked, whole)]
        first, index = distinct(picked)
        for question, at in enumerate(first.tolist()):
            row = int(rows[at])
            gpu, model, _ = pictures[int(group[row])]
            here = rows[index == question]
            value, note = self._media_value(gpu, model, row)
            sigma = self.catalog.coefficients.inference["sigma"]["quantity"]["media"]
            low, high = interval(value, sigma)
            self.out["value"][here], self.out["low"][here], self.out["high"][here] = (
                value,
                low,
                high,
            )
            self.out["note"][here] = note
            self.out["limit"][here] = "compute" if np.isfinite(value) else ""

    def _media_value(self, gpu: Gpu, model: Model, row: int) -> tuple[float, str]:
        metric = self._cell("metric", row)
        n = self._count("n_gpus", row) or 1
        tp = self._count("tp", row)
        engine = self._cell("engine", row).lower()
        precision = self._cell("weight_precision", row)
        work = media.denoiser(model, media.parse_picture(self._cell("dataset", row)))
        load_value = self.numbers["load_value"][0][self.table["load_value"].codes[row]]
        form = weight_format(precision, gpu, model, engine)
        rate = media.load_rate(
            work, gpu, model, gpus=n, copies=tp is None, load=self._cell("load", row),
            load_value=load_value, precision=precision, engine=engine,
            coefficients=self.catalog.coefficients,
        )  # fmt: skip
        if metric in ("samples_s", "requests_s"):
            return rate, form.note
        if metric == "e2e_ms_mean":
            batch = 1.0 if np.isnan(load_value) else float(load_value)
            return batch / rate / MS, form.note
        if metric == "avg_power_w":
            return media.power_w(work, gpu, n, rate, form, self.catalog.coefficients), form.note
        return float("nan"), f"metric {metric} has no meaning for {model.id}"


def layouts_of(
    model: Model,
    n_gpus: int | None,
    tp: int | None,
    pp: int | None,
    dp: int | None,
    ep: int | None,
) -> list[Layout] | str:
    """The stated layout, or every layout that uses all GPUs; or why there is none.

    >>> from gpumix.catalog import load
    >>> llama = load().models["meta-llama/Llama-3.1-8B-Instruct"]
    >>> layouts_of(llama, 2, None, None, None, None)
    [(1, 1, 2, 1), (2, 1, 1, 1)]
    """
    if tp is not None or pp is not None or dp is not None:
        counts = (tp or 1, pp or 1, dp or 1)
        stated = counts[0] * counts[1] * counts[2]
        if n_gpus and stated != n_gpus:
            if dp is None and n_gpus % stated == 0:
                counts = (counts[0], counts[1], n_gpus // stated)
            else:
                return f"tp x pp x dp = {stated}, but n_gpus is {n_gpus}"
        if min(counts) < 1:
            return "tp, pp and dp must be at least 1"
        return [(*counts, ep or 1)]
    n = n_gpus if n_gpus is not None else 1
    if n < 1:
        return "n_gpus must be at least 1"
    shared = ep or (n if model.is_moe else 1)
    found = [(t, 1, n // t, shared) for t in TENSOR_PARALLEL if t <= n and n % t == 0]
    return found if any(t == n for t, *_ in found) else [*found, (n, 1, 1, shared)]


def parse_slo(text: str) -> tuple[float, float, str]:
    """Limits of TPOT and TTFT [s] in `ttft_p99_ms<=2000;tpot_p99_ms<=200`, and what is wrong.

    >>> parse_slo("ttft_p99_ms<=2000;tpot_p99_ms<=200")
    (0.2, 2.0, '')
    """
    limits = {"tpot": np.inf, "ttft": np.inf}
    for part in (p.strip() for p in text.split(";")):
        if not part:
            continue
        found = _LIMIT.match(part)
        if not found:
            return np.inf, np.inf, f"limit not understood: {part!r}"
        limits[found[1]] = min(limits.get(found[1], np.inf), float(found[2]) * MS)
    return limits["tpot"], limits["ttft"], ""


def quantity_of(metric: str) -> str:
    """What kind of figure a metric is, for its interval: throughput, ttft, tpot, itl, e2e, power.

    >>> quantity_of("ttft_ms_p95"), quantity_of("requests_s")
    ('ttft', 'throughput')
    """
    head = metric.split("_", 1)[0]
    if head in ("ttft", "tpot", "itl", "e2e"):
        return head
    return "power" if metric in ("avg_power_w", "joules_per_output_token") else "throughput"


def errors(
    predicted: npt.NDArray[np.float64], measured: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """|predicted - measured| / measured, NaN where there is no prediction.

    >>> errors(np.array([110.0, 90.0]), np.array([100.0, 100.0])).round(3).tolist()
    [0.1, 0.1]
    """
    return np.abs(predicted - measured) / measured


NEEDS_NO_VALUE = ("max_throughput", "single_stream", "request_rate")


def _reason(load: str, no_length: bool, no_value: bool, fits: bool, weights_bytes: float) -> str:
    """Why a question has no answer."""
    if no_length:
        return "input_len and output_len are needed"
    if no_value and load not in NEEDS_NO_VALUE:
        return f"load {load} needs load_value"
    if not fits:
        need = weights_bytes / GIGA
        return f"does not fit: {need:.0f} GB of weights a GPU and no room for a request"
    return "no load meets the limits, or this metric has no estimate here"


def _best(
    value: npt.NDArray[np.float64],
    source: IntArray,
    count: IntArray,
    metric: npt.NDArray[np.str_],
) -> IntArray:
    """Of each question's layouts, the row with the best value (the least latency, most rate)."""
    starts = np.cumsum(count) - count
    if count.max() == 1:
        return starts
    lower_is_better = np.char.find(metric, "_ms_") > 0
    score = np.where(lower_is_better, -value, value)
    score = np.where(np.isfinite(score), score, -np.inf)
    best = np.maximum.reduceat(score, starts)
    order = np.flatnonzero(score == best[source])
    return order[np.unique(source[order], return_index=True)[1]].astype(np.int64)


def _add_notes(notes: npt.NDArray[Any], one: Column, wrong: Sequence[str]) -> None:
    for code, note in enumerate(wrong):
        if note:
            rows = np.flatnonzero(one.codes == code)
            notes[rows] = [f"{old}; {note}" if old else note for old in notes[rows]]


def _unknown(kind: str, text: str, known: set[str]) -> str:
    if text in known:
        return ""
    if not text:
        return f"{kind} is not stated"
    return str(unknown_name("", kind, text, known))
