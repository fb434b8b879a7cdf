"""Vidur and the serving simulator on the same requests, step times and scheduler.

    python benchmarks/beside_vidur.py PYTHON [REQUESTS]

PYTHON is the interpreter of an environment with `vidur` installed, an optional tool that nothing
here depends on. Its measured profiles lie on a model hub; so that both run offline and decide
alike, its tables of kernel times are filled from this simulator's step table, and its Sarathi
scheduler gets the same token budget, batch and cache blocks. Writes the section "Beside Vidur" of
docs/serving-speed.md.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = "meta-llama/Llama-3-8B"
"""As Vidur names it; Llama 3.1 8B has the same shape."""

RUNS = 5
"""Of which the median counts here; Vidur runs once, as it takes seconds."""

TITLE = "\n## Beside Vidur\n"
BATCH = 128
"""Sequences at once: Vidur's own default."""

LONGEST, KV_STEP, CHUNK_STEP, TOKEN_STEP = 16_384, 256, 32, 8
"""Longest request, and the grids on which Vidur looks its times up [tokens]."""


def times_ms(table):  # type: ignore[no-untyped-def]
    """The step table in Vidur's form: general by tokens, attention by batch and context [ms].

    Up to `BATCH` tokens a step is taken to decode only, beyond to hold prompts only.
    """
    import numpy as np

    alone = [float(np.interp(0.0, table.contexts, row)) for row in table.decode_s]
    general = {}
    for m in range(1, table.chunk_tokens + TOKEN_STEP):
        gpu = table.tokens_s[min(m, len(table.tokens_s) - 1)] + table.head_s[1]
        host = table.host_s[0] + m * table.host_s[2] + table.host_s[3]
        joined = gpu * gpu + host * (host + 2.0 * (1.0 - table.overlap) * gpu)
        general[m] = 1e3 * (alone[m] if m <= BATCH else float(np.sqrt(joined)))
    contexts = np.arange(0, LONGEST + KV_STEP, KV_STEP)
    decode = {
        f"{b},{kv}": 1e3 * float(np.interp(kv, table.contexts, table.decode_s[b]) - alone[b])
        for b in range(1, BATCH + 1)
        for kv in contexts.tolist()
    }
    grid = np.arange(len(table.span_s)) * 128.0
    prefill = {
        f"{kv},{take}": float(take * np.interp(max(kv - take / 2, 0), grid, table.span_s) * 1e3)
        for kv in contexts.tolist()
        for take in range(CHUNK_STEP, table.chunk_tokens + 1, CHUNK_STEP)
    }
    return {"general": general, "decode": decode, "prefill": prefill}


