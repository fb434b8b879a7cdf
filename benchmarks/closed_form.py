"""The closed form of latencies beside the simulator, on a grid -> docs/closed-form.md.

Run by `make closed-form` (minutes). A question is one replica under Poisson arrivals at a share of
its capacity: TTFT and TPOT, p50 and p95, as `compare` and the search of a plan take them from
`serving.capacity`, and as the simulator finds them. Both read the same step times, so what differs
is the queueing alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpumix.catalog import Catalog, load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Slo
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.serving.capacity import Traffic, latency, loop_of
from gpumix.serving.kept import percentile_of
from gpumix.serving.open_loop import room
from gpumix.serving.simulator.simulation import Outcome, simulate
from gpumix.serving.simulator.steptable import StepTable, step_table
from gpumix.serving.traffic import draw

Floats = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parent.parent
GPUS = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb")
MODELS = (
    ("meta-llama/Llama-3.1-8B-Instruct", 1),
    ("meta-llama/Llama-3.1-70B-Instruct", 4),
    ("Qwen/Qwen3-30B-A3B", 2),
)
"""Models and the GPUs that one replica takes: two dense, one of experts."""

ENGINES = ("vllm", "sglang")
"""One that decodes while it reads prompts, and one that lets prompts go first."""

CHATS = "azure-conv"
SHAPES = (
    (128, 128, "chat"), (128, 4000, "chat"), (512, 256, "fixed"), (2000, 8, "chat"),
    (2000, 300, "chat"), (8000, 100, "fixed"), (8000, 1000, "chat"), (32_000, 8, "fixed"),
    (32_000, 500, "half"), (120_000, 100, "fixed"), (120_000, 1000, "fixed"),
)  # fmt: skip
"""Mean prompt, mean answer [tokens] and spread: as the chats of a trace, evenly within half of the
mean to either side, or all alike."""

LOADS = (0.02, 0.10, 0.30, 0.50, 0.70, 0.85, 0.95)
"""Arrivals over what the simulated replica serves when it is never idle."""

REQUESTS, SATURATING = 20_000, 4_000
SMALLEST, HALVINGS = 1e-4, 40
USUAL = 0.85
FIGURES = (("ttft", 0.5), ("ttft", 0.95), ("tpot", 0.5), ("tpot", 0.95))


@dataclass(frozen=True, slots=True)
class Place:
    """A replica and what it is sent."""

    gpu: str
    model: str
    engine: str
    shape: tuple[int, int, str]
    dep: Deployment
    traffic: Traffic

    @property
    def table(self) -> StepTable:
        """Its step times."""
        return step_table(self.dep, self.traffic.input.mean, self.traffic.output.mean)


@dataclass(frozen=True, slots=True)
class Row:
    """A place at a load; its figures as in `FIGURES`, simulated and in closed form."""

    place: Place
    load: float
    requests_per_s: float
    simulated_s: tuple[float, ...]
    closed_s: tuple[float, ...]


def places(catalog: Catalog) -> Iterator[Place]:
    """Every replica of the grid that has room for its requests."""
    for gpu in GPUS:
        for model, tp in MODELS:
            for engine in ENGINES:
                setup = Setup(catalog.models[model], catalog.gpus[gpu], engine, tp=tp)
                dep = deployments([setup], catalog.coefficients)
                for shape in SHAPES:
                    traffic = traffic_of(shape, catalog)
                    place = Place(gpu, model, engine, shape, dep, traffic)
                    longest = traffic.input.quantile(1.0) + traffic.output.quantile(1.0)
                    if longest < place.table.kv_blocks * 16:
                        yield place


def traffic_of(shape: tuple[int, int, str], catalog: Catalog) -> Traffic:
    """Poisson arrivals of requests of a shape."""
    chats = catalog.profiles[CHATS]
    one, other = (
        spread(float(mean), shape[2], of)
        for mean, of in zip(shape[:2], (chats.input, chats.output), strict=True)
    )
    return Traffic(one, other, 1.0)


def spread(mean: float, kind: str, chats: Lengths) -> Lengths:
    """Lengths of this mean."""
    if kind == "fixed":
        return Lengths(mean, 0.0)
    if kind == "half":
        return Lengths(mean, 1.0 / np.sqrt(12.0), ((0.0, 0.5 * mean), (1.0, 1.5 * mean)))
    factor = mean / chats.mean
    return Lengths(mean, chats.cv, tuple((p, t * factor) for p, t in chats.quantiles))


def simulated(place: Place, count: int, requests_per_s: float) -> Outcome:
    """A run of a place at a rate; an infinite rate sends all at once."""
    stream = draw(count, 1.0, place.traffic.input, place.traffic.output)
    return simulate(replace(stream, arrival_s=stream.arrival_s / requests_per_s), place.table)


def capacity(place: Place) -> float:
    """Requests a second of a replica that is never idle, over the middle of a run [1/s]."""
    ends = np.sort(simulated(place, SATURATING, np.inf).finish_s)
    first, last = len(ends) // 4, 3 * len(ends) // 4
    return float((last - first) / (ends[last] - ends[first]))


def rows_of(place: Place) -> list[Row]:
    """A place at every load."""
    most = capacity(place)
    rates = [load_ * most for load_ in LOADS]
    ran = [simulated(place, REQUESTS, rate) for rate in rates]
    found = [tuple(percentile_of([(o, 1.0)], Slo(m, q, 1.0)) for m, q in FIGURES) for o in ran]
    return [Row(place, *row) for row in zip(LOADS, rates, found, closed(place, rates), strict=True)]


def closed(place: Place, rates: Sequence[float]) -> list[tuple[float, ...]]:
    """The closed form's figures at each rate [s]; infinite above what it says can be served."""
    dep, traffic = place.dep.take([0] * len(rates)), place.traffic
    asked, most = np.array(rates), room(dep, traffic.input, traffic.output)
    low, high = np.full(len(rates), SMALLEST), most
    for _ in range(HALVINGS):
        middle = np.sqrt(low * high)
        below = loop_of(dep, traffic, middle).requests_per_s < asked
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    able = loop_of(dep, traffic, most).requests_per_s >= asked
    found = {q: latency(dep, traffic, high, q) for q in (0.5, 0.95)}
    times = [{"ttft": found[q].ttft_s, "tpot": found[q].tpot_s}[metric] for metric, q in FIGURES]
    return [tuple(float(t[i]) if able[i] else np.inf for t in times) for i in range(len(rates))]


