"""The serving simulator on measured runs, beside the closed form -> docs/serving-validation.md.

Run by `make validate-serving` (needs ../shared; minutes). Every usable measurement whose load can
be replayed is simulated as it was taken: users in a closed loop, prompts sent at once, or Poisson
arrivals. Nothing is fitted here: step times come from the packaged constants.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "benchmarks")]

import fit_inference  # noqa: E402
from gpumix.catalog import Catalog, load  # noqa: E402
from gpumix.domain.workload import Slo  # noqa: E402
from gpumix.perf.inference import loads  # noqa: E402
from gpumix.perf.inference.deployment import Deployment  # noqa: E402
from gpumix.perf.inference.questions import answer  # noqa: E402
from gpumix.predict.inference import predict_inference  # noqa: E402
from gpumix.serving.capacity import Traffic  # noqa: E402
from gpumix.serving.simulated_capacity import capacity_by_simulation  # noqa: E402
from gpumix.serving.simulator.simulation import Outcome, Settings, simulate  # noqa: E402
from gpumix.serving.simulator.steptable import step_table  # noqa: E402
from gpumix.serving.traffic import arrivals, lengths, stream  # noqa: E402
from measured import read_rows  # noqa: E402

Row = dict[str, str]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

REQUESTS_PER_USER = 10
"""As load generators are commonly run: ten requests for each one in flight, then it runs out."""

STEADY, WAVES = 40, 10
"""Where lengths vary, users have 40 requests and the run is cut after ten end-to-end times, so that
users with short answers never run out."""

ARRIVALS = 1000
"""Requests of a run at a stated rate."""

CHATS = "azure-conv"
"""Profile whose spread of lengths stands in for that of chat data sets, which rows do not state."""

RANGED = (("1024", "1024"), ("1024", "8192"), ("8192", "1024"))
"""Prompt and answer of InferenceMAX, whose client draws lengths of 80 to 100 % of the stated ones.

Source: InferenceMAX, benchmark client (random range ratio 0.8, ten prompts a user); the rows of
aic-silicon with vLLM and these shapes are taken to be of it.
"""


WHOLE_CURVE = 0.8
"""Share of a sweep's points that must lie in the 80 % interval for the sweep to count."""


@dataclass(frozen=True)
class Run:
    """One measured run: the row that describes it, and the rows measured in it."""

    row: Row
    members: list[int]


def runs_of(rows: Sequence[Row]) -> list[Run]:
    """Rows grouped by what was run."""
    names = (
        "source_id", "gpu", "n_gpus", "tp", "pp", "dp", "ep", "model", "weight_precision",
        "kv_precision", "engine", "engine_version", "input_len", "output_len", "load", "load_value",
        "dataset", "work",
    )  # fmt: skip
    found: dict[tuple[str, ...], Run] = {}
    for i, row in enumerate(rows):
        work = row["work_key"].rsplit("|", 1)[0]
        key = tuple({**row, "work": work}[name] for name in names)
        found.setdefault(key, Run(row, [])).members.append(i)
    return list(found.values())


def spread_of(row: Row) -> str:
    """How lengths differ from request to request: `chat`, `range` or not at all."""
    if row["dataset"] not in ("", "fixed") and "random" not in row["notes"]:
        return "chat"
    shape = row["input_len"], row["output_len"]
    inference_max = row["source_id"] == "aic-silicon" and row["engine"] == "vllm"
    return "range" if inference_max and shape in RANGED else ""


def lengths_of(row: Row, count: int, catalog: Catalog) -> tuple[Ints, Ints]:
    """Tokens of prompts and answers, their means as stated."""
    rng, chats = np.random.default_rng(0), catalog.profiles[CHATS]
    kind = spread_of(row)
    found = []
    for name, shape in (("input_len", chats.input), ("output_len", chats.output)):
        mean = max(float(row[name]), 1.0)
        evenly = rng.permutation((np.arange(count) + 0.5) / count)
        drawn = np.full(count, mean)
        if kind == "chat":
            drawn = lengths(replace(shape, mean=mean), evenly, 1)
        elif kind == "range":
            drawn = mean * (0.8 + 0.2 * evenly) / 0.9
        found.append(np.maximum(np.rint(drawn), 1).astype(np.int32))
    return found[0], found[1]


