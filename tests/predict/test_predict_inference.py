"""The points contract: every row back, in order, or a reason."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpumix.catalog import Catalog, load
from gpumix.errors import InputError
from gpumix.files import read_columns
from gpumix.predict.inference import predict_inference
from gpumix.predict.rows import errors, layouts_of, parse_slo
from gpumix.predict.training import predict_training

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known" / "p01-one-client"

ROW: dict[str, Any] = {
    "id": "a", "gpu": "h100-sxm-80gb", "n_gpus": "1", "tp": "1", "pp": "1", "dp": "1", "ep": "1",
    "model": "meta-llama/Llama-3.1-8B-Instruct", "weight_precision": "bf16", "kv_precision": "",
    "engine": "vllm", "engine_version": "0.11.0", "input_len": "512", "output_len": "128",
    "load": "concurrency", "load_value": "32", "metric": "output_tok_s_total",
}  # fmt: skip


def table(*changes: dict[str, Any]) -> dict[str, list[Any]]:
    rows = [ROW | change for change in changes]
    return {name: [row.get(name, "") for row in rows] for name in rows[0] | rows[-1]}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def test_rows_come_back_in_order_with_an_interval(catalog: Catalog) -> None:
    out = predict_inference(table({}, {"id": "b", "load_value": "64"}), catalog=catalog)
    assert list(out) == ["id", "value", "low", "high", "basis", "limit", "note"]
    assert out["id"].tolist() == ["a", "b"]
    assert (out["low"] < out["value"]).all()
    assert (out["value"] < out["high"]).all()
    assert out["value"][1] > out["value"][0]
    assert set(out["basis"]) == {"calibrated"}
    assert set(out["limit"]) <= {
        "compute", "bandwidth", "interconnect", "kv_memory", "host", "pipeline",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gpu": "h100-smx-80gb"}, "did you mean h100-sxm-80gb"),
        ({"model": "meta-llama/Llama-3.1-8B-Instuct"}, "did you mean"),
        ({"metric": "tokens"}, "unknown metric"),
        ({"load": "heavy"}, "unknown load"),
        ({"input_len": "-3"}, "input_len must be"),
        ({"input_len": "many"}, "input_len must be a number"),
        ({"output_len": "nan"}, "output_len must be"),
        ({"load_value": ""}, "needs load_value"),
        ({"input_len": ""}, "input_len"),
        ({"tp": "3", "n_gpus": "8"}, "n_gpus is 8"),
        ({"weight_precision": "fp3"}, "unknown precision"),
        ({"kv_precision": "fp3"}, "unknown kv precision"),
        ({"model": "deepseek-ai/DeepSeek-V3"}, "does not fit"),
        ({"slo": "fast please", "load": "request_rate", "load_value": ""}, "limit not understood"),
    ],
)
def test_a_bad_row_says_why_and_spoils_no_other(
    catalog: Catalog, change: dict[str, Any], said: str
) -> None:
    out = predict_inference(table(change, {"slo": ""}), catalog=catalog)
    assert np.isnan(out["value"][0])
    assert said in out["note"][0]
    assert out["value"][1] > 0


def test_columns_of_different_length_are_refused(catalog: Catalog) -> None:
    with pytest.raises(InputError, match="differ in length"):
        predict_inference({"id": ["a", "b"], "gpu": ["l4-24gb"]}, catalog=catalog)


def test_outcomes_are_never_read(catalog: Catalog) -> None:
    plain = predict_inference(table({}), catalog=catalog)
    told = predict_inference(
        table({"value": "1", "trust": "5", "running_batch": "1"}), catalog=catalog
    )
    assert plain["value"].tolist() == told["value"].tolist()


def test_numbers_and_texts_give_the_same(catalog: Catalog) -> None:
    as_text = predict_inference(table({}, {}), catalog=catalog)
    points: dict[str, Any] = table({}, {})
    for name in ("n_gpus", "tp", "pp", "dp", "ep"):
        points[name] = np.array([1, 1])
    points["input_len"] = np.array([512.0, 512.0])
    points["load_value"] = [32, 32.0]
    as_numbers = predict_inference(points, catalog=catalog)
    assert as_text["value"].tolist() == as_numbers["value"].tolist()


def test_layout_not_stated_is_the_best_of_those_stated(catalog: Catalog) -> None:
    model = "meta-llama/Llama-3.1-70B-Instruct"
    free = {"n_gpus": "8", "tp": "", "pp": "", "dp": "", "ep": "", "model": model}
    load = {"load": "max_throughput", "load_value": ""}
    fixed = [
        free | {"tp": str(tp), "pp": "1", "dp": str(8 // tp), "ep": "1"} for tp in (1, 2, 4, 8)
    ]
    out = predict_inference(table(free | load, *[f | load for f in fixed]), catalog=catalog)
    assert out["value"][0] == np.nanmax(out["value"][1:])


def test_emulated_formats_are_said(catalog: Catalog) -> None:
    out = predict_inference(
        table({"gpu": "a100-sxm-80gb", "weight_precision": "fp8"}, {"gpu": "t4-16gb", "n_gpus": "2",
              "tp": "2"}),
        catalog=catalog,
    )  # fmt: skip
    assert "weights only" in out["note"][0]
    assert "run as fp16" in out["note"][1]


def test_a_made_up_name_with_a_known_specification_predicts_the_same(tmp_path: Path) -> None:
    if not SHARED.exists():
        pytest.skip("shared data is not beside the repository")
    gpus, models = tmp_path / "gpus.csv", tmp_path / "models.csv"
    for source, target, key, name, new in (
        (SHARED / "gpus.csv", gpus, "id", "h100-sxm-80gb", "mystery-80gb"),
        (SHARED / "models.csv", models, "hf_id", "meta-llama/Llama-3.1-8B-Instruct", "who/knows"),
    ):
        with source.open(encoding="utf-8", newline="") as handle:
            row = next(r for r in csv.DictReader(handle) if r[key] == name)
        with target.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(row))
            writer.writeheader()
            writer.writerow(row | {key: new})
    out = predict_inference(
        table({}, {"gpu": "mystery-80gb", "model": "who/knows"}), gpus=gpus, models=models
    )
    assert out["value"][0] == out["value"][1]


def test_media_rows_parse_resolution_and_steps(catalog: Catalog) -> None:
    image = {
        "model": "black-forest-labs/FLUX.1-dev", "engine": "xdit", "load": "static_batch",
        "load_value": "1", "metric": "samples_s", "input_len": "", "output_len": "",
    }  # fmt: skip
    out = predict_inference(
        table(
            image | {"dataset": "1024x1024, steps 50"},
            image | {"dataset": "1024x1024, steps 25"},
            image | {"dataset": "512x512, steps 50"},
            image | {"dataset": "1024x1024, steps 50", "n_gpus": "4"},
        ),
        catalog=catalog,
    )
    base, half, small, shared = out["value"]
    assert half == pytest.approx(2 * base, rel=0.1)
    assert small > 2 * base
    assert base < shared < 4 * base


def test_request_rate_without_a_rate_is_the_highest_within_the_limits(catalog: Catalog) -> None:
    rate = {"load": "request_rate", "load_value": ""}
    out = predict_inference(
        table(rate | {"slo": "tpot_p99_ms<=200"}, rate | {"slo": "tpot_p99_ms<=15"}),
        catalog=catalog,
    )
    assert out["value"][0] > out["value"][1] > 0


def test_embeddings_need_no_output_length(catalog: Catalog) -> None:
    texts = {"model": "BAAI/bge-m3", "gpu": "l4-24gb", "output_len": "", "load": "max_throughput",
             "load_value": "", "metric": "requests_s"}  # fmt: skip
    out = predict_inference(
        table(texts, texts | {"metric": "total_tok_s_total"}, texts | {"metric": "ttft_ms_mean"}),
        catalog=catalog,
    )
    assert out["value"][0] > 10
    assert out["value"][1] == pytest.approx(512 * out["value"][0])
    assert np.isnan(out["value"][2])
    assert out["note"][2]


def test_parts_of_the_slo_are_read() -> None:
    assert parse_slo("ttft_p99_ms<=450;tpot_p99_ms<=40") == (0.04, 0.45, "")
    assert "not understood" in parse_slo("tpot<40")[2]


def test_power_and_energy_agree(catalog: Catalog) -> None:
    out = predict_inference(
        table({"metric": "avg_power_w"}, {"metric": "joules_per_output_token"}, {}),
        catalog=catalog,
    )
    watts, joules, rate = out["value"]
    assert 100 < watts <= 700
    assert joules == pytest.approx(watts / rate)


def test_layouts_that_do_not_fit_have_no_energy(catalog: Catalog) -> None:
    """The layout is left open: of its two ways, only both GPUs together hold the model."""
    asked = {"gpu": "h200-sxm-141gb", "model": "meta-llama/Llama-3.1-70B-Instruct", "n_gpus": "2"}
    open_layout = dict.fromkeys(("tp", "pp", "dp", "ep"), "")
    changed = asked | open_layout | {"metric": "joules_per_output_token"}
    (joules,) = predict_inference(table(changed), catalog=catalog)["value"]
    assert joules > 0.0


def test_an_moe_model_splits_attention_by_dp(catalog: Catalog) -> None:
    model = catalog.models["deepseek-ai/DeepSeek-V3"]
    assert (1, 1, 8, 8) in layouts_of(model, 8, None, None, None, None)
    dense = catalog.models["meta-llama/Llama-3.1-8B-Instruct"]
    assert layouts_of(dense, 4, 2, None, None, None) == [(2, 1, 2, 1)]


def test_errors_are_relative_to_the_measurement() -> None:
    assert errors(np.array([90.0, np.nan]), np.array([100.0, 1.0])).tolist()[0] == pytest.approx(
        0.1
    )


@pytest.mark.shared
def test_every_usable_measurement_gets_a_value_in_order(catalog: Catalog) -> None:
    path = SHARED / "measured" / "inference.csv.gz"
    if not path.exists():
        pytest.skip("shared data is not beside the repository")
    points = read_columns(path)
    out = predict_inference(points, catalog=catalog)
    assert out["id"].tolist() == points["id"]
    usable = np.array(points["usable"]) == "yes"
    missing = np.isnan(out["value"]) & usable
    assert not missing.any(), [
        (points["id"][i], out["note"][i]) for i in np.flatnonzero(missing)[:5]
    ]
    empty = np.isnan(out["value"])
    assert all(out["note"][empty])


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["gpu;model;metric"], "no column 'gpu' (is it separated by ;? write commas)"),
        (["gpu\tmodel\tmetric"], "no column 'metric' (is it separated by tabs? write commas)"),
        (["GPU", "MODEL", "METRIC"], "(write the names of columns in lower case)"),
        (["foo", "bar"], "no column 'model' (it has 'foo, bar')"),
    ],
)
def test_a_table_of_other_columns_is_refused_with_what_it_has(
    catalog: Catalog, header: list[str], says: str
) -> None:
    for predict in (predict_inference, predict_training):
        with pytest.raises(InputError) as caught:
            predict({name: ["x"] for name in header}, catalog=catalog)
        assert says in str(caught.value)


@pytest.mark.parametrize("name", ["n_gpus", "tp", "pp", "dp", "ep", "input_len"])
@pytest.mark.parametrize("cell", ["0", 0, 0.0, "１２", "١٢", "1_0"])
def test_no_count_is_zero_and_digits_are_plain(catalog: Catalog, name: str, cell: object) -> None:
    out = predict_inference(table({name: cell}), catalog=catalog)
    assert np.isnan(out["value"]).all()
    assert f"{name} must be a" in out["note"][0]
    assert "from 1 to" in out["note"][0]


def test_one_client_has_the_time_per_token_of_a_single_stream(catalog: Catalog) -> None:
    """The known case, and TTFT besides: nobody else's prompt can come between two of its tokens."""
    (check,) = json.loads((KNOWN / "case.json").read_text(encoding="utf-8"))["checks"]
    points = read_columns(KNOWN / "points.csv")
    for metric in ("tpot_ms_mean", "ttft_ms_mean"):
        out = predict_inference(points | {"metric": [metric] * len(points["id"])}, catalog=catalog)
        value = dict(zip(out["id"], out["value"], strict=True))
        for one, alone, low, high in check["ratios"]:
            assert low <= value[one] / value[alone] <= high


