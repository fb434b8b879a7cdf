"""A backtest cuts a user's rows as docs/accuracy.md cuts the measured table."""

from __future__ import annotations

import pytest

from gpumix.catalog import load
from gpumix.predict.backtest import backtest

COLUMNS = (
    "gpu", "n_gpus", "tp", "model", "weight_precision", "engine", "engine_version", "input_len",
    "output_len", "load", "load_value", "metric", "value",
)  # fmt: skip
ROWS = (
    ("h100-sxm-80gb", "1", "1", "Qwen/Qwen3-8B", "bf16", "vllm", "0.11.0", "1000", "200",
     "concurrency", "16", "output_tok_s_total", "1500"),
    ("h100-sxm-80gb", "1", "1", "Qwen/Qwen3-8B", "bf16", "vllm", "0.11.0", "1000", "200",
     "concurrency", "16", "ttft_ms_mean", "90"),
    ("h100-sxm-80gb", "1", "1", "Qwen/Qwen3-30B-A3B", "fp8", "vllm", "0.15.0", "1000", "200",
     "burst", "256", "output_tok_s_total", "4000"),
)  # fmt: skip


def test_rows_of_a_user_are_cut_by_question_engine_and_kind_of_model() -> None:
    columns = {name: [row[at] for row in ROWS] for at, name in enumerate(COLUMNS)}
    found = backtest(columns, load(), "mine.csv").slices
    counted = {(s.by, s.name): s.rows for s in found}
    assert counted["all", "all"] == 3
    assert counted["asked", "throughput"] == 1
    assert counted["asked", "TTFT, closed loop"] == 1
    assert counted["asked", "throughput of a burst"] == 1
    assert counted["kind of model", "dense"] == 2
    assert counted["kind of model", "mixture of experts"] == 1
    assert counted["engine", "vllm 0.9"] == 2
    assert counted["engine", "vllm 0.14"] == 1
    whole = next(s for s in found if s.by == "all")
    parts = [s for s in found if s.by == "asked"]
    assert whole.mean == pytest.approx(sum(s.mean or 0.0 for s in parts) / 3)
    # of each cut the worst comes first
    medians = [s.median for s in parts]
    assert medians == sorted(medians, key=lambda one: -(one or 0.0))
