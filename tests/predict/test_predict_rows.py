"""The layouts of a question, and the one of them that answers it best."""

from __future__ import annotations

import numpy as np

from gpumix.catalog import load
from gpumix.predict.rows import best_of, layouts_of


def best(values: list[float], counts: list[int], metrics: list[str]) -> list[int]:
    source = np.repeat(np.arange(len(counts)), counts)
    return best_of(np.array(values), source, np.array(counts), np.array(metrics)[source]).tolist()


def test_the_best_layout_has_the_least_latency_or_the_highest_rate() -> None:
    values = [5.0, 3.0, 4.0, 2.0, 9.0, 7.0]
    assert best(values, [3, 2, 1], ["ttft_ms_p95", "output_tok_s_total", "tpot_ms_mean"]) == [
        1, 4, 5
    ]  # fmt: skip


def test_of_equal_layouts_the_first_is_taken_and_one_without_an_answer_never() -> None:
    nan = float("nan")
    assert best([nan, 6.0, 6.0, 1.0], [3, 1], ["requests_s", "requests_s"]) == [1, 3]
    assert best([nan, 8.0, nan, nan], [2, 2], ["ttft_ms_p95", "ttft_ms_p95"]) == [1, 2]


def test_stated_degrees_multiply_to_the_gpus_and_copies_fill_the_rest() -> None:
    llama = load().models["meta-llama/Llama-3.1-70B-Instruct"]
    assert layouts_of(llama, None, 2, 4, 3, None) == [(2, 4, 3, 1)]
    assert layouts_of(llama, 24, 2, 4, 3, None) == [(2, 4, 3, 1)]
    assert layouts_of(llama, 24, 2, 4, None, None) == [(2, 4, 3, 1)]
    assert layouts_of(llama, 12, 2, 4, None, None) == "tp x pp x dp = 8, but n_gpus is 12"
