"""Answers as data frames: rows, names and numbers are those of the records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.report import plan_fixture

from gpumix import fields
from gpumix.domain.predictions import Predictions
from gpumix.errors import InputError, UnknownName
from gpumix.report import frames

SUFFIXES = ("_low", "_high", "_basis")


def _frame(columns: dict[str, list[Any]], strict: bool = True) -> dict[str, list[Any]]:
    assert len({len(column) for column in columns.values()}) == 1
    return dict(columns)


POLARS = SimpleNamespace(__name__="polars", DataFrame=_frame)
"""Stands in for a library of data frames: a frame is its columns."""


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    monkeypatch.setattr(frames, "find_spec", lambda name: name == "polars")
    monkeypatch.setattr(frames, "import_module", lambda name: asked.append(name) or POLARS)
    return asked


def test_a_plan_has_a_row_a_line_a_workload_and_a_promise(library: list[str]) -> None:
    plan = plan_fixture.plan()
    mix = plan.to_frame()
    assert mix["count"] == [line.count for line in plan.mix]
    assert mix["usd_per_month"] == [line.usd_per_month for line in plan.mix]
    assert mix["serves"] == [", ".join(line.serves) for line in plan.mix]
    assert mix["basis"] == [line.basis.value for line in plan.mix]
    assert plan.to_frame("workloads")["id"] == [one.id for one in plan.workloads]
    promises = plan.to_frame("promises")
    told = [(w.id, c.name, c.predicted.high) for w in plan.workloads for c in w.slo]
    columns = (promises["workload"], promises["name"], promises["predicted_high"])
    assert list(zip(*columns, strict=True)) == told
    assert library == ["polars"] * 3


def test_a_comparison_has_a_row_a_gpu(library: list[str]) -> None:
    comparison = plan_fixture.comparison()
    made = comparison.to_frame()
    assert made["gpu"] == [row.gpu for row in comparison.rows]
    speeds = [row.output_tokens_per_s_per_gpu for row in comparison.rows]
    assert made["output_tokens_per_s_per_gpu_low"] == [s and s.low for s in speeds]
    full = f"usd_per_mtok_at_{comparison.utilisations[0]:.0%}".rstrip("%")
    costs = [row.usd_per_mtok[0] if row.usd_per_mtok else None for row in comparison.rows]
    assert made[full] == costs
    plain = {name.rpartition(".")[2] for name in fields.registry()}
    own = [n for n in made if not n.endswith(SUFFIXES) and "_at_" not in n]
    assert [n for n in own if n not in plain and n.removeprefix("price_") not in plain] == []


def test_predictions_have_a_row_a_question(library: list[str]) -> None:
    words, numbers = np.array(["a", "b"], dtype=object), np.array([1.0, np.nan])
    found = Predictions(words, numbers, numbers, numbers, words, words, words)
    made = found.to_frame()
    assert list(made) == ["id", "value", "low", "high", "basis", "limit", "note"]
    assert made["id"] == ["a", "b"]
    assert made["value"][0] == 1.0


def test_what_is_not_there_is_told_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_fixture.plan()
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs pandas or polars.*gpumix\[pandas\]"):
        plan.to_frame()
    with pytest.raises(InputError, match=r"needs polars, .*gpumix\[polars\]"):
        plan.to_frame(library="polars")
    with pytest.raises(UnknownName, match="polars"):
        plan.to_frame(library="polar")
    with pytest.raises(UnknownName, match="workloads"):
        plan.to_frame("workload")


@pytest.mark.parametrize("name", frames.LIBRARIES)
def test_real_libraries_take_every_table(name: str) -> None:
    pytest.importorskip(name, reason=f"gpumix[{name}] is not installed")
    plan = plan_fixture.plan()
    for table in frames.TABLES:
        made = plan.to_frame(table, library=name)
        assert type(made).__module__.startswith(name)
        assert len(made) > 0
    assert len(plan_fixture.comparison().to_frame(library=name)) > 0
