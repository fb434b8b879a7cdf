"""How fast the serving simulator is, against its targets -> docs/serving-speed.md.

Run by `make bench-serving`. One replica of Llama 3.1 8B on an H100 serves the lengths of the
catalogue's Azure conversation profile at 80 % of the rate that its promises allow. Each row runs in
a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
MODEL, GPU, PROFILE = "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm-80gb", "azure-conv"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
CONFIGURATIONS, WORKLOADS = 200, 5
SEEDS, CORES = 10, 2


def deployed():  # type: ignore[no-untyped-def]
    """The catalogue, the deployment, its table, traffic and promises."""
    from gpumix.catalog import load
    from gpumix.domain.workload import Slo
    from gpumix.perf.inference.deployment import Setup, deployments
    from gpumix.serving.capacity import Traffic
    from gpumix.serving.simulator.steptable import step_table

    catalog = load()
    setup = Setup(catalog.models[MODEL], catalog.gpus[GPU], "vllm")
    dep = deployments([setup], catalog.coefficients)
    profile = catalog.profiles[PROFILE]
    traffic = Traffic(
        profile.input, profile.output, profile.arrival_cv, profile.prefix_share or 0.0
    )
    slos = (Slo("ttft", 0.95, 1.0), Slo("tpot", 0.95, 0.05))
    table = step_table(dep, profile.input.mean, profile.output.mean)
    return catalog, dep, table, traffic, slos


def run(count: int) -> None:
    """Simulate `count` requests at 80 % load; print requests/s, seconds and peak GiB."""
    from gpumix.serving.simulated_capacity import capacity_by_simulation
    from gpumix.serving.simulator.simulation import simulate
    from gpumix.serving.traffic import from_profile

    catalog, _, table, traffic, slos = deployed()
    highest = capacity_by_simulation(table, traffic, slos, 15.0).requests_per_s
    requests = from_profile(catalog.profiles[PROFILE], count, 0.8 * highest)
    started = time.perf_counter()
    found = simulate(requests, table)
    took = time.perf_counter() - started
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if not found.served.all():
        sys.exit("not every request was served at 80 % load")
    print(count / took, took, gib)


def search() -> None:
    """Seconds a capacity search takes, tables included: alone, and among many as in a plan.

    A plan asks the closed form once for all configurations and searches in two threads.
    """
    from gpumix.serving.capacity import sustained
    from gpumix.serving.simulated_capacity import capacity_by_simulation
    from gpumix.serving.simulator.steptable import step_table

    _, dep, table, traffic, slos = deployed()
    capacity_by_simulation(table, traffic, slos, 15.0)

    def highest(seed: int, start: float) -> None:
        own = step_table(dep, traffic.input.mean, traffic.output.mean)
        capacity_by_simulation(own, traffic, slos, start, seed=seed)

    started = time.perf_counter()
    for seed in range(SEEDS):
        highest(seed, float(sustained(dep, traffic, slos).requests_per_s[0]))
    alone = time.perf_counter() - started
    started = time.perf_counter()
    many = dep.take(np.zeros(4 * SEEDS, dtype=np.intp))
    starts = sustained(many, traffic, slos).requests_per_s
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(highest, range(4 * SEEDS), map(float, starts)))
    print(alone / SEEDS, (time.perf_counter() - started) / (4 * SEEDS))


def of_process(what: str, cache: str | None = None) -> list[float]:
    """The figures a fresh process prints, and its wall time [s] last."""
    environment = dict(os.environ, **({"NUMBA_CACHE_DIR": cache} if cache else {}))
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, *what.split()],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    return [*map(float, done.stdout.split()), time.perf_counter() - started]


def main() -> None:
    """Every row of the table, then the page."""
    rows: list[tuple[str, str, str]] = []
    cache = tempfile.mkdtemp()
    cold, warm = of_process("run 1000", cache)[-1], of_process("run 1000", cache)[-1]
    shutil.rmtree(cache)
    rows.append(("first run on a fresh machine, compilation in it", "15 s", f"{cold:.1f} s"))
    rows.append(("the same again, compiled code from disk", "", f"{warm:.1f} s"))
    for count in SIZES:
        rate, took, gib, _ = of_process(f"run {count}")
        target = {1_000_000: "200,000 requests/s", 10_000_000: "2 GiB, linear"}.get(count, "")
        shown = f"{rate:,.0f} requests/s, {took:.2f} s, {gib:.2f} GiB"
        rows.append((f"one replica, {count:,} requests at 80 % load", target, shown))
        print(rows[-1], flush=True)
    one, pooled, _ = of_process("search")
    rows.append(("capacity search, one configuration", "0.3 s", f"{one:.3f} s"))
    whole = pooled * CONFIGURATIONS * WORKLOADS
    rows.append(
        (
            f"{CONFIGURATIONS} configurations x {WORKLOADS} workloads, {CORES} threads "
            f"(from {4 * SEEDS} searches)",
            "60 s",
            f"{whole:.0f} s",
        )
    )
    lines = [
        "# Speed of the serving simulator",
        "",
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, one thread. Written by `make bench-serving`. {MODEL} on "
        f"{GPU}, lengths and burstiness of the {PROFILE} profile.",
        "",
        "| | target | measured |",
        "|---|---|---|",
        *(f"| {what} | {target} | {got} |" for what, target, got in rows),
        "",
        "Published for comparison, on other machines: Vidur about 410 requests/s; BLIS 555, "
        "falling to 238 as the run grows.",
    ]
    path = ROOT / "docs" / "serving-speed.md"
    _, section, beside = path.read_text(encoding="utf-8").partition("\n## ")
    path.write_text("\n".join(lines) + "\n" + section + beside, encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "run":
        run(int(sys.argv[2]))
    elif sys.argv[1:] == ["search"]:
        search()
    else:
        main()
