"""`gpumix fit`: states, what would help, and one formula behind every verb that tells of memory."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.domain.fit import Fits
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.errors import InputError
from gpumix.predict.inference import predict_inference
from gpumix.verbs.compare import compare_names
from gpumix.verbs.fit import FitTrainWords, FitWords, fit_names, fit_training_names
from gpumix.verbs.training_words import TrainWords

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
OSS = "openai/gpt-oss-120b"
H100 = "h100-sxm-80gb"


def test_gpt_oss_120b_holds_about_50k_tokens_on_one_h100() -> None:
    """Source: vllm issue 27508: 1.71 GiB of cache, which is 49.8 k tokens."""
    words = FitWords(
        precision="mxfp4", tp=1, engine_version="0.11.0", gpu_memory_utilization=0.95,
        max_num_batched_tokens=1024,
    )  # fmt: skip
    (row,) = fit_names(OSS, H100, words).rows
    assert row.state is Fits.DOES_NOT_FIT
    assert row.room is not None
    assert row.missing_gib == pytest.approx(2.8, abs=0.5)
    longest = row.room.longest_request_tokens
    assert longest.low < 49_800 < longest.high
    assert any(change.startswith("tp 2") for change in row.changes)
    assert any("a context of" in change for change in row.changes)


def test_states_follow_the_room() -> None:
    words = FitWords(tp=1, context=8192, engine_version="0.19.0")
    (one,) = fit_names(LLAMA, H100, words).rows
    assert one.state is Fits.FITS
    assert one.users is not None
    most = {name: int(getattr(one.users, name)) for name in ("low", "value", "high")}
    for users, state in (
        (most["low"], Fits.FITS),
        (most["value"], Fits.TIGHT),
        (most["value"] + 1, Fits.DOES_NOT_FIT),
    ):
        asked = FitWords(tp=1, context=8192, users=users, engine_version="0.19.0")
        (row,) = fit_names(LLAMA, H100, asked).rows
        assert row.state is state, users
        assert bool(row.changes) == (state is not Fits.FITS)


def test_the_fewest_gpus_that_hold_it() -> None:
    rows = fit_names("meta-llama/Llama-3.3-70B-Instruct", f"{H100},h200-sxm-141gb", FitWords()).rows
    assert [row.tp for row in rows] == [4, 2]


def test_what_the_engine_is_told_changes_the_room() -> None:
    def cache(**changed: object) -> float:
        words = FitWords(tp=1, **changed)  # type: ignore[arg-type]
        room = fit_names(LLAMA, H100, words).rows[0].room
        assert room is not None
        return room.cache_gib.value

    plain = cache()
    assert cache(gpu_memory_utilization=0.5) < plain
    assert cache(max_num_batched_tokens=65_536) < plain
    assert cache(max_num_seqs=64) > plain
    assert cache(graphs=False) > plain
    assert cache(kv_precision="fp8") == plain


def test_fit_compare_and_predict_tell_one_room() -> None:
    found = compare_names(
        LLAMA, None, gpus=H100, input_tokens=4000.0, output_tokens=96.0, slo=None,
        precision="bf16", engine="vllm",
    )  # fmt: skip
    compared = found.rows[0]
    (row,) = fit_names(LLAMA, H100, FitWords(context=4096, tp=compared.tp)).rows
    assert compared.room is not None
    assert row.room is not None
    assert compared.room.cache_tokens.value == pytest.approx(row.room.cache_tokens.value)
    longest = row.room.longest_request_tokens
    point = {
        "gpu": H100, "n_gpus": "1", "tp": "1", "model": LLAMA, "weight_precision": "bf16",
        "engine": "vllm", "output_len": "16", "load": "concurrency", "load_value": "1",
        "metric": "output_tok_s_total",
    }  # fmt: skip
    lengths = [longest.low - 16.0, longest.value - 32.0, longest.value + 32.0]
    points = {k: [v] * 3 for k, v in point.items()} | {"input_len": [f"{n:.0f}" for n in lengths]}
    out = predict_inference(points, catalog=load())
    assert np.isfinite(out.value).tolist() == [True, True, False]
    assert ["tight" in note for note in out.note] == [False, True, False]
    assert "does not fit" in out.note[2]


def test_adapters_take_memory_and_time() -> None:
    done = CliRunner().invoke(
        app, ["fit", LLAMA, "--gpus", "a100-sxm-80gb", "--adapters", "4", "--json"]
    )
    (row,) = json.loads(done.stdout)["rows"]
    assert row["adapters"] > 4
    assert row["adapter_slowdown"] == pytest.approx(1.51, abs=0.01)


def test_training_breakdown_sums_and_helps() -> None:
    words = FitTrainWords("qlora", 4096, 8, 1)
    (row,) = fit_training_names("meta-llama/Llama-2-70b-hf", "a100-sxm-80gb", words).rows
    assert sum(dataclasses.astuple(row.parts)) == pytest.approx(row.total_gib.value)
    assert row.state is Fits.DOES_NOT_FIT
    assert "micro-batch 4" in row.changes


@pytest.mark.parametrize(
    ("optimizer", "offload", "per_weight"),
    [("adamw", "", 20.0), ("adamw_bf16", "", 10.0), ("adamw_8bit", "", 10.06),
     ("paged_adamw_8bit", "", 8.0), ("adafactor", "", 8.02), ("lion", "", 12.0),
     ("sgd", "", 8.0), ("adamw", "optimizer", 8.0)],
)  # fmt: skip
def test_bytes_of_a_trained_weight_at_the_step(
    optimizer: str, offload: str, per_weight: float
) -> None:
    """Weights and gradients in 32 bits beside the states; `adamw_bf16` all in 16 (measured)."""
    words = FitTrainWords("full", 128, 1, 1, optimizer=optimizer, offload=offload)
    model = load().models[LLAMA]
    (row,) = fit_training_names(LLAMA, "b200-sxm-180gb", words).rows
    held = row.parts.weights_gib + row.parts.gradients_gib + row.parts.optimizer_gib
    assert held * 2**30 / (model.params_total_b * 1e9) == pytest.approx(per_weight, rel=0.01)


def test_every_fault_at_once() -> None:
    words = FitWords(users=0, gpu_memory_utilization=1.5, precision="fp3")
    with pytest.raises(InputError) as refused:
        fit_names("no/model", "h100-smx-80gb", words)
    told = str(refused.value)
    for part in ("no/model", "h100-smx-80gb", "--users", "--gpu-memory-utilization"):
        assert part in told
    with pytest.raises(InputError, match="optimizer"):
        fit_training_names(LLAMA, H100, FitTrainWords(optimizer="adam_w"))
    with pytest.raises(InputError, match="longer than"):
        fit_names(LLAMA, H100, FitWords(context=10**7))


def test_compare_train_shows_what_takes_the_memory() -> None:
    def peak(optimizer: str) -> float:
        words = TrainWords(
            method="full", tokens="1M", stack="hf-peft", counts="8", optimizer=optimizer
        )
        found = compare_names(
            LLAMA, None, gpus=H100, input_tokens=None, output_tokens=None, slo=None,
            precision="bf16", engine="vllm", train=True, run=words,
        )  # fmt: skip
        assert isinstance(found, TrainingComparison)
        run = found.runs[0]
        assert run.memory is not None
        assert run.mem_gib == pytest.approx(sum(dataclasses.astuple(run.memory)))
        return run.memory.optimizer_gib

    assert peak("adamw_8bit") < peak("adamw_bf16") < peak("adamw")


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["--seq-len", "4096"], "--seq-len"),
        (["--method", "qlora"], "--method"),
        (["--train", "--users", "5"], "--users"),
        (["--train", "--no-cuda-graphs"], "--no-cuda-graphs"),
    ],
)
def test_an_option_of_the_other_kind_of_fit_is_refused(words, flag):
    found = CliRunner().invoke(app, ["fit", LLAMA, "--gpus", "h100", *words])
    assert isinstance(found.exception, InputError)
    assert [problem.place for problem in found.exception.problems] == [flag]
