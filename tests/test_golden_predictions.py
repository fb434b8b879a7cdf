"""Real questions and their answers: a formula changed anywhere in perf changes one of them.

The questions stand in the tables beside their answers; `make golden` writes the answers anew.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pytest

import gpumix
from golden_files import GOLDEN, alike, kept
from gpumix import catalog
from gpumix.domain.engines import NEWEST
from gpumix.domain.gpu import PRECISIONS
from gpumix.files import read_columns
from gpumix.perf.inference import questions
from gpumix.perf.training import job as training_job
from gpumix.perf.training.constants import UNKNOWN
from gpumix.predict import training_rows

PREDICT: dict[str, Callable[..., Mapping[str, Sequence[Any]]]] = {
    "inference": gpumix.predict_inference,
    "training": gpumix.predict_training,
}
FIGURES = ("value", "low", "high")
ANSWERS = (*FIGURES, "limit")


@lru_cache
def asked(work: str) -> dict[str, list[str]]:
    """The questions of a table, its answers left out."""
    columns = read_columns(GOLDEN / f"predictions_{work}.csv")
    return {name: cells for name, cells in columns.items() if name not in ANSWERS}


@lru_cache
def answered(work: str) -> dict[str, list[str]]:
    """What the product answers today, as the table writes it."""
    out = PREDICT[work](asked(work))
    numbers = {n: ["nan" if x is None else f"{x:.9g}" for x in out[n]] for n in FIGURES}
    return numbers | {"limit": list(out["limit"])}


def table(columns: Mapping[str, Sequence[str]]) -> str:
    """Columns as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def read_table(text: str) -> dict[str, tuple[str, ...]]:
    """CSV as columns."""
    header, *rows = csv.reader(io.StringIO(text))
    return dict(zip(header, zip(*rows, strict=True), strict=True))


def same(name: str, before: str, now: str) -> bool:
    """Whether a cell stands: limits word for word, figures within the tolerance."""
    return before == now if name == "limit" else alike(float(before), float(now))


@pytest.mark.parametrize("work", PREDICT)
def test_golden_predictions(work: str) -> None:
    now = answered(work)
    name = f"predictions_{work}.csv"
    text = kept(name, table({**asked(work), **now}))
    before = read_table(text)
    moved = [
        f"{id} {column}: {before[column][row]} -> {now[column][row]}"
        for row, id in enumerate(before["id"])
        for column in ANSWERS
        if not same(column, before[column][row], now[column][row])
    ]
    assert not moved, f"{name}: {len(moved)} answers moved (kept -> now)\n" + "\n".join(moved[:25])


@pytest.mark.parametrize("work", PREDICT)
def test_the_value_stands_inside_its_interval(work: str) -> None:
    now = answered(work)
    for id, low, value, high in zip(
        asked(work)["id"], now["low"], now["value"], now["high"], strict=True
    ):
        assert 0.0 < float(low) <= float(value) <= float(high) < float("inf"), id


def test_the_questions_ask_for_everything() -> None:
    """Every load, metric, precision, engine, GPU generation, kind of model, task and layout."""
    known = catalog.load()
    served, trained = asked("inference"), asked("training")
    assert len(served["id"]) + len(trained["id"]) >= 250
    gpus, models = served["gpu"] + trained["gpu"], served["model"] + trained["model"]
    assert {known.gpu(g).architecture for g in gpus} == {
        g.architecture for g in known.gpus.values()
    }
    assert {known.model(m).kind for m in models} == {m.kind for m in known.models.values()}
    assert set(questions.LOADS) == set(served["load"])
    assert set(questions.METRICS) <= set(served["metric"])
    assert set(PRECISIONS) <= set(served["weight_precision"])
    assert set(NEWEST) <= set(served["engine"])
    assert set(training_rows.METRICS) == set(trained["metric"])
    assert set(known.coefficients.training["stack"]) <= {*trained["stack"], UNKNOWN}
    for column, words in (
        ("task", training_job.TASKS),
        ("precision", training_job.PRECISIONS),
        ("sharding", training_job.SHARDINGS),
        ("activation_ckpt", training_job.CHECKPOINTS),
        ("intra_link", training_job.LINKS),
    ):
        assert set(words) <= set(trained[column])
    for table, columns in (
        (served, ("tp", "pp", "dp", "ep")), (trained, ("tp", "pp", "cp", "ep", "dp", "vp")),
    ):  # fmt: skip
        for column in columns:
            assert any(float(cell or 1) > 1 for cell in table[column]), column
