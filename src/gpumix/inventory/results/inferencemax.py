"""InferenceMAX / InferenceX rows: a benchmark's JSON after its own summary. Latencies in s.

Rates are per GPU: a row of tp GPUs made tp times as much. Lengths may be left out.

Source: utils/process_result.py of InferenceMAX/InferenceMAX (SemiAnalysisAI/InferenceX), 2025-26.
"""

from __future__ import annotations

import math
from dataclasses import replace

from gpumix.inventory.results.deployed import read as read_deployed
from gpumix.inventory.results.run import STATISTICS, Cells, Run

TOOL = "InferenceMAX"

ENGINES = {"vllm": "vllm", "sglang": "sglang", "trt": "tensorrt-llm", "trtllm": "tensorrt-llm"}
_LATENCIES = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2el"}


def is_this(data: object) -> bool:
    """Whether a parsed file, or the first of its rows, is of this benchmark."""
    one = data[0] if isinstance(data, list) and data else data
    return isinstance(one, dict) and {"hw", "conc", "tput_per_gpu"} <= set(one)


def read(cells: Cells) -> list[Run]:
    """A run a row; what is wrong is left in `cells.problems`."""
    if not isinstance(cells.data, list):
        return [_run(cells)]
    runs = []
    for i, row in enumerate(cells.data):
        one = Cells(row, f"{cells.place} row {i + 1}")
        if isinstance(row, dict):
            runs.append(_run(one))
        else:
            one.wrong((), "is not an object")
        cells.problems += one.problems
    return runs


def _run(cells: Cells) -> Run:
    gpus = cells.number("tp")
    rate, output = cells.number("tput_per_gpu"), cells.number("output_tput_per_gpu")
    said = read_deployed(cells)
    if _is_true(cells, "disagg"):
        cells.wrong(("disagg",), "prefill and decode on GPUs of their own have no prediction here")
    if _is_true(cells, "dp_attention"):
        doubt = "attention was data-parallel inside the tensor-parallel group"
        said = replace(said, doubts=(*said.doubts, doubt))
    lengths = [cells.optional(key) for key in ("isl", "osl")]
    input_len, output_len = (math.nan if n is None else n for n in lengths)
    if output > rate:
        cells.wrong(("output_tput_per_gpu",), f"{output:.4g} is more than the total, {rate:.4g}")
    latency_s = {
        name: {
            statistic: value
            for statistic in STATISTICS
            if (value := _statistic(cells, statistic, key)) is not None
        }
        for name, key in _LATENCIES.items()
    }
    framework = cells.text("framework").lower().partition("-")[0]
    return Run(
        tool=TOOL,
        place=cells.place,
        completed=math.nan,
        failed=0.0,
        duration_s=None,
        input_len=input_len,
        output_len=output_len,
        requests_per_s=gpus * output / output_len if output_len > 0.0 else math.nan,
        output_tokens_per_s=gpus * output,
        total_tokens_per_s=gpus * rate,
        latency_s={name: found for name, found in latency_s.items() if found},
        load="concurrency",
        load_value=cells.number("conc"),
        model=cells.text("model"),
        engine=ENGINES.get(framework, ""),
        same_length=False,
        deployed=said,
    )


def _is_true(cells: Cells, key: str) -> bool:
    """Whether a flag is set, as JSON or as a shell writes it."""
    return str(cells.at(key)).lower() == "true"


def _statistic(cells: Cells, statistic: str, key: str) -> float | None:
    value = cells.optional(f"{statistic}_{key}")
    if value is None and statistic == "p50":
        return cells.optional(f"median_{key}")
    return value