def simulated(run: Run, dep: Deployment, catalog: Catalog) -> tuple[Outcome, int, int]:
    """What happened, with how many users, on how many copies of the model."""
    row, copies = run.row, int(dep.copies[0])
    one = replace(dep, copies=np.ones(1))
    asked = float(row["load_value"]) / copies
    size = float(row["input_len"]), float(row["output_len"])
    users, stop_s = max(round(asked), 1), np.inf
    table = step_table(one, *size)
    if row["load"] == "burst":
        requests = stream(np.zeros(users), *lengths_of(row, users, catalog))
    elif row["load"] == "request_rate":
        times = arrivals(ARRIVALS, asked, 1.0, np.random.default_rng(0))
        requests = stream(times, *lengths_of(row, ARRIVALS, catalog))
    else:
        each = REQUESTS_PER_USER
        if spread_of(row) == "chat":
            each = STEADY
            stop_s = WAVES * float(loads.closed_loop(one, *size, float(users)).e2e_s[0])
        prompts, answers = lengths_of(row, each * users, catalog)
        at = np.arange(each * users)
        follows = np.where(at < users, -1, at - users)
        requests = stream(np.zeros(len(at)), prompts, answers, follows=follows)
    return simulate(requests, table, Settings(stop_s=stop_s)), users, copies


def value_of(metric: str, row: Row, found: Outcome, users: int, copies: int) -> float:
    """A metric of the simulated run in its own unit, over all copies; NaN where it has none."""
    name, statistic = metric.rsplit("_ms_", 1) if "_ms_" in metric else (metric, "")
    if statistic:
        if name == "itl":
            probability = {"p50": 0.5, "p95": 0.95, "p99": 0.99}[statistic]
            return 1e3 * float(found.gap_quantiles_s(np.array([probability]))[0])
        times = {"ttft": found.ttft_s, "tpot": found.tpot_s, "e2e": found.e2e_s}[name]
        times = times[found.served & np.isfinite(times)]
        if not len(times):
            return float("nan")
        if statistic == "mean":
            return 1e3 * float(times.mean())
        return 1e3 * float(np.percentile(times, float(statistic[1:])))
    tokens_s, answer = tokens_per_s(row, found, users), max(float(row["output_len"]), 1.0)
    choices = {
        "requests_s": tokens_s / answer,
        "output_tok_s_total": tokens_s,
        "total_tok_s_total": tokens_s * (1.0 + float(row["input_len"]) / answer),
    }
    return choices.get(name, float("nan")) * copies


def tokens_per_s(row: Row, found: Outcome, users: int) -> float:
    """Output tokens a second [1/s].

    Of a whole run; of a closed loop each user's rate from the end of its first request to that of
    its last, summed, so that filling up and running out do not count.
    """
    if row["load"] != "concurrency":
        return float(found.output_tokens[found.served].sum() / found.clock_s.max())
    served = found.served.reshape(-1, users)
    ends = np.where(served, found.finish_s.reshape(-1, users), np.nan)
    later = served[1:]
    kept = later.any(axis=0)
    took = np.nanmax(ends[:, kept], axis=0) - ends[0, kept]
    tokens = (found.output_tokens.reshape(-1, users)[1:] * later).sum(axis=0)[kept]
    return float((tokens / took).mean()) * users


class Compared:
    """The measured rows, and what the simulator and the closed form say of each."""

    def __init__(self, catalog: Catalog) -> None:
        self.rows = [
            row
            for row in read_rows("inference.csv.gz")
            if row["usable"] == "yes"
            and row["load"] in ("concurrency", "burst", "request_rate")
            and row["load_value"]
        ]
        self.runs = runs_of(self.rows)
        measured = np.array([float(row["value"]) for row in self.rows])
        columns = {name: [row[name] for row in self.rows] for name in self.rows[0]}
        closed = predict_inference(columns, catalog=catalog, requests=0)
        self.width = np.log(closed["high"] / closed["value"])
        self.closed = np.log(closed["value"] / measured)
        self.simulated = np.log(self._simulate(catalog) / measured)
        self.closed[np.isnan(self.simulated)] = np.nan

    def _simulate(self, catalog: Catalog) -> Floats:
        values = np.full(len(self.rows), np.nan)
        described = [run.row for run in self.runs]
        data = fit_inference.bench(described, catalog, catalog.coefficients)
        for i, run in enumerate(self.runs):
            layout = np.flatnonzero(data.source == i)
            if len(layout) != 1 or data.dep.pp[layout[0]] != 1.0:
                continue
            found, users, copies = simulated(run, data.dep.take(layout), catalog)
            for j in run.members:
                row = self.rows[j]
                values[j] = value_of(row["metric"], row, found, users, copies)
        return values

    def where(self, *, metric: str = "", **columns: str) -> Mask:
        """Rows with these words in these columns, and a metric that starts so."""
        return np.array(
            [
                row["metric"].startswith(metric) and all(row[k] == v for k, v in columns.items())
                for row in self.rows
            ]
        )

    def line(self, name: str, mask: Mask) -> str:
        """Rows, median error, bias and share within the interval, of both."""
        here = mask & np.isfinite(self.simulated)
        cells = [name, str(int(here.sum()))]
        for error in (self.simulated, self.closed):
            inside = np.abs(error[here]) <= self.width[here]
            cells += [
                f"{np.median(np.abs(np.expm1(error[here]))):.1%}",
                f"{np.expm1(np.median(error[here])):+.0%}",
                f"{inside.mean():.0%}",
            ]
        return "| " + " | ".join(cells) + " |"


