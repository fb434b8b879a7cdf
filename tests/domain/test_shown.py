"""Records show themselves to Python: a line, a notebook's head, a dict."""

from __future__ import annotations

import dataclasses
from html import escape

import numpy as np
import pytest
from tests.report import plan_fixture

from gpumix import predict_inference
from gpumix.domain.predictions import Predictions
from gpumix.report import export
from gpumix.report.html import plan_html
from gpumix.report.views.comparison import headline


def test_a_plan_is_one_line() -> None:
    plan = plan_fixture.plan()
    assert repr(plan) == f"<{'Plan'} {plan.name!r}: " + (
        f"USD {plan.monthly_usd:,.0f} a month from 2027-01-01, {plan.status}, gap {plan.gap:.2%}>"
    )
    assert "\n" not in repr(dataclasses.replace(plan, name="two\nlines"))


def test_a_plan_shows_the_head_of_its_report() -> None:
    plan = plan_fixture.plan()
    head = plan._repr_html_()
    assert head in plan_html(plan)
    assert "<h1>" in head
    assert "<script" not in head
    assert "<svg" not in head
    nasty = dataclasses.replace(plan, name="<img src=x>")._repr_html_()
    assert "<img" not in nasty


def test_records_become_the_dict_of_their_json() -> None:
    plan, comparison = plan_fixture.plan(), plan_fixture.comparison()
    assert plan.to_dict() == export.plan_to_dict(plan)
    assert export.plan_from_dict(plan.to_dict()) == plan
    assert comparison.to_dict() == export.answer_to_dict(comparison)


def test_a_comparison_is_one_line_and_shows_its_answer() -> None:
    comparison = plan_fixture.comparison()
    able = sum(row.fits for row in comparison.rows)
    assert f"{able} of {len(comparison.rows)} GPUs" in repr(comparison)
    assert comparison.model in repr(comparison)
    assert escape(headline(comparison)) in comparison._repr_html_()


def test_predictions_are_arrays_of_one_type_and_a_mapping() -> None:
    found = predict_inference(
        {
            "gpu": ["l40s-48gb", "nobody"],
            "model": ["Qwen/Qwen3-8B"] * 2,
            "metric": ["ttft_ms_mean"] * 2,
            "load": ["concurrency"] * 2,
            "load_value": [8, 8],
            "input_len": [512, 512],
            "output_len": [128, 128],
        }
    )
    assert isinstance(found, Predictions)
    for name in ("value", "low", "high"):
        assert found[name] is getattr(found, name)
        assert found[name].dtype == np.float64
        assert np.isfinite(found[name]).tolist() == [True, False]
    assert list(found) == ["id", "value", "low", "high", "basis", "limit", "note"]
    assert all(found[name].dtype == object for name in ("id", "basis", "limit", "note"))
    assert repr(found) == "<Predictions: 1 of 2 questions answered>"
    with pytest.raises(KeyError):
        found["joy"]
