"""Stands in for the engines and their benchmarks: a server that sleeps, and runs that write what
the real tool writes, at the tokens/s that a table names for each concurrency."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def figures(concurrency: int, requests: int, tokens: tuple[int, int]) -> dict[str, float]:
    """A closed loop that agrees with itself: requests/s x latency = concurrency."""
    rates = json.loads(Path(os.environ["RATES"]).read_text(encoding="utf-8"))
    rate = rates[str(concurrency)] / tokens[1]
    latency_s = concurrency / rate
    ttft_s = 0.1 * latency_s
    times = {"ttft": ttft_s, "e2e": latency_s, "tpot": (latency_s - ttft_s) / (tokens[1] - 1)}
    found = {
        "duration": requests / rate, "completed": requests, "request_throughput": rate,
        "total_input_tokens": requests * tokens[0], "total_output_tokens": requests * tokens[1],
        "output_throughput": rate * tokens[1],
    }  # fmt: skip
    return found | {f"mean_{name}": seconds * 1e3 for name, seconds in times.items()}


def main() -> None:
    line = " ".join(sys.argv)
    if "--num-prompts" not in line:
        time.sleep(60)
        return
    tokens = int(option("--random-input-len")), int(option("--random-output-len"))
    concurrency, requests = int(option("--max-concurrency")), int(option("--num-prompts"))
    found = figures(concurrency, requests, tokens)
    ttft, tpot, e2e = (found.pop(f"mean_{name}") for name in ("ttft", "tpot", "e2e"))
    found |= {"mean_ttft_ms": ttft, "mean_tpot_ms": tpot, "mean_itl_ms": tpot}
    found |= {"median_ttft_ms": ttft, "max_concurrency": concurrency, "request_rate": "inf"}
    if "sglang" in line:
        run = found | {"backend": "sglang", "request_rate": float("inf")}
        run |= {"mean_e2e_latency_ms": e2e, "random_range_ratio": 1.0, "server_info": {}}
        run |= {"total_output_tokens_retokenized": found["total_output_tokens"]}
        with open(option("--output-file"), "a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
        return
    run = found | {"mean_e2el_ms": e2e, "num_prompts": requests, "backend": option("--backend")}
    run |= {"model_id": option("--model"), "request_goodput:": None}
    folder = Path(option("--result-dir"))
    (folder / option("--result-filename")).write_text(json.dumps(run), encoding="utf-8")


main()