HEADER = [
    "| | rows | simulated: median error | bias | in 80 % interval | closed form: median error "
    "| bias | in 80 % interval |",
    "|---|---|---|---|---|---|---|---|",
]


def closed_loops(m: Compared) -> list[str]:
    """By source, engine and metric."""
    lines = list(HEADER)
    found = {
        (row["source_id"], row["engine"], row["metric"])
        for row in m.rows
        if row["load"] == "concurrency"
    }
    for source, engine, metric in sorted(found):
        mask = m.where(load="concurrency", source_id=source, engine=engine)
        exact = mask & np.array([row["metric"] == metric for row in m.rows])
        lines.append(m.line(f"{source}, {engine}, {metric}", exact))
    return lines


def curves(m: Compared) -> str:
    """Sweeps of one deployment over three loads or more: is the whole curve in the interval?"""
    names = ("source_id", "gpu", "n_gpus", "tp", "dp", "ep", "model", "weight_precision", "engine",
             "engine_version", "input_len", "output_len", "metric")  # fmt: skip
    found: dict[tuple[str, ...], list[int]] = {}
    for i, row in enumerate(m.rows):
        if row["load"] == "concurrency" and np.isfinite(m.simulated[i]):
            found.setdefault(tuple(row[n] for n in names), []).append(i)
    sweeps = [c for c in found.values() if len({m.rows[i]["load_value"] for i in c}) >= 3]

    def share(error: Floats) -> float:
        whole = [np.mean(np.abs(error[c]) <= m.width[c]) >= WHOLE_CURVE for c in sweeps]
        return float(np.mean(whole))

    return (
        f"Of {len(sweeps)} sweeps over three concurrencies or more, {share(m.simulated):.0%} have "
        f"{WHOLE_CURVE:.0%} of their points in the interval when simulated, "
        f"{share(m.closed):.0%} in closed form."
    )


def bursts(m: Compared) -> list[str]:
    """All prompts at once: queueing TTFT, and the same with the run's own speed given."""
    lines = list(HEADER)
    for metric in ("ttft", "tpot", "output_tok_s"):
        lines.append(m.line(f"all, {metric}", m.where(load="burst", metric=metric)))
    for engine in ("sglang", "tensorrt-llm", "vllm"):
        mask = m.where(load="burst", metric="ttft", engine=engine)
        lines.append(m.line(f"{engine}, ttft", mask))
    pairs = [pair for run in m.runs if run.row["load"] == "burst" for pair in both(m, run)]
    pairs = [pair for pair in pairs if np.isfinite(m.simulated[list(pair)]).all()]
    first, rate = np.array(pairs).T
    given = [
        f"{np.nanmedian(np.abs(np.expm1(error[first] + error[rate]))):.1%}"
        for error in (m.simulated, m.closed)
    ]
    return [
        *lines,
        "",
        f"TTFT with all times stretched until the run's own throughput is met, {len(pairs)} runs: "
        f"simulated {given[0]}, closed form {given[1]} median error. So the queue is about right; "
        "most of the error above is that of step times under such floods.",
    ]


def both(m: Compared, run: Run) -> list[tuple[int, int]]:
    """Rows of TTFT and throughput taken together; a run repeated with other options has several."""
    first, rate = (
        [i for i in run.members if m.rows[i]["metric"] == metric]
        for metric in ("ttft_ms_p50", "output_tok_s_total")
    )
    return list(zip(first, rate, strict=True)) if len(first) == len(rate) else []


