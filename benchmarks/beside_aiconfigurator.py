"""TPOT and TTFT of gpumix beside aiconfigurator 0.12.0, same rows, one run -> docs/peers.md.

aiconfigurator is no dependency (its wheel brings kernel tables of some 100 MB): install
`aiconfigurator==0.12.0` and gpumix into one environment, then run this file. Every tenth row of its
own measured sample is asked: it needs seconds a row, and model files of others from a network.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools")]

from gpumix.catalog import load  # noqa: E402
from gpumix.predict.inference import predict_inference  # noqa: E402
from measured import read_rows  # noqa: E402

EVERY = 10
SYSTEMS = {
    "h100-sxm-80gb": "h100_sxm", "h200-sxm-141gb": "h200_sxm", "b200-sxm-180gb": "b200_sxm",
    "b300-sxm-268gb": "b300_sxm", "gb200-186gb": "gb200",
}  # fmt: skip
BACKENDS = {"tensorrt-llm": "trtllm", "vllm": "vllm", "sglang": "sglang"}


def ask(row: dict[str, str]) -> tuple[float, float]:
    """TPOT and TTFT of aiconfigurator in ms; NaN where it has no answer."""
    from aiconfigurator.cli.api import cli_estimate

    layout: dict[str, Any] = {"tp_size": int(row["tp"]), "pp_size": int(row["pp"])}
    if row["ep"] and "MiniMax" in row["model"]:
        layout |= {"moe_ep_size": int(row["ep"]), "moe_tp_size": int(row["tp"]) // int(row["ep"])}
    wide = {"bf16": "bfloat16", "fp8": "fp8"}.get(row["weight_precision"])
    try:
        found = cli_estimate(
            model_path=row["model"], system_name=SYSTEMS[row["gpu"]],
            backend_name=BACKENDS[row["engine"]], isl=int(row["input_len"]),
            osl=int(row["output_len"]), batch_size=int(row["load_value"]),
            gemm_quant_mode=wide if "Qwen" in row["model"] else None, **layout,
        )  # fmt: skip
    except Exception:  # whatever it raises, it has no answer
        return float("nan"), float("nan")
    return float(found.tpot), float(found.ttft)


def main() -> None:
    """Write docs/peers.md."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    rows = [
        row
        for row in read_rows("inference.csv.gz")
        if row["source_id"] == "aic-silicon"
        and row["usable"] == "yes"
        and row["dp"] in ("", "1")
        and row["weight_precision"] in ("bf16", "fp8")
    ]
    tpot = [row for row in rows if row["metric"] == "tpot_ms_mean"][::EVERY]
    started = time.perf_counter()
    answers = np.array([ask(row) for row in tpot])
    theirs_s = (time.perf_counter() - started) / len(tpot)
    catalog = load()
    lines = [
        "# gpumix beside aiconfigurator 0.12.0",
        "Every tenth row of the closed-loop measurements that aiconfigurator ships, the same rows "
        "in one run (`python benchmarks/beside_aiconfigurator.py`, in an environment with both). "
        "gpumix is fitted on `calib` rows, these among them; what it does on rows left out is in "
        "[accuracy.md](accuracy.md).",
        "| figure | predictor | answered | median | mean | p90 | seconds a row |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, metric in enumerate(("tpot_ms_mean", "ttft_ms_mean")):
        asked = [{**row, "metric": metric} for row in tpot]
        twin = {(*_key(row),): float(row["value"]) for row in rows if row["metric"] == metric}
        measured = np.array([twin.get((*_key(row),), float("nan")) for row in tpot])
        columns = {name: [row[name] for row in asked] for name in asked[0]}
        started = time.perf_counter()
        ours = predict_inference(columns, catalog=catalog)["value"]
        ours_s = (time.perf_counter() - started) / len(tpot)
        both = np.isfinite(answers[:, number]) & np.isfinite(measured)
        for name, value, seconds in (
            ("aiconfigurator", answers[:, number], theirs_s),
            ("gpumix", ours, ours_s),
        ):
            error = np.abs(value / measured - 1.0)[both]
            share = np.isfinite(value).mean()
            middle, high = np.quantile(error, [0.5, 0.9])
            lines.append(
                f"| {metric[:4].upper()} | {name} | {share:.0%} of {len(tpot)} | {middle:.1%} "
                f"| {error.mean():.1%} | {high:.1%} | {seconds:.2g} |"
            )
    text = "\n\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:]) + "\n"
    text += (
        "\nErrors are over the rows that both answer; bf16 and fp8 rows only. aiconfigurator gets "
        "the row's model, system, backend, layout, lengths and concurrency (as its batch), its "
        "newest tables, and the widths of a dense model's products; everything else is its default."
        "\n"
    )
    (ROOT / "docs" / "peers.md").write_text(text, encoding="utf-8")
    print(text)


def _key(row: dict[str, str]) -> tuple[str, ...]:
    names = (
        "gpu", "tp", "ep", "model", "weight_precision", "engine_version", "input_len",
        "output_len", "load_value",
    )  # fmt: skip
    return tuple(row[name] for name in names)


if __name__ == "__main__":
    main()
