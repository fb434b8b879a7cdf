"""Tables of training questions: order, defaults, reasons, accuracy on the packaged evidence."""

import csv
from pathlib import Path

import numpy as np
import pytest

from gpumix.catalog import load
from gpumix.errors import InputError
from gpumix.predict.training import interval_slices, predict_training
from gpumix.predict.training_rows import Table, resolve

CATALOG = load()
ROW = {
    "id": "a", "gpu": "h100-sxm-80gb", "n_gpus": 64, "model": "meta-llama/Meta-Llama-3-70B",
    "task": "pretrain", "precision": "bf16", "seq_len": 8192, "global_batch": 128,
    "micro_batch": 1, "tp": 4, "pp": 4, "cp": 2, "dp": 2, "vp": 5, "stack": "nemo",
    "metric": "tok_s_per_gpu",
}  # fmt: skip


def answer(**changed):
    out = predict_training({k: [v] for k, v in (ROW | changed).items()}, catalog=CATALOG)
    return {k: v[0] for k, v in out.items()}


def test_columns_order_and_length():
    ids = ["z", "y", "x"]
    points = {k: [v] * 3 for k, v in ROW.items()} | {"id": ids}
    out = predict_training(points, catalog=CATALOG)
    assert tuple(out) == ("id", "value", "low", "high", "basis", "limit", "note")
    assert out.id.tolist() == ids
    assert all(len(column) == 3 for column in out.values())


def test_interval_holds_the_value():
    one = answer()
    assert one["low"] < one["value"] < one["high"]
    assert one["basis"] == "calibrated"


@pytest.mark.parametrize("changed", [{"stack": "in-house"}, {"gpu": "mi300x-192gb"}])
def test_what_was_never_measured_is_modelled_and_less_certain(changed):
    """A stack, or a GPU architecture, without a fitted row."""
    known, new = answer(), answer(**changed)
    assert new["basis"] == "modelled"
    assert new["high"] / new["low"] > 1.2 * known["high"] / known["low"]


def test_trained_embeddings_are_part_of_an_adapters_memory():
    job = {"task": "lora", "stack": "hf-peft", "metric": "mem_gib_per_gpu"}
    plain, more = (answer(**job, lora_targets=t)["value"] for t in ("all", "all+embeddings"))
    assert more > plain


def test_metrics_agree_with_each_other():
    rate = answer()["value"]
    seconds = answer(metric="step_time_s")["value"]
    assert seconds == pytest.approx(128 * 8192 / (rate * 64))
    assert answer(metric="samples_s_per_gpu")["value"] == pytest.approx(rate / 8192)
    executed = answer(metric="tflops_per_gpu", activation_ckpt="full")["value"]
    assert 300 < executed < 989


def test_outcomes_are_never_read():
    told = answer(value=1e9, tok_s_per_gpu=1e9, step_time_s=1e-9, mem_gib_per_gpu=1)
    assert told["value"] == answer()["value"]


def test_empty_layout_is_the_best_that_fits():
    empty = {"tp": "", "pp": "", "cp": "", "dp": "", "vp": "", "micro_batch": ""}
    searched = answer(**empty)
    assert searched["value"] >= answer(activation_ckpt="selective")["value"] * 0.99
    assert "best one" in searched["note"]
    assert answer(dp="")["value"] == answer()["value"]
    assert answer(vp="")["value"] == answer(vp=20)["value"] > answer(vp=1)["value"]
    plain = {"stack": "torchtitan", "vp": ""}  # which does not interleave
    assert answer(**plain)["value"] == answer(**plain | {"vp": 1})["value"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"gpu": "h100-smx-80gb"}, "h100-sxm-80gb"),
        ({"model": "meta-llama/Meta-Llama-3-71B"}, "Meta-Llama-3-70B"),
        ({"metric": "joy_per_gpu"}, "unknown metric"),
        ({"metric": "minutes_to_train"}, "samples"),
        ({"task": "distil"}, "unknown task"),
        ({"precision": "fp3"}, "unknown precision"),
        ({"model": "retinanet-resnext50", "seq_len": ""}, "no FLOPs"),
    ],
)
def test_no_estimate_has_a_reason(changed, reason):
    one = answer(**changed)
    assert all(np.isnan(one[name]) for name in ("value", "low", "high"))
    assert one["basis"] == one["limit"] == ""
    assert reason in one["note"]