def highest_rates(catalog: Catalog) -> list[str]:
    """MLPerf Server: the highest rate within the promises, found by simulation of one copy."""
    rows = [
        row
        for row in read_rows("inference.csv.gz")
        if row["usable"] == "yes"
        and row["load"] == "request_rate"
        and not row["load_value"]
        and not catalog.models[row["model"]].is_denoiser
    ]
    data = fit_inference.bench(rows, catalog, catalog.coefficients)
    closed, _ = answer(data.dep, data.questions, catalog.coefficients)
    errors: dict[str, list[tuple[float, float]]] = {}
    for i, row in enumerate(rows):
        layouts = np.flatnonzero((data.source == i) & (data.dep.pp == 1.0) & np.isfinite(closed))
        if not len(layouts):
            continue
        best = layouts[np.argmax(closed[layouts])]
        per_request = 1.0 if row["metric"] == "requests_s" else float(row["output_len"])
        limits = data.questions.ttft_limit_s[best], data.questions.tpot_limit_s[best]
        rate = capacity(row, data.dep.take([best]), limits, closed[best] / per_request, catalog)
        said = np.array([rate * per_request, closed[best]]) / float(row["value"])
        errors.setdefault(row["model"].rsplit("/")[-1], []).append(tuple(np.log(said)))
    everything = [pair for pairs in errors.values() for pair in pairs]
    lines = [
        "| | rows | simulated: median error | bias | closed form: median error | bias |",
        "|---|---|---|---|---|---|",
    ]
    for name, pairs in (("all", everything), *sorted(errors.items())):
        cells = [name, str(len(pairs))]
        for error in np.array(pairs).T:
            cells.append(f"{np.median(np.abs(np.expm1(error))):.1%}")
            cells.append(f"{np.expm1(np.median(error)):+.0%}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def capacity(
    row: Row, dep: Deployment, limits: tuple[float, float], start: float, catalog: Catalog
) -> float:
    """Requests a second that all copies sustain at the 99th percentile of the limits [1/s]."""
    copies, chats = float(dep.copies[0]), catalog.profiles[CHATS]
    one = loads.offline(replace(dep, copies=np.ones(1)))
    size = float(row["input_len"]), float(row["output_len"])
    traffic = Traffic(replace(chats.input, mean=size[0]), replace(chats.output, mean=size[1]), 1.0)
    slos = [
        Slo(name, 0.99, float(limit))
        for name, limit in zip(("ttft", "tpot"), limits, strict=True)
        if np.isfinite(limit)
    ]
    found = capacity_by_simulation(step_table(one, *size), traffic, slos, start / copies)
    return found.requests_per_s * copies


def page(m: Compared, catalog: Catalog) -> str:
    """docs/serving-validation.md."""
    left = int(np.isnan(m.simulated).sum())
    parts = [
        "# The serving simulator on measured runs",
        f"{date.today()}. Written by `make validate-serving`: {len(m.rows) - left:,} usable "
        f"measurements of {len(m.runs):,} runs, each replayed as it was taken; {left} with "
        "pipeline stages left out. Nothing is fitted to the simulator: step times come from the "
        "packaged constants, which the closed form was fitted with on most of these rows. The "
        "interval is the engine's, around either value.",
        "## Closed loops",
        f"Users send their next prompt when an answer ends, {REQUESTS_PER_USER} each. Lengths are "
        "as stated where they are fixed, 80 to 100 % of a maximum in the shapes of InferenceMAX, "
        f"and spread as in the {CHATS} profile for chat data sets; those runs are cut while all "
        "users are busy.",
        "\n".join(closed_loops(m)),
        curves(m),
        "## Bursts",
        "All prompts at once, run to the end. Target: median error of the TTFT at most 25 %.",
        "\n".join(bursts(m)),
        "## Stated rates",
        f"Poisson arrivals, {ARRIVALS:,} requests; two deployments, each under several options.",
        "\n".join(
            [
                *HEADER,
                *(
                    m.line(metric, m.where(load="request_rate", metric=metric))
                    for metric in ("output_tok_s", "tpot", "ttft")
                ),
            ]
        ),
        "## The highest rate within a promise",
        "MLPerf Server and Interactive: Poisson arrivals, 99 % of requests within limits of TTFT "
        "and TPOT, the load as high as that allows. One copy is simulated, in the layout the "
        f"closed form likes best, lengths spread as in {CHATS}. The closed form holds three "
        "constants fitted to such rows (tails of TTFT and TPOT, share of the highest rate); the "
        "simulator none.",
        "\n".join(highest_rates(catalog)),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write docs/serving-validation.md."""
    catalog = load()
    text = page(Compared(catalog), catalog)
    (ROOT / "docs" / "serving-validation.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
