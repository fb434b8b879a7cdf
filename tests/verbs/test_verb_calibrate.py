"""From result files to moved predictions, the way a user goes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpumix.catalog import MEASUREMENTS, Catalog, load
from gpumix.compare.serving import Question, compare_gpus
from gpumix.domain.workload import TrainingRun
from gpumix.errors import InputError
from gpumix.files import read_columns, write_columns
from gpumix.inventory.results import Stated
from gpumix.options.runs import Job, Run, predict_run
from gpumix.predict.inference import predict_inference
from gpumix.predict.training import predict_training
from gpumix.verbs.calibrate import calibrate, find_store

LLAMA, QWEN = "meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen2.5-7B-Instruct"
H100, L40S = "h100-sxm-80gb", "l40s-48gb"
BATCHES = (4, 16, 64)


def questions(gpu: str = H100, model: str = LLAMA, **changes: Any) -> dict[str, list[Any]]:
    loads = changes.pop("loads", BATCHES)
    row = {
        "gpu": gpu, "model": model, "n_gpus": "1", "tp": "1", "engine": "vllm", "input_len": "1024",
        "output_len": "256", "load": "concurrency", "metric": "output_tok_s_total",
    } | changes  # fmt: skip
    table: dict[str, list[Any]] = {name: [value] * len(loads) for name, value in row.items()}
    return table | {"load_value": [str(n) for n in loads], "id": [str(n) for n in loads]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose H100 runs Llama 8B a quarter faster than predicted, at three loads."""
    folder = tmp_path_factory.mktemp("project")
    asked = questions()
    measured = predict_inference(asked)["value"] * 1.25
    write_columns(folder / "runs.csv", asked | {"value": [f"{v:.6g}" for v in measured]})
    calibrate([folder / "runs.csv"], Stated(), folder / "kept")
    return folder / "kept"


def ratio(store: Path, asked: dict[str, list[Any]]) -> tuple[float, float, str, str]:
    """Value after over before, interval width after over before, basis and note of one question."""
    before, after = predict_inference(asked), predict_inference(asked, measured=store)
    width = [float(np.log(o["high"][0] / o["low"][0])) for o in (before, after)]
    value = float(after["value"][0] / before["value"][0])
    return value, width[1] / width[0], str(after["basis"][0]), str(after["note"][0])


def test_a_measured_question_is_answered_as_measured(store: Path) -> None:
    value, width, basis, note = ratio(store, questions(loads=(16,)))
    assert value == pytest.approx(1.25, abs=0.03)
    assert width < 0.65
    assert basis == "measured"
    assert "moved +2" in note
    assert "m2 (runs.csv)" in note


def test_an_unseen_load_of_the_deployment_comes_within_ten_percent(store: Path) -> None:
    value, width, basis, note = ratio(store, questions(loads=(32,), input_len="512"))
    assert value == pytest.approx(1.25, rel=0.1)
    assert width < 0.65
    assert basis == "calibrated"
    assert "by 3 measurements" in note


def test_latency_moves_against_throughput(store: Path) -> None:
    value, *_ = ratio(store, questions(loads=(16,), metric="tpot_ms_mean"))
    assert 0.8 < value < 0.95


def test_neighbours_move_less_and_strangers_not_at_all(store: Path) -> None:
    own, model, gpu = (
        ratio(store, questions(*names, loads=(32,)))[0]
        for names in ((H100, LLAMA), (H100, QWEN), (L40S, LLAMA))
    )
    assert own > model > gpu > 1.0
    stranger = ratio(store, questions(L40S, QWEN, loads=(32,), engine="sglang"))
    assert stranger == (1.0, 1.0, "calibrated", "precision bf16, as published")


def test_without_a_store_nothing_changes(tmp_path: Path) -> None:
    before = predict_inference(questions())
    after = predict_inference(questions(), measured=tmp_path)
    assert all((before[name] == after[name]).all() for name in before)


def test_a_table_with_evidence_is_answered_alike_row_by_row(store: Path) -> None:
    loads = tuple(range(1, 40))
    whole = predict_inference(questions(loads=loads), measured=store)
    for i in (0, 20, 38):
        one = predict_inference(questions(loads=(loads[i],)), measured=store)
        assert one["value"][0] == pytest.approx(whole["value"][i])
        assert one["note"][0] == whole["note"][i]


def test_compare_serves_more_on_a_gpu_that_was_measured_faster(store: Path) -> None:
    question = Question(LLAMA, gpus=(H100, L40S))
    day = date(2026, 11, 24)
    before = {r.gpu: r for r in compare_gpus(question, load(), day).rows}
    after = {r.gpu: r for r in compare_gpus(question, load(measured=store), day).rows}
    own, other = (
        (after[g].requests_per_s or 0.0) / (before[g].requests_per_s or 1.0) for g in (H100, L40S)
    )
    assert own > 1.15
    assert 1.0 < other < own
    assert "measurements" in after[H100].note
    # the team's own row goes before packaged ones where it is like the question, and nowhere else
    assert before[H100].nearest is not None
    assert not before[H100].nearest.source.startswith("own: ")
    nearest = after[H100].nearest
    assert nearest is not None
    assert nearest.source == "own: runs.csv"
    assert nearest.deployment.startswith(f"1 x {H100}, {LLAMA}")
    assert nearest.fitted
    assert after[L40S].nearest is not None
    assert not after[L40S].nearest.source.startswith("own: ")


