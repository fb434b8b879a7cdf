"""Known answers on memory: no false yes in serving (p05), a training job's peak (p11)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gpumix.catalog import load
from gpumix.files import read_columns
from gpumix.predict.inference import predict_inference
from gpumix.predict.training import predict_training

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known"
FINE_TUNE = {
    "gpu": "a100-sxm-80gb", "n_gpus": "1", "gpus_per_node": "8", "task": "qlora",
    "model": "meta-llama/Llama-2-70b-hf", "precision": "bf16", "stack": "hf-peft",
    "seq_len": "4096", "micro_batch": "4", "sharding": "", "activation_ckpt": "full",
    "lora_rank": "16", "lora_targets": "attention", "optimizer": "", "metric": "mem_gib_per_gpu",
}  # fmt: skip


def test_p05_a_request_that_does_not_fit_has_no_answer() -> None:
    out = predict_inference(read_columns(KNOWN / "p05-cache-room" / "points.csv"), catalog=load())
    assert np.isnan(out.value).all()
    assert all("does not fit" in note for note in out.note)


def test_p11_memory_of_training() -> None:
    folder = KNOWN / "p11-training-memory"
    out = predict_training(read_columns(folder / "jobs.csv"), catalog=load())
    (check,) = json.loads((folder / "case.json").read_text(encoding="utf-8"))["checks"]
    for name, value in zip(out.id, out.value, strict=True):
        low, high = check["values"][name]
        assert low <= value <= high, name


def test_what_ran_fits_and_what_ran_out_of_memory_does_not() -> None:
    """Source: fms-acceleration refs/a100_80gb.csv@876e2ed6fc; docs/training-model.md."""
    jobs = [
        ({}, True),
        ({"micro_batch": "8"}, False),
        ({"n_gpus": "2", "sharding": "zero3_fsdp"}, False),
        ({"n_gpus": "2", "sharding": "zero3_fsdp", "task": "lora"}, False),
        ({"model": "mistralai/Mistral-7B-Instruct-v0.3", "task": "sft",
          "optimizer": "adamw_bf16"}, True),
        ({"model": "mistralai/Mistral-7B-Instruct-v0.3", "task": "sft"}, False),
        ({"model": "mistralai/Mixtral-8x7B-Instruct-v0.1", "task": "lora"}, False),
    ]  # fmt: skip
    rows = [FINE_TUNE | changed for changed, _ in jobs]
    out = predict_training({k: [r[k] for r in rows] for k in FINE_TUNE}, catalog=load())
    assert ["predicted to need" not in note for note in out.note] == [fits for _, fits in jobs]