def test_a_link_that_the_gpu_lacks_is_its_pcie():
    asked = {"gpu": "l40s-48gb", "model": "meta-llama/Llama-3.2-1B-Instruct", "tp": 2, "dp": 4}
    stated, pcie = (answer(**asked, intra_link=link) for link in ("nvlink", "pcie"))
    assert stated["value"] == pcie["value"] is not None
    assert "no NVLink" in stated["note"]


def test_missing_column_is_an_input_error():
    with pytest.raises(InputError, match="metric"):
        predict_training({"gpu": ["h100-sxm-80gb"], "model": ["x"]}, catalog=CATALOG)


def test_memory_over_the_card_is_said():
    one = answer(n_gpus=8, tp=1, pp=1, cp=1, dp=8, metric="mem_gib_per_gpu")
    assert one["value"] > 80
    assert "usable per GPU" in one["note"]


def test_a_made_up_name_predicts_as_the_known_one(tmp_path):
    sheet = Path(__file__).resolve().parents[2] / "src/gpumix/data/gpus.csv"
    with sheet.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    renamed = next(r for r in rows if r[0] == ROW["gpu"])
    own = tmp_path / "gpus.csv"
    with own.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([rows[0], ["zx-900", *renamed[1:]]])
    out = predict_training({k: [v] for k, v in (ROW | {"gpu": "zx-900"}).items()}, gpus=own)
    assert out["value"][0] == answer()["value"]


def test_images_per_second():
    one = answer(model="resnet-50", gpu="a100-sxm-80gb", n_gpus=8, seq_len="", precision="fp16",
                 global_batch=3264, stack="mlperf", metric="samples_s_per_gpu")  # fmt: skip
    assert one["value"] == pytest.approx(3575.0, rel=0.2)


def test_images_per_second_fall_over_a_slow_network_between_nodes_only():
    def rate(n_gpus, gbps=""):
        return answer(model="resnet-50", gpu="a100-sxm-80gb", n_gpus=n_gpus, seq_len="",
                      precision="fp16", global_batch=32 * n_gpus, stack="mlperf",
                      metric="samples_s_per_gpu", inter_gbps_per_node=gbps)["value"]  # fmt: skip

    assert rate(8, 10) == rate(8)
    assert rate(16, 10) < rate(16, 100) < rate(16)
    assert rate(16) == pytest.approx(rate(8), rel=0.05)  # not stated: as fast as inside a node
    assert rate(16, 0) == rate(16)


def test_packaged_evidence():
    """Every usable row gets a value; half of the errors are small; intervals hold most rows."""
    rows = CATALOG.evidence_training
    out = predict_training(rows, catalog=CATALOG)
    assert np.isfinite(out.value).all()
    measured = np.array([float(v) for v in rows["value"]])
    calib = np.array(rows["split"]) == "calib"
    error = np.abs(np.array(out["value"]) / measured - 1)[calib]
    assert np.median(error) < 0.12
    inside = (np.array(out["low"]) <= measured) & (measured <= np.array(out["high"]))
    assert inside[calib].mean() > 0.6


def test_interval_slices_cover_all_rows():
    table = Table(CATALOG.evidence_training)
    constants = CATALOG.coefficients.training
    jobs = resolve(table, CATALOG, constants).jobs
    assert jobs is not None
    slices = interval_slices(jobs, np.array(["tok_s_per_gpu"] * len(jobs)), constants)
    assert set(slices) <= set(constants["interval"])


@pytest.mark.parametrize(
    "name", ["n_gpus", "tp", "pp", "cp", "dp", "ep", "vp", "seq_len", "micro_batch", "global_batch"]
)
def test_no_count_is_zero(name):
    one = answer(**{name: 0})
    assert np.isnan(one["value"])
    assert f"{name} must be a" in one["note"]
    assert "from 1 to" in one["note"]


def test_an_adapter_of_rank_zero_is_none():
    assert answer(lora_rank=0)["value"] == answer(lora_rank="")["value"]


def test_a_language_model_without_a_length_is_told_so():
    assert answer(seq_len="")["note"] == "seq_len is needed"