def test_a_cache_that_is_not_stated_is_the_engines_own(tmp_path: Path) -> None:
    own = {"engine": "tensorrt-llm", "weight_precision": "fp8"}
    write_columns(tmp_path / MEASUREMENTS, questions(loads=(16,), **own) | {"value": ["3000"]})
    stated = {
        kv: ratio(tmp_path, questions(loads=(16,), kv_precision=kv, **own)) for kv in ("", "fp8")
    }
    assert stated[""][:3] == stated["fp8"][:3]
    assert stated[""][2] == "measured"
    wide = ratio(tmp_path, questions(loads=(16,), kv_precision="bf16", **own))
    assert wide[2] == "calibrated"


def test_the_report_tells_errors_before_after_and_of_runs_left_out(tmp_path: Path) -> None:
    asked = questions()
    truth = predict_inference(asked)["value"] * np.array([1.3, 1.2, 1.25])
    write_columns(tmp_path / "a.csv", asked | {"value": [f"{v:.6g}" for v in truth]})
    found = calibrate([tmp_path / "a.csv"], Stated(), tmp_path / "kept")
    (deployment,) = found.deployments
    assert deployment.error_before == pytest.approx(1.0 - 1.0 / 1.25, abs=0.01)
    assert deployment.error_after < 0.04
    assert deployment.error_left_out is not None
    assert deployment.error_after < deployment.error_left_out < deployment.error_before
    assert deployment.interval_after < 0.65 * deployment.interval_before
    assert [p.measured for p in found.points] == pytest.approx(truth.tolist(), rel=1e-5)
    changes = [m.change for m in found.moved]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] > 0.0


def test_rows_are_known_again_and_repeats_are_kept(tmp_path: Path) -> None:
    asked = questions(loads=(16,))
    kept = tmp_path / "kept"
    for name, value, stored in (("a", "1500", 1), ("b", "1501", 0), ("c", "1600", 1)):
        write_columns(tmp_path / f"{name}.csv", asked | {"value": [value]})
        found = calibrate([tmp_path / f"{name}.csv"], Stated(), kept)
        assert sum(f.stored for f in found.files) == stored
    rows = read_columns(kept / MEASUREMENTS)
    assert rows["id"] == ["m1", "m2"]
    assert rows["source"] == ["a.csv", "c.csv"]


def test_one_bad_file_keeps_all_out(tmp_path: Path) -> None:
    write_columns(tmp_path / "good.csv", questions() | {"value": ["900", "2000", "4000"]})
    odd = questions("h100-smx-80gb", loads=(16,)) | {"value": ["2000"]}
    write_columns(tmp_path / "odd.csv", odd)
    (tmp_path / "cut.json").write_text('{"output_throughput": 3', encoding="utf-8")
    kept = tmp_path / "kept"
    with pytest.raises(InputError) as caught:
        calibrate([tmp_path / n for n in ("good.csv", "cut.json")], Stated(), kept)
    assert "cut.json" in str(caught.value)
    with pytest.raises(InputError, match=r"odd\.csv line 2.*did you mean h100-sxm-80gb"):
        calibrate([tmp_path / n for n in ("good.csv", "odd.csv")], Stated(), kept)
    assert not kept.exists()


def test_a_far_off_measurement_is_doubted_aloud(tmp_path: Path) -> None:
    slow = predict_inference(questions(loads=(16,)))["value"][0] / 5.0
    write_columns(tmp_path / "a.csv", questions(loads=(16,)) | {"value": [f"{slow:.6g}"]})
    kept_out = calibrate([tmp_path / "a.csv"], Stated(), tmp_path / "kept")
    assert "0.2 times the speed predicted for 1 x h100" in kept_out.files[0].doubt
    assert (kept_out.total, kept_out.warnings) == (0, ())
    assert not (tmp_path / "kept").exists()
    confirmed = calibrate([tmp_path / "a.csv"], Stated(), tmp_path / "kept", confirmed=True)
    (said,) = confirmed.warnings
    assert "0.2 times" in said


def test_a_rate_that_was_offered_says_nothing_of_speed(tmp_path: Path) -> None:
    asked = questions(loads=(2,), load="request_rate")
    write_columns(tmp_path / "a.csv", asked | {"value": ["300"]})
    found = calibrate([tmp_path / "a.csv"], Stated(), tmp_path / "kept")
    assert found.total == 1
    assert found.deployments == ()
    assert "the offered rate only" in found.warnings[0]


