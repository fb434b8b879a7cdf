"""Bursts and open loads of a stated rate, answered by the simulator with the run's own requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gpumix.domain.bounds import RUN_REQUESTS
from gpumix.domain.coefficients import Coefficients, Table
from gpumix.domain.defaults import CHAT_INPUT_CV, CHAT_OUTPUT_CV
from gpumix.domain.traffic import Lengths, Requests
from gpumix.perf.inference import loads
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import Rates
from gpumix.perf.inference.questions import LATENCIES, Questions, metric_of
from gpumix.serving.simulator.simulation import Outcome, Settings, simulate
from gpumix.serving.simulator.steptable import StepTable, step_table
from gpumix.serving.traffic import arrivals, lengths, stream
from gpumix.units import MS
from gpumix.values import FloatArray, repeated

DEFAULT_REQUESTS = 1_000
"""Requests of a run at a rate where none are stated: what `vllm bench serve` and SGLang's
`bench_serving` send unless told otherwise."""

SIMULATED = "simulated"
"""Basis of an answer that is a run of the simulator, on constants fitted or modelled."""

_MOST_COPIES = 1000
_OVERLOAD = 0.01
"""Share of the offered rate that must go unserved to be called overload."""
_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_HALVINGS = 40
_FINE, _MOST_STRETCHED = 1e5, 1e3
"""Mean at which a shape is drawn, so that whole tokens do not show; the most it is stretched."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answers:
    """One entry a question: whether it was simulated, and then its value, in the metric's own
    unit, and a note."""

    simulated: Flags
    value: FloatArray
    note: npt.NDArray[np.object_]

    def take(self, index: npt.NDArray[np.int64]) -> Answers:
        """The answers at these positions."""
        return Answers(self.simulated[index], self.value[index], self.note[index])


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run showed; times of requests in seconds, NaN where there is none."""

    mean_batch: float
    output_tokens_per_s: float
    outcome: Outcome

    def latency_s(self, name: str, statistic: str) -> float:
        """Mean or quantile [s]: of gaps between tokens over all tokens, else over requests."""
        found = self.outcome
        if name == "itl":
            if statistic != "mean":
                return float(found.gap_quantiles_s(np.array([_QUANTILES[statistic]]))[0])
            later = found.served & (found.output_tokens > 1)
            gaps = float((found.output_tokens[later] - 1.0).sum())
            decoding = float((found.finish_s - found.first_s)[later].sum())
            return decoding / gaps if gaps else float("nan")
        times = {"ttft": found.ttft_s, "tpot": found.tpot_s, "e2e": found.e2e_s}[name]
        times = times[found.served & np.isfinite(times)]
        if not len(times):
            return float("nan")
        if statistic == "mean":
            return float(times.mean())
        return float(np.quantile(times, _QUANTILES[statistic]))


def simulated(
    dep: Deployment,
    asked: Questions,
    which: npt.NDArray[np.int64],
    requests: FloatArray,
    wanted: Flags,
    coefficients: Coefficients,
    seed: int,
) -> Answers:
    """Answers by runs of bursts and open loads; questions about one run share it.

    Args:
        dep: deployments, one row each.
        asked: parallel questions.
        which: equal numbers mean equal deployments.
        requests: of the run, at a rate [count]; 0 = do not simulate.
        wanted: questions to answer if they are of such a load.
        coefficients: constants of power.
        seed: of arrivals and of the order of lengths.

    Source: docs/serving.md; the run is one of `serving.simulator`.
    """
    answers = Answers(
        np.zeros(dep.rows, dtype=bool), np.full(dep.rows, np.nan), repeated("", dep.rows)
    )
    rows = np.flatnonzero(wanted & _is_run(dep, asked, requests))
    if not len(rows):
        return answers
    is_burst = asked.load[rows] == "burst"
    sent = np.where(is_burst, np.maximum(np.rint(asked.load_value[rows]), 1.0), requests[rows])
    numbers = (
        which[rows], asked.input_len[rows], asked.output_len[rows], is_burst,
        asked.load_value[rows], asked.spread[rows], np.nan_to_num(asked.longest[rows]), sent,
    )  # fmt: skip
    _, first, run_of = np.unique(
        np.column_stack([np.asarray(n, dtype=np.float64) for n in numbers]),
        axis=0, return_index=True, return_inverse=True,
    )  # fmt: skip
    tables: dict[tuple[int, float, float], StepTable] = {}
    runs = []
    for at in rows[first].tolist():
        key = int(which[at]), float(asked.input_len[at]), float(asked.output_len[at])
        if key not in tables:
            tables[key] = step_table(replace(dep.take([at]), copies=np.ones(1)), *key[1:])
        count = int(sent[np.searchsorted(rows, at)])
        runs.append(_run(tables[key], dep, asked, at, count, seed))
    own = [runs[i] for i in run_of.reshape(-1).tolist()]
    answers.simulated[rows] = True
    answers.value[rows] = _values(own, dep.take(rows), asked.take(rows), coefficients.power)
    answers.note[rows] = _notes(dep.take(rows), asked.take(rows), sent)
    return answers


def _is_run(dep: Deployment, asked: Questions, requests: FloatArray) -> Flags:
    """Where a simulated run can answer: no pipeline, no search for a rate, answers, not too many
    requests."""
    load = asked.load_value
    with np.errstate(invalid="ignore"):
        burst = (asked.load == "burst") & (load > 0.0) & (load <= RUN_REQUESTS[1])
        rate = (asked.load == "request_rate") & (load > 0.0)
        answered = (asked.output_len >= 1.0) & (requests > 0.0) & (dep.pp == 1.0)
    return np.asarray((burst | rate) & answered & (dep.copies <= _MOST_COPIES))


def _run(
    table: StepTable,
    dep: Deployment,
    asked: Questions,
    at: int,
    count: int,
    seed: int,
) -> _Run:
    """The run of one question."""
    copies = int(dep.copies[at])
    requests = _requests(asked, at, count, seed)
    found = simulate(requests, table, Settings(replicas=copies, seed=seed))
    lasts = max(float(found.clock_s.max()), 1e-12)
    tokens = float(found.output_tokens[found.served].sum())
    return _Run(float(found.sequence_s.sum()) / lasts / copies, tokens / lasts, found)


def _requests(asked: Questions, at: int, count: int, seed: int) -> Requests:
    """The stream of one question: all at once or Poisson; lengths equal or as chats vary."""
    rng = np.random.default_rng(seed)
    times = np.zeros(count)
    if asked.load[at] != "burst":
        times = arrivals(count, float(asked.load_value[at]), 1.0, rng, "poisson")
    prompt, answer = float(asked.input_len[at]), float(asked.output_len[at])
    if asked.spread[at] == 0.0:
        return stream(times, max(round(prompt), 1), max(round(answer), 1))
    evenly = (np.arange(count) + 0.5) / count
    prompts = lengths(Lengths(prompt, CHAT_INPUT_CV), rng.permutation(evenly), 1)
    shape = Lengths(answer, CHAT_OUTPUT_CV)
    answers = lengths_cut(shape, float(asked.longest[at]), rng.permutation(evenly))
    return stream(times, prompts, answers)


def lengths_cut(sizes: Lengths, longest: float, uniform: FloatArray) -> npt.NDArray[np.int32]:
    """Lengths of which none is longer than `longest` times their mean, that mean kept [tokens].

    Args:
        sizes: their mean, and the coefficient of variation before the cut.
        longest: the cut over the mean, NaN where nothing is cut [1].
        uniform: probabilities [0-1].

    Source: all are stretched until what the cut leaves has the mean, found by halving.
    """
    if np.isnan(longest):
        return lengths(sizes, uniform, 1)
    shape, cut = lengths(replace(sizes, mean=_FINE), uniform, 1) / _FINE, longest * sizes.mean
    low, high = sizes.mean, sizes.mean * _MOST_STRETCHED
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        short = np.minimum(middle * shape, cut).mean() < sizes.mean
        low, high = (middle, high) if short else (low, middle)
    drawn = np.rint(np.minimum(high * shape, cut))
    return np.asarray(np.maximum(drawn, 1.0), dtype=np.int32)


def _values(
    runs: list[_Run], dep: Deployment, asked: Questions, power: Mapping[str, Table]
) -> FloatArray:
    """Latencies from each question's own run; rates and power from the means of it."""
    none = np.full(dep.rows, np.nan)
    rates = Rates(**{field.name: none for field in fields(Rates)})
    rates = replace(
        rates,
        batch=np.array([run.mean_batch for run in runs]),
        output_tokens_per_s=np.array([run.output_tokens_per_s for run in runs]),
    )
    value = metric_of(rates, dep, asked, power)
    for i, run in enumerate(runs):
        name, found, statistic = str(asked.metric[i]).partition("_ms_")
        if found and name in LATENCIES:
            value[i] = run.latency_s(name, statistic) / MS
    return value


def _notes(dep: Deployment, asked: Questions, sent: FloatArray) -> list[str]:
    """`simulated with 1,000 requests`, and by how much a queue grows that is offered too much."""
    offered = np.where(asked.load == "burst", 0.0, asked.load_value)
    served = loads.request_rate(dep, asked.input_len, asked.output_len, np.maximum(offered, 1e-9))
    grows = offered - served.output_tokens_per_s / asked.output_len
    return [
        f"simulated with {count:,.0f} requests"
        + (f"; overloaded: the queue grows by {more:.3g} requests/s" if more > some else "")
        for count, more, some in zip(sent, grows, _OVERLOAD * offered, strict=True)
    ]
