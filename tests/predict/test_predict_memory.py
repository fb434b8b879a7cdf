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


MISTRAL, MIXTRAL, LLAMA = (
    "mistralai/Mistral-7B-v0.1", "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "meta-llama/Llama-2-70b-hf",
)  # fmt: skip
SHAPES = ((1, 4), (2, 2), (1, 8), (2, 4))
RAN = {
    ("sft", MISTRAL): ("yyyy",),
    ("sft", MIXTRAL): ("nnnn",),
    ("sft", LLAMA): ("nnnn",),
    ("lora", MISTRAL): ("yyyy",),
    ("lora", MIXTRAL): ("nyny",),
    ("lora", LLAMA): ("nnnn",),
    ("qlora", MISTRAL): ("yyyy", "yyyy", "yyyy"),
    ("qlora", MIXTRAL): ("yyyy", "yyyy", "yyyy"),
    ("qlora", LLAMA): ("nynn", "yynn", "yyny"),
}
"""Whether (GPUs, batch of each) of SHAPES ran or ran out of memory on A100-80; QLoRA prepared by
PEFT, by the accelerated plug-in and from GPTQ. Source: fms-acceleration, scripts/benchmarks/refs/
a100_80gb.csv@04702cc5b9."""


def test_sixty_attempts_are_told_right_but_for_two_that_ran_one_way_and_not_another():
    asked, ran = [], []
    for (task, model), ways in RAN.items():
        for said in ways:
            for (gpus, batch), word in zip(SHAPES, said, strict=True):
                sharding = "zero3_fsdp" if gpus > 1 else "none"
                optimizer = "adamw_bf16" if task == "sft" else ""
                asked.append(
                    FINE_TUNE | {
                        "task": task, "model": model, "n_gpus": str(gpus), "sharding": sharding,
                        "micro_batch": str(batch), "optimizer": optimizer,
                    }
                )  # fmt: skip
                ran.append(word == "y")
    out = predict_training({k: [row[k] for row in asked] for k in FINE_TUNE}, catalog=load())
    fits = np.array(["predicted to need" not in note for note in out.note])
    assert len(fits) == 60
    assert (fits != np.array(ran)).sum() == 2
    assert (fits & ~np.array(ran)).sum() == 1
