"""Known answers on memory: no false yes in serving (p05), a training job's peak (p11)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gpumix.catalog import load
from gpumix.domain.cells import numbers_in
from gpumix.files import read_columns
from gpumix.perf.training.memory import memory
from gpumix.predict.inference import predict_inference
from gpumix.predict.training import predict_training
from gpumix.predict.training_rows import Table, resolve
from gpumix.units import GIB

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


ATTEMPTS = Path(__file__).resolve().parents[1] / "cases" / "training_attempts.csv"
"""Fine-tunes that ran or ran out of memory on A100 and L40: two tables of which the terms were read
off (new, liger), the first table of the same benchmark and one of another GPU (first, l40)."""


def test_attempts_are_told_right_but_for_one_in_a_hundred():
    """The issue asks for at most 15 wrong answers of 300 and at most 6 wrong yes."""
    columns = read_columns(ATTEMPTS)
    out = predict_training(columns, catalog=load())
    fits = np.array(["predicted to need" not in note for note in out.note])
    ran = np.array(columns["ran"]) == "yes"
    table = np.array([name.partition("-")[0] for name in columns["id"]])
    wrong = {
        str(one): (
            int((table == one).sum()), int((fits & ~ran)[table == one].sum()),
            int((~fits & ran)[table == one].sum()),
        )
        for one in np.unique(table)
    }  # fmt: skip
    assert wrong == {
        "first": (60, 0, 1), "l40": (48, 0, 0), "liger": (192, 1, 1), "new": (108, 0, 0)
    }  # fmt: skip


def test_peaks_of_attempts_that_ran():
    columns = read_columns(ATTEMPTS)
    catalog = load()
    jobs = resolve(Table(columns), catalog, catalog.coefficients.training).jobs
    need = memory(jobs, catalog.coefficients.training)
    peak = numbers_in(columns["peak_alloc_gib"])
    error = np.abs((need.total_bytes - need.overhead) / GIB / peak - 1.0)[np.isfinite(peak)]
    assert len(error) == 200
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.9) < 0.03


def test_release_and_preparation_move_what_is_kept():
    """Mistral 7B, QLoRA, micro-batch 4 on one A100: 15.2 GiB at transformers 4.48.1 and 19.3 GiB
    after prepare_model_for_kbit_training; refs/a100_80gb.csv@876e2ed6fc, lines 78 and 58."""
    asked = [
        {"stack_version": "4.45.2"}, {"stack_version": "4.48.1"},
        {"stack_version": "4.48.1", "base_prepared": "kbit"}, {"stack_version": "new"},
    ]  # fmt: skip
    job = FINE_TUNE | {"model": "mistralai/Mistral-7B-v0.1", "stack_version": "",
                       "base_prepared": ""}  # fmt: skip
    rows = [job | changed for changed in asked]
    out = predict_training({k: [r[k] for r in rows] for k in job}, catalog=load())
    old, new, prepared, unknown = out.value
    tokens = 4 * 4096
    assert (new - old) * GIB == pytest.approx(2 * 32_000 * tokens * 1.04, rel=0.05)
    assert prepared - new == pytest.approx(19.25 - 15.25, rel=0.1)
    assert np.isnan(unknown)
    assert "stack_version 'new' holds no release" in out.note[3]