def test_pictures_of_a_stated_layout_are_shared_or_copied(catalog: Catalog) -> None:
    """dp says that each GPU makes pictures of its own; tp = 1 alone that all share one."""
    points = {
        "gpu": ["h100-sxm-80gb"] * 3, "n_gpus": [8] * 3, "tp": ["", 1, 1], "dp": ["", 8, 1],
        "model": ["stabilityai/stable-diffusion-xl-base-1.0"] * 3, "engine": ["tensorrt"] * 3,
        "weight_precision": ["fp16"] * 3, "load": ["max_throughput"] * 3,
        "dataset": ["1024x1024, steps 20"] * 3, "metric": ["samples_s"] * 3,
    }  # fmt: skip
    unstated, copied, shared = predict_inference(points, catalog=catalog)["value"]
    assert copied == unstated
    assert shared < copied


def test_pictures_that_nobody_asks_for_have_no_latency(catalog: Catalog) -> None:
    """A load of 0 does not stop the other rows of its table; a rate's latency is one picture's."""
    points = {
        "gpu": ["h100-sxm-80gb"] * 4, "model": ["black-forest-labs/FLUX.1-dev"] * 4,
        "load": ["request_rate", "request_rate", "concurrency", "single_stream"],
        "load_value": [0, 0.01, 0, ""], "metric": ["e2e_ms_mean"] * 4,
    }  # fmt: skip
    out = predict_inference(points, catalog=catalog)
    assert np.isnan(out["value"][[0, 2]]).all()
    assert "load of 0" in out["note"][0]
    assert out["value"][1] == out["value"][3] > 1000.0
