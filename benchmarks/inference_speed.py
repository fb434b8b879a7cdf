"""Questions a second through `gpumix.predict_inference`, as a section of docs/speed.md.

Prints Markdown, which `benchmarks/speed.py` puts into the page. Rows a CPU second are what one core
does: the threads of the process count together.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from datetime import date

import numpy as np

from gpumix import predict_inference

GPUS = (
    "h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "h200-sxm-141gb", "b200-sxm-180gb",
    "mi300x-192gb", "a100-pcie-80gb", "l4-24gb", "rtx-4090-24gb",
)  # fmt: skip
MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-32B",
    "mistralai/Mixtral-8x7B-Instruct-v0.1", "Qwen/Qwen3-30B-A3B", "google/gemma-2-9b-it",
    "openai/gpt-oss-120b",
)  # fmt: skip
ENGINES, PRECISIONS, TP = ("vllm", "sglang", "tensorrt-llm"), ("bf16", "fp8"), (1, 2, 4, 8)
LOADS: dict[str, tuple[object, ...]] = {
    "static_batch": (1, 4, 16, 64),
    "concurrency": (1, 8, 32, 128, 256),
    "max_throughput": ("",),
    "single_stream": ("",),
    "request_rate": (0.5, 1, 2, 8),
    "burst": (200, 1000),
}
METRICS = (
    "output_tok_s_total", "total_tok_s_total", "requests_s", "tpot_ms_mean", "ttft_ms_mean",
    "itl_ms_p50", "e2e_ms_mean",
)  # fmt: skip
STEADY = tuple(LOADS)[:4]
MILLION, SIMULATED_ROWS, RUNS = 1_000_000, 3_000, 3


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of clock and of all threads' CPU."""

    clock_s: float
    cpu_s: float


def questions(rows: int, loads: tuple[str, ...]) -> dict[str, list[object]]:
    """The columns of that many mixed questions, the same at each call."""
    draw = random.Random(1)
    names = ("gpu", "model", "weight_precision", "engine", "n_gpus", "tp", "load", "load_value",
             "input_len", "output_len", "metric")  # fmt: skip
    columns: dict[str, list[object]] = {name: [] for name in names}
    for _ in range(rows):
        load, tp = draw.choice(loads), draw.choice(TP)
        row = (
            draw.choice(GPUS), draw.choice(MODELS), draw.choice(PRECISIONS), draw.choice(ENGINES),
            tp, tp, load, draw.choice(LOADS[load]), draw.randrange(16, 8000),
            draw.randrange(16, 2000), draw.choice(METRICS),
        )  # fmt: skip
        for name, cell in zip(names, row, strict=True):
            columns[name].append(cell)
    return columns


def answered(columns: dict[str, list[object]], requests: int | None) -> Took:
    """The quickest of some runs, by CPU seconds; `requests` None: the default's."""
    stated = {} if requests is None else {"requests": requests}
    found = []
    for _ in range(RUNS):
        clock, cpu = time.perf_counter(), time.process_time()
        predict_inference(columns, **stated)
        found.append(Took(time.perf_counter() - clock, time.process_time() - cpu))
    return min(found, key=lambda one: one.cpu_s)


def yardstick_cpu_s() -> float:
    """CPU seconds of a fixed numpy computation, by which another machine's figures scale."""
    values = np.random.default_rng(0).random((100, 15_000))
    used = time.process_time()
    for _ in range(300):
        np.exp(values[0] * values[1]) + np.sqrt(values)
    return time.process_time() - used


def main() -> None:
    """Time three tables of questions and print one row of each."""
    every = tuple(LOADS)
    cases = (
        ("all loads, in closed form (`requests=0`)", MILLION, every, 0, "500,000"),
        ("batches, closed loops, most at once, single streams", MILLION, STEADY, None, "500,000"),
        ("all loads, bursts and rates simulated", SIMULATED_ROWS, every, None, "-"),
    )
    answered(questions(100, every), None)  # what is compiled and loaded once
    yardstick = yardstick_cpu_s()
    print(
        "## Questions a second\n\n"
        "Mixed questions through `gpumix.predict_inference` in one process of two threads, columns "
        "read and checked included: GPUs, models, layouts, engines, precisions, loads, lengths and "
        f"metrics drawn from a seed. The quickest of {RUNS}, measured {date.today()}, "
        f"{os.getloadavg()[0]:.1f} processes waiting or running before. "
        f"Yardstick (exp, product, sum and root of arrays in numpy): {yardstick:.2f} CPU s.\n"
    )
    print(
        "| questions | rows | rows/s of clock | rows/s of CPU | CPU over the yardstick | target |"
    )
    print("|---|---|---|---|---|---|")
    for what, rows, loads, requests, target in cases:
        took = answered(questions(rows, loads), requests)
        print(
            f"| {what} | {rows:,} | {rows / took.clock_s:,.0f} | {rows / took.cpu_s:,.0f} "
            f"| {took.cpu_s / yardstick:.2f} | {target} |"
        )


if __name__ == "__main__":
    main()
