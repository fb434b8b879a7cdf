"""What aiconfigurator 0.12.0 says of measured closed loops -> docs/peers.csv, read by peers.py.

aiconfigurator is no dependency (its wheel brings kernel tables of some 100 MB): install
`aiconfigurator==0.12.0` and what tools/measured.py needs into an environment of its own, then run
this file there. It needs seconds a row, so a sample is asked; what was answered before is kept.
"""

from __future__ import annotations

import csv
import logging
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools")]

from measured import read_rows  # noqa: E402

ANSWERS = ROOT / "docs" / "peers.csv"
COLUMNS = ("id", "tpot_ms", "ttft_ms", "output_tok_s", "seconds")
SYSTEMS = {
    "h100-sxm-80gb": "h100_sxm", "h200-sxm-141gb": "h200_sxm", "b200-sxm-180gb": "b200_sxm",
    "b300-sxm-268gb": "b300_sxm", "gb200-186gb": "gb200", "a100-sxm-80gb": "a100_sxm",
    "l40s-48gb": "l40s",
}  # fmt: skip
BACKENDS = {"tensorrt-llm": "trtllm", "vllm": "vllm", "sglang": "sglang"}
SAME_SHAPE = {
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "meta-llama/Llama-3.1-70B-Instruct": "meta-llama/Meta-Llama-3.1-70B",
    "meta-llama/Llama-3.3-70B-Instruct": "meta-llama/Meta-Llama-3.1-70B",
}
"""Models whose files it would fetch from a network, by those it ships of the same shape."""
ROUTED = ("MiniMax", "A3B", "gpt-oss", "DeepSeek")
SAMPLES = (
    ("aic-silicon", "tpot_ms_mean", 5),
    ("mlenergy-v3", "output_tok_s_total", 4),
    ("inferencex", "total_tok_s_total", 3),
)
"""Source, metric and every how many of its rows are asked; bf16 and fp8 rows, one replica."""


def sample() -> Iterator[dict[str, str]]:
    """The rows that are asked."""
    rows = read_rows("inference.csv.gz")
    for source, metric, every in SAMPLES:
        found = [
            row
            for row in rows
            if row["source_id"] == source
            and row["metric"] == metric
            and row["usable"] == "yes"
            and row["load"] == "concurrency"
            and row["dp"] in ("", "1")
            and row["gpu"] in SYSTEMS
            and row["weight_precision"] in ("bf16", "fp8")
        ]
        yield from found[::every]


def ask(row: dict[str, str]) -> tuple[float, float, float]:
    """TPOT and TTFT in ms and output tokens/s; NaN where it has no answer."""
    from aiconfigurator.cli.api import cli_estimate

    layout: dict[str, Any] = {"tp_size": int(row["tp"]), "pp_size": int(row["pp"] or 1)}
    if any(name in row["model"] for name in ROUTED):
        experts = int(row["ep"] or 1)
        layout |= {"moe_ep_size": experts, "moe_tp_size": int(row["tp"]) // experts}
    wide = {"bf16": "bfloat16", "fp8": "fp8"}.get(row["weight_precision"])
    try:
        found = cli_estimate(
            model_path=SAME_SHAPE.get(row["model"], row["model"]),
            system_name=SYSTEMS[row["gpu"]], backend_name=BACKENDS[row["engine"]],
            isl=round(float(row["input_len"])), osl=round(float(row["output_len"])),
            batch_size=int(row["load_value"]),
            gemm_quant_mode=None if "ep_size" in str(layout) else wide, **layout,
        )  # fmt: skip
    except Exception:  # whatever it raises, it has no answer
        return float("nan"), float("nan"), float("nan")
    return float(found.tpot), float(found.ttft), float(found.tokens_per_second)


def main() -> None:
    """Ask what was not asked before, a line each as it comes."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    known: set[str] = set()
    if ANSWERS.exists():
        with ANSWERS.open(encoding="utf-8", newline="") as handle:
            known = {line["id"] for line in csv.DictReader(handle)}
    else:
        ANSWERS.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    for row in sample():
        if row["id"] in known:
            continue
        started = time.perf_counter()
        answer = ask(row)
        numbers = [f"{value:.5g}" for value in (*answer, time.perf_counter() - started)]
        with ANSWERS.open("a", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerow([row["id"], *numbers])


if __name__ == "__main__":
    main()