def errors(rows: Sequence[Row]) -> Floats:
    """|closed form / simulated - 1|, one row a question, one column a figure."""
    return np.array(
        [[abs(c / s - 1.0) for c, s in zip(r.closed_s, r.simulated_s, strict=True)] for r in rows]
    )


def line(name: str, rows: Sequence[Row]) -> str:
    """Rows, median and p90 of the error by figure, and of all of them."""
    error = errors(rows)
    cells = [name, str(len(rows))]
    for part in (*error.T, error.ravel()):
        worst = np.quantile(part, 0.9, method="lower")
        cells.append(f"{np.median(part):.1%} / " + (f"{worst:.0%}" if worst < 10.0 else "> 10x"))
    return "| " + " | ".join(cells) + " |"


def groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows by load, engine, GPU, model and shape; all of them first, and those of usual loads."""
    yield "all", list(rows)
    yield "load up to 85 %", [r for r in rows if r.load <= USUAL]
    for load_ in LOADS:
        yield f"load {load_:.0%}", [r for r in rows if r.load == load_]
    for engine in ENGINES:
        yield engine, [r for r in rows if r.place.engine == engine]
    for gpu in GPUS:
        yield gpu, [r for r in rows if r.place.gpu == gpu]
    for model, _ in MODELS:
        yield model, [r for r in rows if r.place.model == model]
    for shape in SHAPES:
        name = f"{shape[0]:,} in, {shape[1]:,} out, {shape[2]}"
        yield name, [r for r in rows if r.place.shape == shape]


def page(rows: Sequence[Row]) -> str:
    """docs/closed-form.md."""
    names = [f"{m.upper()} p{q * 100:.0f}" for m, q in FIGURES]
    return "\n".join(
        [
            "# The closed form beside the simulator",
            "",
            f"{date.today()}. Written by `make closed-form`: {len(rows):,} questions of one "
            f"replica under Poisson arrivals, {len(FIGURES)} figures each. Load is the rate over "
            "what the simulated replica serves when it is never idle; lengths are spread as in "
            f"{CHATS} (chat), evenly within half of the mean to either side (half), or all alike "
            f"(fixed). Simulated over {REQUESTS:,} requests; both read the same step times. "
            "`compare` answers with the closed form, and a plan finds its options with it, then "
            "simulates them. Every row: [closed-form.csv](closed-form.csv).",
            "",
            "Error |closed form / simulated - 1|, median / p90. Target: 10 % / 30 %. A rate that "
            "the closed form takes for more than can be served counts as an error without limit.",
            "",
            "| | questions | " + " | ".join([*names, "all figures"]) + " |",
            "|---" * (len(names) + 3) + "|",
            *(line(name, part) for name, part in groups(rows) if part),
            "",
        ]
    )


def write_rows(rows: Sequence[Row]) -> None:
    """docs/closed-form.csv: milliseconds, simulated and in closed form."""
    with (ROOT / "docs" / "closed-form.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        names = [f"{m}_ms_p{q * 100:.0f}" for m, q in FIGURES]
        out.writerow(
            [
                "gpu",
                "model",
                "engine",
                "input_len",
                "output_len",
                "spread",
                "load",
                "requests_per_s",
            ]
            + [f"{way}_{name}" for way in ("simulated", "closed_form") for name in names]
        )
        for r in rows:
            times = [f"{1e3 * t:.4g}" for t in (*r.simulated_s, *r.closed_s)]
            place = r.place
            out.writerow(
                [
                    place.gpu,
                    place.model,
                    place.engine,
                    *place.shape,
                    r.load,
                    f"{r.requests_per_s:.4g}",
                    *times,
                ]
            )


def main() -> None:
    """Write docs/closed-form.md and its table."""
    with ThreadPoolExecutor(2) as pool:  # the compiled loop lets others run
        rows = [r for found in pool.map(rows_of, places(load())) for r in found]
    write_rows(rows)
    text = page(rows)
    (ROOT / "docs" / "closed-form.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
