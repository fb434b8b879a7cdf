"""The measurement nearest to a prediction: distance, choice, and what is told of it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.errors import InputError
from gpumix.predict.inference import predict_inference
from gpumix.predict.nearest import (
    AKIN,
    NEAR,
    Run,
    Runs,
    distances,
    nearest_columns,
    nearest_serving,
    nearest_training,
)

CATALOG = load()
CHAT = {
    "gpu": "h100-sxm-80gb", "n_gpus": "1", "tp": "1", "weight_precision": "bf16",
    "model": "meta-llama/Llama-3.1-8B-Instruct", "engine": "vllm", "input_len": "1024",
    "output_len": "256", "load": "concurrency", "load_value": "64", "metric": "output_tok_s_total",
}  # fmt: skip
WEIGHTS = {"gpu": 1.0, "batch": 0.5}


def asked(**changes: str) -> dict[str, list[str]]:
    return {name: [cell] for name, cell in {**CHAT, **changes}.items()}


def run(gpu: str, batch: float, quantity: str = "throughput") -> Run:
    return Run(quantity, {"gpu": gpu}, {"batch": batch})


def distance(one: Run | None, other: Run | None) -> float:
    blank = Run("", {"gpu": ""}, {"batch": math.nan})
    pair = Runs.of([one, blank]), Runs.of([other, blank])
    return float(distances(*pair, WEIGHTS)[0, 0])


def test_distance_adds_words_that_differ_and_logs_of_ratios() -> None:
    assert distance(run("a", 8.0), run("a", 8.0)) == 0.0
    assert distance(run("a", 8.0), run("b", 8.0)) == 1.0
    assert distance(run("a", 8.0), run("b", 16.0)) == pytest.approx(1.0 + 0.5 * math.log(2.0))


def test_a_figure_that_one_run_leaves_open_is_a_gap_and_two_open_ones_are_none() -> None:
    assert distance(run("a", math.nan), run("a", math.nan)) == 0.0
    assert distance(run("a", 8.0), run("a", math.nan)) == 0.5


def test_a_figure_of_zero_is_open_for_its_logarithm_says_nothing() -> None:
    """An embedding has no output tokens: it is as far from any number of them, and not from 0."""
    assert distance(run("a", 0.0), run("a", 0.0)) == 0.0
    assert distance(run("a", 8.0), run("a", 0.0)) == 0.5


def test_other_quantities_and_runs_nobody_can_place_are_never_near() -> None:
    assert distance(run("a", 8.0, "ttft"), run("a", 8.0)) == math.inf
    assert distance(None, run("a", 8.0)) == math.inf
    assert distance(None, None) == math.inf


@settings(deadline=None)
@given(st.floats(1.0, 1e4), st.floats(1.0, 1e4), st.floats(1.0, 1e4))
def test_distance_is_symmetric_and_keeps_the_triangle(a: float, b: float, c: float) -> None:
    there, back = distance(run("a", a), run("b", b)), distance(run("b", b), run("a", a))
    assert there == pytest.approx(back)
    via = distance(run("a", a), run("a", c)) + distance(run("a", c), run("b", b))
    assert there <= via + 1e-9


@pytest.mark.parametrize("kind", ["inference", "training"])
def test_a_measured_row_is_nearest_to_itself(kind: str) -> None:
    rows, find = {
        "inference": (CATALOG.evidence_inference, nearest_serving),
        "training": (CATALOG.evidence_training, nearest_training),
    }[kind]
    found = find(rows, CATALOG)
    assert all(one is not None and one.distance == 0.0 for one in found)
    same = [one.id == name for one, name in zip(found, rows["id"], strict=True) if one]
    assert np.mean(same) > 0.9  # repeated runs of one deployment share a place
    assert {one.closeness for one in found if one} == {"close"}


def test_what_is_told_is_the_row_and_the_prediction_for_it() -> None:
    (found,) = nearest_serving(asked(), CATALOG)
    assert found is not None
    rows = CATALOG.evidence_inference
    place = rows["id"].index(found.id)
    row: Mapping[str, list[str]] = {name: [cells[place]] for name, cells in rows.items()}
    assert found.measured == float(row["value"][0])
    assert found.predicted == pytest.approx(predict_inference(row, catalog=CATALOG)["value"][0])
    assert found.error == pytest.approx(found.predicted / found.measured - 1.0)
    assert found.fitted == (row["split"][0] == "calib")
    assert row["gpu"][0] in found.deployment
    assert found.as_of == row["date"][0]


def test_the_nearest_row_of_a_known_gpu_ran_on_it_and_on_the_model() -> None:
    (found,) = nearest_serving(asked(), CATALOG)
    assert found is not None
    assert "h100-sxm-80gb" in found.deployment
    assert "Llama-3.1-8B" in found.deployment


def test_only_the_same_quantity_is_compared() -> None:
    table = {name: [cell] * 3 for name, cell in CHAT.items()}
    table["metric"] = ["ttft_ms_mean", "tpot_ms_mean", "total_tok_s_total"]
    heads = [one.metric.partition("_")[0] for one in nearest_serving(table, CATALOG) if one]
    assert heads[:2] == ["ttft", "tpot"]
    assert heads[2] in ("output", "total", "requests")


def test_another_statistic_of_a_latency_is_a_step_away() -> None:
    """The mean of TTFT was measured here, its p99 was not: the mean comes nearest, and is told."""
    rows = CATALOG.evidence_inference
    place = rows["metric"].index("ttft_ms_mean")
    row = {name: cells[place] for name, cells in rows.items()}
    table = {name: [cell] * 2 for name, cell in row.items()}
    table["metric"] = ["ttft_ms_mean", "ttft_ms_p99"]
    same, other = nearest_serving(table, CATALOG)
    assert same is not None
    assert other is not None
    assert (same.distance, same.differs) == (0.0, "")
    assert other.distance > 0.0
    assert other.differs == "other statistic"


def test_images_are_never_near_texts() -> None:
    model = "black-forest-labs/FLUX.1-dev"
    (found,) = nearest_serving(asked(model=model, metric="samples_s", engine="xdit"), CATALOG)
    assert found is not None
    assert found.metric == "samples_s"
    assert found.load.startswith("1024x1024")


def test_farther_loads_are_farther() -> None:
    rows = CATALOG.evidence_inference
    place = rows["load"].index("concurrency")
    row = {name: cells[place] for name, cells in rows.items()}
    batch = float(row["load_value"])
    table = {name: [cell] * 4 for name, cell in row.items()}
    table["load_value"] = [
        f"{batch:g}",
        f"{batch * 1.5:g}",
        f"{batch * 1000:g}",
        f"{batch * 1e9:g}",
    ]
    found = [one for one in nearest_serving(table, CATALOG) if one]
    assert found[0].distance == 0.0 < found[1].distance < found[2].distance
    assert found[1].distance < NEAR
    for one in found:
        close, related = one.distance <= NEAR, one.distance <= AKIN
        assert one.closeness == ("close" if close else "related" if related else "distant")
    assert f"batch x{1 / 1.5:.2g}" in found[1].differs


def test_unknown_names_have_no_neighbour() -> None:
    table = {name: [cell] * 2 for name, cell in CHAT.items()}
    table["gpu"] = ["h100-smx-80gb", "h100-sxm-80gb"]
    found = nearest_serving(table, CATALOG)
    assert found[0] is None
    assert found[1] is not None
    columns = nearest_columns(found)
    assert columns["nearest_id"][0] == ""
    assert columns["nearest_id"][1] == found[1].id
    assert columns["nearest_error"][1] == found[1].error


def test_columns_of_unlike_length_are_refused() -> None:
    with pytest.raises(InputError, match="differ in length"):
        nearest_serving({**asked(), "gpu": ["a", "b"]}, CATALOG)