def test_one_measured_step_moves_the_teams_other_jobs(tmp_path: Path) -> None:
    def job(gpu: str, model: str, metric: str) -> dict[str, list[str]]:
        row = {
            "id": "j", "gpu": gpu, "model": model, "n_gpus": "8", "task": "sft",
            "precision": "bf16", "stack": "torchtune", "seq_len": "4096", "global_batch": "64",
            "metric": metric,
        }  # fmt: skip
        return {name: [value] for name, value in row.items()}

    own = job("a100-sxm-80gb", LLAMA, "step_time_s")
    slow = predict_training(own)["value"][0] * 1.3
    write_columns(tmp_path / "steps.csv", own | {"value": [f"{slow:.6g}"]})
    kept = tmp_path / "kept"
    (deployment,) = calibrate([tmp_path / "steps.csv"], Stated(), kept).deployments
    assert deployment.error_after < 0.05 < deployment.error_before
    same = predict_training(own, measured=kept)
    assert same["value"][0] == pytest.approx(slow, rel=0.06)
    assert same["basis"] == ["measured"]
    for question, low, high in (
        (job("a100-sxm-80gb", LLAMA, "tok_s_per_gpu"), 0.75, 0.85),
        (job("h100-sxm-80gb", QWEN, "tok_s_per_gpu"), 0.86, 0.95),
        (job("h100-sxm-80gb", QWEN, "mem_gib_per_gpu"), 1.0, 1.0),
    ):
        before, after = predict_training(question), predict_training(question, measured=kept)
        assert low <= after["value"][0] / before["value"][0] <= high


def test_a_measured_step_moves_the_run_of_a_plan_as_it_moves_a_prediction(tmp_path: Path) -> None:
    """The same job asked in both ways: as fast, and known as well, by its own measurement."""
    row = {
        "id": "j", "gpu": "a100-sxm-80gb", "model": LLAMA, "n_gpus": "8", "task": "sft",
        "precision": "bf16", "stack": "fsdp", "seq_len": "4096", "global_batch": "64",
        "metric": "tok_s_per_gpu",
    }  # fmt: skip
    asked = {name: [value] for name, value in row.items()}
    slow = predict_training(asked)["value"][0] / 1.3
    write_columns(tmp_path / "rates.csv", asked | {"value": [f"{slow:.6g}"]})
    kept = tmp_path / "kept"
    calibrate([tmp_path / "rates.csv"], Stated(), kept)
    wanted = TrainingRun("full", 1e9, 4096, 64, None, 1.0, "fsdp", 16, 8)

    def run(catalog: Catalog) -> Run:
        job = Job.of(wanted, catalog.models[LLAMA], catalog)
        return predict_run(job, catalog.gpus["a100-sxm-80gb"], 8, 8, "bf16")

    for catalog, measured in ((load(), None), (load(measured=kept), kept)):
        planned, predicted = run(catalog), predict_training(asked, measured=measured)
        assert planned.tokens_per_s == pytest.approx(8.0 * predicted["value"][0], rel=1e-3)
        for end, name in ((planned.low, "low"), (planned.high, "high")):
            assert end == pytest.approx(predicted[name][0] / predicted["value"][0], rel=1e-3)
    assert planned.tokens_per_s == pytest.approx(8.0 * slow, rel=0.1)
    assert "measured" in planned.measured or "moved" in planned.measured


def test_the_nearest_store_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_store(None) is None
    assert find_store(store) == store
    with pytest.raises(InputError, match=r"holds no measurements\.csv"):
        find_store(tmp_path / "nowhere")
    beside = tmp_path / "team" / ".gpumix"
    write_columns(beside / MEASUREMENTS, {"id": []})
    assert find_store(None, tmp_path / "team" / "inventory.yaml") == beside


def test_a_store_that_is_none_is_told(tmp_path: Path) -> None:
    write_columns(tmp_path / MEASUREMENTS, {"a": ["1"]})
    with pytest.raises(InputError, match="column 'metric' is missing"):
        predict_inference(questions(), measured=tmp_path)


def test_one_mislabelled_file_moves_others_by_less_than_five_percent(tmp_path: Path) -> None:
    """Four GPUs' worth under the label of one, several loads and figures of it, and confirmed."""
    asked = [questions(metric=m) for m in ("output_tok_s_total", "tpot_ms_mean", "itl_ms_mean")]
    table = {name: [cell for part in asked for cell in part[name]] for name in asked[0]}
    table["id"] = [str(i) for i in range(len(table["id"]))]
    scale = np.array([4.0] * 3 + [0.25] * 6)
    truth = predict_inference(table)["value"] * scale
    write_columns(tmp_path / "a.csv", table | {"value": [f"{v:.6g}" for v in truth]})
    kept = tmp_path / "kept"
    found = calibrate([tmp_path / "a.csv"], Stated(), kept, confirmed=True)
    assert found.total == len(truth)
    for gpu, model in ((L40S, LLAMA), (L40S, QWEN), (H100, QWEN)):
        value, width, *_ = ratio(kept, questions(gpu, model, loads=(32,)))
        assert 1.0 < value < 1.05
        assert width > 0.95
    assert ratio(kept, questions(loads=(32,)))[0] > 2.0
    assert all(m.change < 0.05 for m in found.moved if "other loads" not in m.what)
