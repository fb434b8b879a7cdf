"""Speed of the training engine, beside llm-analysis on the same rows -> docs/training-speed.md.

`python benchmarks/training_speed.py [--llm-analysis PYTHON]`: PYTHON is the interpreter of an
environment of its own into which llm-analysis was installed; without it only gpumix runs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools")]

import fit_training  # noqa: E402
from gpumix.catalog import Catalog, load  # noqa: E402
from gpumix.files import read_columns  # noqa: E402
from gpumix.perf.training.job import training_jobs  # noqa: E402
from gpumix.perf.training.layout import layouts  # noqa: E402
from gpumix.perf.training.step import step  # noqa: E402
from gpumix.predict.training import predict_training  # noqa: E402

PAGE = ROOT / "docs" / "training-speed.md"
GPT3 = "gpt3-175b (training shape)"
SOURCE = "mosaicml/llm-foundry"
ROWS = 100_000
EFFICIENCY = {"a100": 0.6, "h100": 0.5}
"""What a user would tell llm-analysis: shares of peak that its own pages suggest, rounded."""


def best_of(number: int, run: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(number):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


def own(catalog: Catalog) -> list[str]:
    """Lines of the table on gpumix alone."""
    constants = catalog.coefficients.training
    model, gpu = catalog.model(GPT3), catalog.gpu("h100-sxm-80gb")

    def many() -> object:
        jobs = training_jobs(
            [model], [gpu], n_gpus=np.full(ROWS, 512), tp=4, pp=8, global_batch=2048, stack="nemo"
        )
        return step(jobs, constants)

    search = {"seq_len": 2048, "global_batch": 2048, "stack": "nemo"}
    tried = len(layouts(model, gpu, 512, constants=constants, **search))  # type: ignore[arg-type]
    seconds = best_of(
        5, lambda: layouts(model, gpu, 512, constants=constants, **search)  # type: ignore[arg-type]
    )  # fmt: skip
    one = training_jobs([model], [gpu], n_gpus=512, tp=4, pp=8, global_batch=2048, stack="nemo")
    point = {
        "gpu": "h100-sxm-80gb", "model": GPT3, "metric": "tok_s_per_gpu", "stack": "nemo",
        "n_gpus": "512", "tp": "4", "pp": "8", "cp": "1", "micro_batch": "1", "seq_len": "2048",
    }  # fmt: skip
    table = {name: [cell] * 10_000 for name, cell in point.items()}
    return [
        f"| one estimate, {ROWS:,} at once | 50 us | {best_of(3, many) / ROWS * 1e6:.1f} us |",
        f"| one estimate of `predict training`, 10,000 rows of text | 50 us "
        f"| {best_of(2, lambda: predict_training(table, catalog=catalog)) / 1e4 * 1e6:.1f} us |",
        f"| one estimate alone | | {best_of(50, lambda: step(one, constants)) * 1e3:.2f} ms |",
        f"| layout search, 175B on 512 H100 ({tried} layouts fit) | 100 ms "
        f"| {seconds * 1e3:.0f} ms |",
    ]


def beside(catalog: Catalog, python: str) -> list[str]:
    """Errors and times of both on the bf16 rows of llm-foundry, which gpumix is fitted without."""
    columns = fit_training.calibration_columns(read_columns(fit_training.MEASURED))
    rows = fit_training.Rows(catalog, columns, catalog.coefficients.training)
    jobs = rows.resolved.jobs
    chosen = np.flatnonzero((rows.source == SOURCE) & (jobs.precision == 0))
    held = rows.source == SOURCE
    without = fit_training.fit_rows(rows, fit_training.START, ~held)
    asked = [_row(catalog, columns, rows, int(i)) for i in chosen]
    answer = subprocess.run(
        [python, str(Path(__file__).with_name("beside_llm_analysis.py"))], check=True, text=True,
        input=json.dumps({"rows": asked, "efficiency": EFFICIENCY}), capture_output=True,
        env={**os.environ, "TRANSFORMERS_OFFLINE": "1"},
    )  # fmt: skip
    found = json.loads(answer.stdout[answer.stdout.index("{") :])
    theirs = np.array([np.nan if a is None else a for a in found["answers"]])
    measured = rows.measured[chosen]
    ours = rows.predict(without, np.isin(np.arange(len(rows.measured)), chosen))
    took = best_of(5, lambda: step(jobs.take(chosen), without)) / len(chosen)
    lines = [
        f"Beside llm-analysis 0.2.2 on {len(chosen)} bf16 rows of {SOURCE}, in one run. gpumix is "
        "fitted without that source and its stack; llm-analysis is given 60 % of the A100's peak "
        "and 50 % of the H100's, as it has no efficiency of its own.",
        "",
        "| | rows answered | median error | mean error | time of one estimate |",
        "|---|---|---|---|---|",
    ]
    for name, value, seconds in (
        ("gpumix", ours, took),
        ("llm-analysis", theirs, found["seconds"] / max(np.isfinite(theirs).sum(), 1)),
    ):
        error = np.abs(value / measured - 1.0)[np.isfinite(value)]
        lines.append(
            f"| {name} | {len(error)} | {np.median(error):.1%} | {error.mean():.1%} "
            f"| {seconds * 1e6:.0f} us |"
        )
    return lines


def _row(
    catalog: Catalog, columns: dict[str, list[str]], rows: fit_training.Rows, i: int
) -> dict[str, Any]:
    at, jobs = rows.resolved.rows[i], rows.resolved.jobs
    model = catalog.model(columns["model"][at])
    per_gpu = jobs.global_batch[i] / jobs.n_gpus[i]
    return {
        "layers": model.layers, "heads": model.heads, "hidden": model.hidden, "vocab": model.vocab,
        "ffn": model.ffn_hidden, "gpu": catalog.gpu(columns["gpu"][at]).id,
        "n_gpus": int(jobs.n_gpus[i]), "seq_len": int(jobs.seq_len[i]),
        "micro_batch": int(jobs.micro_batch[i]),
        "accumulation": max(int(per_gpu / jobs.micro_batch[i]), 1),
        "full": bool(jobs.activation_ckpt[i] == 2),
    }  # fmt: skip


def main() -> None:
    """Write docs/training-speed.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--llm-analysis", metavar="PYTHON", help="interpreter that has it")
    python = parser.parse_args().llm_analysis
    catalog = load()
    where = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# Speed of the training engine", "",
        f"{today}, {where}, one process. Written by `make bench-training`.", "",
        "| | target | measured |", "|---|---|---|", *own(catalog),
    ]  # fmt: skip
    lines += ["", *(beside(catalog, python) if python else ["llm-analysis was not asked."])]
    text = "\n".join(lines) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
