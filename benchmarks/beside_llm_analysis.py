"""llm-analysis on rows of JSON from standard input -> tokens/s per GPU and seconds spent.

Runs under an interpreter that has llm-analysis (0.2.2) and nothing of gpumix; training_speed.py
calls it. The efficiency is the user's to state, as llm-analysis has none of its own.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any


def ask(row: dict[str, Any], efficiency: float) -> float:
    """Tokens/s per GPU of one row: FSDP over all its GPUs."""
    from llm_analysis.analysis import ActivationRecomputation, DSZeRO, LLMAnalysis
    from llm_analysis.config import ModelConfig, ParallelismConfig, get_gpu_config_by_name

    analysis = LLMAnalysis(
        ModelConfig(
            name="row", num_layers=row["layers"], n_head=row["heads"], hidden_dim=row["hidden"],
            vocab_size=row["vocab"], ffn_embed_dim=row["ffn"], max_seq_len=row["seq_len"],
        ),
        get_gpu_config_by_name(row["gpu"].removesuffix("gb") + "gb"),
        parallelism_config=ParallelismConfig(dp_size=row["n_gpus"]),
        flops_efficiency=efficiency,
    )  # fmt: skip
    again = ActivationRecomputation.FULL if row["full"] else ActivationRecomputation.NONE
    found = analysis.training(
        batch_size_per_gpu=row["micro_batch"],
        gradient_accumulation_steps=row["accumulation"],
        seq_len=row["seq_len"],
        activation_recomputation=again,
        ds_zero=DSZeRO.STAGE_3 if row["n_gpus"] > 1 else DSZeRO.NONE,
    )
    step = found["latency_per_micro_batch"]
    return float(row["micro_batch"] * row["seq_len"] / step)


def main() -> None:
    """Answer every row, then time them all again."""
    logging.disable(logging.CRITICAL)
    given = json.load(sys.stdin)
    answers: list[float | None] = []
    for row in given["rows"]:
        try:
            answers.append(ask(row, given["efficiency"][row["gpu"].split("-")[0]]))
        except Exception:  # whatever it raises, it has no answer
            answers.append(None)
    started = time.perf_counter()
    for row, answer in zip(given["rows"], answers, strict=True):
        if answer is not None:
            ask(row, given["efficiency"][row["gpu"].split("-")[0]])
    json.dump({"answers": answers, "seconds": time.perf_counter() - started}, sys.stdout)


if __name__ == "__main__":
    main()