def ours(count: int, folder: Path) -> dict[str, float]:
    """Simulate here; leave the requests and the times for the other."""
    import numpy as np

    from gpumix.serving.simulated_capacity import capacity_by_simulation
    from gpumix.serving.simulator.simulation import simulate
    from gpumix.serving.traffic import draw
    from serving import PROFILE, deployed

    catalog, _, table, traffic, slos = deployed()
    table = table._replace(max_sequences=BATCH)
    rate = 0.8 * capacity_by_simulation(table, traffic, slos, 10.0).requests_per_s
    profile = catalog.profiles[PROFILE]
    requests = draw(count, rate, profile.input, profile.output)
    columns = (requests.arrival_s, requests.input_tokens, requests.output_tokens)
    asked = {
        "requests": [c.tolist() for c in columns],
        "chunk": table.chunk_tokens,
        "blocks": table.kv_blocks,
        **times_ms(table),
    }
    (folder / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    found = simulate(requests, table)
    took = []
    for _ in range(RUNS):
        started = time.process_time()
        found = simulate(requests, table)
        took.append(time.process_time() - started)
    return {
        "rate": rate,
        "took_s": statistics.median(took),
        "ttft_s": float(np.median(found.ttft_s - table.first_token_s)),
        "tpot_s": float(np.nanmedian(found.tpot_s)),
        "lasts_s": float(found.clock_s.max()),
    }


def theirs(folder: Path, native: bool) -> None:
    """Simulate with Vidur (in its interpreter) and print the same figures as JSON."""
    from importlib.metadata import version

    import vidur.config as c
    from vidur.execution_time_predictor import sklearn_execution_time_predictor as predictor
    from vidur.request_generator import synthetic_request_generator as generator
    from vidur.simulator import Simulator

    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    layers = c.ReplicaConfig(MODEL, num_pipeline_stages=1, tensor_parallel_size=1)
    depth = layers.model_config.num_layers
    zeros = {(int(m),): 0.0 for m in asked["general"]}
    names = ("attn_post_proj", "mlp_up_proj", "mlp_down_proj", "mlp_act", "attn_rope", "add",
             "attn_kv_cache_save", "input_layernorm", "post_attention_layernorm")  # fmt: skip
    tables = dict.fromkeys(names, zeros)
    tables["attn_pre_proj"] = {(int(m),): t / depth for m, t in asked["general"].items()}
    for name, of in (("attn_decode", "decode"), ("attn_prefill", "prefill")):
        tables[name] = {
            tuple(int(n) for n in key.split(",")): t / depth for key, t in asked[of].items()
        }
    predictor.SklearnExecutionTimePredictor._load_predictions_from_hf = lambda self: tables
    requests = [generator.Request(*row) for row in zip(*asked["requests"], strict=True)]
    generator.SyntheticRequestGenerator.__init__ = lambda self, config: None
    generator.SyntheticRequestGenerator.generate = lambda self: requests
    most = asked["chunk"]
    config = c.SimulationConfig(
        cluster_config=c.ClusterConfig(
            replica_config=layers,
            cache_config=c.CacheConfig(num_blocks=asked["blocks"]),
            replica_scheduler_config=c.SarathiSchedulerConfig(BATCH, most),
        ),
        request_generator_config=c.SyntheticRequestGeneratorConfig(
            length_generator_config=c.FixedRequestLengthGeneratorConfig(max_tokens=LONGEST)
        ),
        execution_time_predictor_config=c.RandomForrestExecutionTimePredictorConfig(
            prediction_max_prefill_chunk_size=most,
            prediction_max_batch_size=BATCH,
            prediction_max_tokens_per_request=LONGEST,
            attention_decode_batching_overhead_fraction=0.0,
            cache_dir=str(folder / "cache"),
            use_native_execution_time_predictor=native,
        ),
        metrics_config=c.MetricsConfig(
            write_metrics=False,
            enable_chrome_trace=False,
            store_plots=False,
            store_request_metrics=False,
            store_batch_metrics=False,
            store_utilization_metrics=False,
            output_dir=str(folder / "out"),
        ),
    )
    simulator = Simulator(config)
    started = time.process_time()
    simulator.run()
    took = time.process_time() - started
    done = [(r.arrived_at, r.prefill_completed_at, r.completed_at, r.size[1]) for r in requests]
    print(
        json.dumps(
            {
                "version": version("vidur"),
                "took_s": took,
                "ttft_s": statistics.median(first - at for at, first, _, _ in done),
                "tpot_s": statistics.median((e - f) / (n - 1) for _, f, e, n in done if n > 1),
                "lasts_s": max(end for _, _, end, _ in done),
            }
        )
    )


def table_of(interpreter: str, count: int) -> str:
    """Both, one after the other, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        mine = ours(count, Path(name))
        results = {"gpumix": mine}
        for label, how in (("Vidur", "python"), ("Vidur, its C++ predictor", "native")):
            done = subprocess.run(
                [interpreter, str(Path(__file__).resolve()), "--in-vidur", name, how],
                cwd=name, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                sys.exit(f"{label} failed:\n{done.stderr[-2000:]}")
            results[label] = json.loads(done.stdout.splitlines()[-1])
    theirs_s = min(r["took_s"] for label, r in results.items() if label != "gpumix")
    version = results["Vidur"]["version"]
    rows = [
        f"| {label} | {count / r['took_s']:,.0f} | {r['took_s']:.3f} | "
        f"{r['ttft_s'] * 1e3:.1f} ms | {r['tpot_s'] * 1e3:.2f} ms | {r['lasts_s']:.0f} s |"
        for label, r in results.items()
    ]
    return "\n".join(
        [
            f"{date.today()}, {platform.machine()}, one after the other on one machine (load "
            f"average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores): "
            f"{count:,} requests with the lengths of the Azure conversation trace, Poisson at "
            f"{mine['rate']:.1f} a second (80 % load). Vidur {version} with its Sarathi scheduler, "
            "set to the same token budget, batch and cache blocks; its profiles are on a model "
            "hub, so its tables of times were filled from ours. Compilation, tables and plots are "
            "in neither time; both run on one thread.",
            "",
            "| | requests/s | CPU seconds | median TTFT | median TPOT | simulated span |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Ratio {theirs_s / mine['took_s']:,.0f} (target 300). Step times are not quite the "
            "same: Vidur rounds contexts up to 256 tokens and tokens to 8, and a sum of kernels "
            "cannot hold the host's work beside a mixed step.",
        ]
    )


def main(interpreter: str, count: int) -> None:
    """Write the section."""
    text = table_of(interpreter, count)
    path = ROOT / "docs" / "serving-speed.md"
    before = path.read_text(encoding="utf-8").partition(TITLE)[0].rstrip("\n")
    path.write_text(f"{before}\n{TITLE}\n{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    if sys.argv[1] == "--in-vidur":
        theirs(Path(sys.argv[2]), sys.argv[3] == "native")
    else:
        main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
