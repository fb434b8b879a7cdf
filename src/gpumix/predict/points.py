"""A table of questions about serving, as codes into its distinct texts: what each row states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.catalog import Catalog
from gpumix.perf.inference.questions import LOADS, METRICS, Questions
from gpumix.predict.columns import Column, IntArray, column, distinct, rows_of
from gpumix.predict.rows import add_notes, cut_at, parse_slo, spread_of, unknown
from gpumix.predict.stated import stated_weights
from gpumix.values import FloatArray, repeated

TEXT_COLUMNS = (
    "gpu", "model", "weight_precision", "kv_precision", "engine", "engine_version",
)  # fmt: skip
STARTED_COLUMNS = ("context", "chunk_tokens", "overlapped_batches")
LAYOUT_COLUMNS = ("n_gpus", "tp", "pp", "dp", "ep")
NUMBER_COLUMNS = ("input_len", "output_len", "load_value", "requests", *STARTED_COLUMNS)
WORD_COLUMNS = ("load", "metric", "dataset", "slo")


class Points:
    """The columns of the points contract; a number is read once for every distinct text."""

    def __init__(self, points: Mapping[str, Sequence[object]], catalog: Catalog) -> None:
        self.rows, self.catalog = rows_of(points), catalog
        self.table = {
            name: column(points, name, self.rows)
            for name in (*TEXT_COLUMNS, *LAYOUT_COLUMNS, *NUMBER_COLUMNS, *WORD_COLUMNS)
        }
        self.read = {
            name: self.table[name].numbers() for name in (*LAYOUT_COLUMNS, *NUMBER_COLUMNS)
        }

    def combinations(self) -> tuple[IntArray, IntArray]:
        """First row of every distinct deployment as started, and which of them is each row's."""
        names = (*TEXT_COLUMNS, *LAYOUT_COLUMNS, *STARTED_COLUMNS)
        return distinct([self.table[name] for name in names])

    def number(self, name: str, rows: IntArray | slice = slice(None)) -> FloatArray:
        """A column's numbers, of some rows; NaN where none is stated."""
        return np.asarray(self.read[name][0][self.table[name].codes[rows]])

    def word(self, name: str, rows: IntArray) -> npt.NDArray[np.str_]:
        """A column's texts, of some rows."""
        one = self.table[name]
        return np.array(one.texts)[one.codes[rows]]

    def cell(self, name: str, row: int) -> str:
        """The text of one row."""
        one = self.table[name]
        return str(one.texts[int(one.codes[row])])

    def weights(self, row: int) -> tuple[str, str, str]:
        """Precision of weights and cache of a row, and what to tell of its model and them."""
        names = ("model", "gpu", "weight_precision", "kv_precision")
        return _named_weights(self.catalog, *(self.cell(name, row) for name in names))

    def count(self, name: str, row: int) -> int | None:
        """The whole number of one row; None where none is stated."""
        value = self.read[name][0][self.table[name].codes[row]]
        return None if np.isnan(value) else int(value)

    def faults(self) -> npt.NDArray[Any]:
        """Per row, what is wrong with its numbers, load, metric or limits; '' if nothing."""
        notes = repeated("", self.rows)
        for name, (_, wrong) in self.read.items():
            add_notes(notes, self.table[name], wrong)
        metric, load, slo = self.table["metric"], self.table["load"], self.table["slo"]
        known = set(METRICS)
        add_notes(notes, metric, [unknown("metric", t, known) for t in metric.texts])
        loads = set(LOADS)
        add_notes(notes, load, [unknown("load", t, loads) for t in load.texts])
        add_notes(notes, slo, [parse_slo(text)[2] for text in slo.texts])
        return notes

    def by_kind(self, rows: IntArray, routed: npt.NDArray[np.bool_]) -> IntArray:
        """An order of rows in which those that the same formulas answer follow each other."""
        load, metric = (
            Column(one.name, one.codes[rows], one.texts)
            for one in (self.table["load"], self.table["metric"])
        )
        kind = distinct([load, Column("routed", routed.astype(np.int64), ("", "x")), metric])[1]
        return np.argsort(kind.astype(np.min_scalar_type(int(kind.max(initial=0)))), kind="stable")

    def questions(self, rows: IntArray, reads_only: npt.NDArray[np.bool_]) -> Questions:
        """What rows ask; a model that gives no answer is asked for none."""
        output_len = self.number("output_len", rows)
        slo = self.table["slo"]
        limits = np.array([parse_slo(text)[:2] for text in slo.texts])[slo.codes[rows]]
        dataset = self.table["dataset"]
        cut = np.array([cut_at(t) for t in dataset.texts])[dataset.codes[rows]]
        return Questions(
            input_len=self.number("input_len", rows),
            output_len=np.where(reads_only & np.isnan(output_len), 0.0, output_len),
            load=self.word("load", rows),
            load_value=self.number("load_value", rows),
            metric=self.word("metric", rows),
            tpot_limit_s=limits[:, 0],
            ttft_limit_s=limits[:, 1],
            spread=spread_of(dataset.texts, dataset.codes[rows], output_len),
            longest=np.maximum(cut / output_len, 1.0),
        )

    def run_requests(self, rows: IntArray, others: int) -> FloatArray:
        """Requests of each row's run: its own, else those of every row that states none."""
        stated = self.number("requests", rows)
        return np.asarray(np.where(np.isnan(stated), float(others), stated))


@lru_cache(maxsize=10_000)
def _named_weights(
    catalog: Catalog, model: str, gpu: str, weights: str, cache: str
) -> tuple[str, str, str]:
    named, part = catalog.named_model(model, "model"), catalog.named_gpu(gpu, "gpu")
    weights, cache, told = stated_weights(named, weights, cache)
    return weights, cache, "; ".join(filter(None, (part.note, told)))
