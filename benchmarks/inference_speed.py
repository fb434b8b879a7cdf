"""Estimates per second of the inference engine on one process -> standard output."""

from __future__ import annotations

import time

import numpy as np

from gpumix.catalog import load
from gpumix.perf.inference.deployment import Setup, deployments
from gpumix.perf.inference.loads import closed_loop

MODELS = (
    "meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-32B", "meta-llama/Llama-3.1-70B-Instruct",
    "Qwen/Qwen3-30B-A3B",
)  # fmt: skip
GPUS = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "b200-sxm-180gb")
TP = (1, 2, 4, 8)
POINTS = 200_000
CHUNK = 10_000


def main() -> None:
    """Time a grid of deployments, lengths and batches, then one estimate alone."""
    catalog = load()
    grid = [(m, g, tp) for m in MODELS for g in GPUS for tp in TP]
    n = len(grid)
    dep = deployments(
        [Setup(catalog.models[m], catalog.gpus[g], "vllm", tp=tp) for m, g, tp in grid],
        catalog.coefficients,
    )
    random = np.random.default_rng(0)
    which = random.integers(0, n, POINTS)
    inputs = random.integers(64, 8000, POINTS).astype(float)
    outputs = random.integers(16, 1000, POINTS).astype(float)
    batches = random.integers(1, 256, POINTS).astype(float)
    started = time.perf_counter()
    for at in range(0, POINTS, CHUNK):
        here = slice(at, at + CHUNK)
        closed_loop(dep.take(which[here]), inputs[here], outputs[here], batches[here])
    rate = POINTS / (time.perf_counter() - started)
    one = dep.take([0])
    started = time.perf_counter()
    for _ in range(100):
        closed_loop(one, 512.0, 128.0, 32.0)
    alone_ms = (time.perf_counter() - started) * 10.0
    print(f"{rate:,.0f} estimates/s on a grid, {alone_ms:.2f} ms for one alone (one process)")


if __name__ == "__main__":
    main()
