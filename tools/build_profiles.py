"""Derive the packaged demand profiles from real request traces.

Azure and Mooncake hold single requests: lengths, gaps and correlation (of ranks, ties at their
mean) are computed directly; a prompt's shared prefix are the first blocks that earlier ones held.
ServeGen holds, for each client and 6-hour window, the mean and p50-p99 of tokens, and for each
client and 10 minutes the rate and the variation of gaps. Its lengths are the mixture over clients,
weighted by requests: within a client the quantile function runs through p50, p90, p95 and p99,
log-linear in the normal score between them, lognormal beyond (below p50 and above p99), then
scaled to the stated mean. Requests count to the token window nearest in time. Its gaps over all
clients are those of the sum of its clients, each drawn with its rate, variation and distribution.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from gpumix.inventory.trace import rank_correlation
from gpumix.inventory.trace_formats import shared_prefixes
from gpumix.serving.traffic import arrivals

Floats = npt.NDArray[np.float64]

PROBABILITIES = [0.0, 0.01, 0.02, 0.05, *(p / 20 for p in range(2, 19)), 0.95, 0.98, 0.99, 0.995]
PROBABILITIES = sorted({*PROBABILITIES, 0.25, 0.75, 0.999, 1.0})
HOURS_PER_WEEK = 168
MOONCAKE_BLOCK_TOKENS = 512
"""Prompt tokens behind one hash. Source: Mooncake trace, arXiv 2407.00079."""
WINDOW_S = 600
WINDOWS = 144
"""Windows whose clients are drawn for the variation of all gaps together, spread evenly."""
CLIENT_QUANTILES = (0.1, 0.5, 0.9)
CV_RANGE = (0.05, 20.0)
"""Variations that a Weibull's shape can be found for; 0.1 % of the windows lie outside."""
TAIL_LIMIT = 4.0
"""Largest length of a window over its p99; nothing is known beyond p99."""


def build(traces: Path, target: Path) -> None:
    """Write profiles.json."""
    week = hour_of_week(traces / "servegen_m-large_demand_10min.parquet")
    profiles = [
        azure(traces, week),
        mooncake(traces, week),
        servegen(traces, week, "m-large", "servegen-chat", "measured"),
        servegen(traces, week, "deepseek-r1", "servegen-reasoning", "assumed"),
        flat(),
    ]
    target.write_text(json.dumps({"profiles": profiles}, indent=1) + "\n", encoding="utf-8")


def columns(path: Path, *names: str) -> list[Any]:
    """Columns of a Parquet file as arrays."""
    table = pq.read_table(path, columns=list(names))
    return [np.asarray(table[name].to_pylist()) for name in names]


def hour_of_week(path: Path) -> list[float]:
    """168 factors, largest 1, from two weeks of 10-minute rates.

    Hour means; the drift between the weeks is taken out as one constant growth per hour (the mean
    log ratio of an hour to the same hour a week later); then the two weeks are averaged.
    """
    (rate,) = columns(path, "rps")
    hours = rate.reshape(-1, 6).mean(axis=1)
    weeks = hours.reshape(2, HOURS_PER_WEEK)
    growth_per_hour = np.log(weeks[1] / weeks[0]).mean() / HOURS_PER_WEEK
    level = hours * np.exp(-growth_per_hour * np.arange(len(hours)))
    week = level.reshape(2, HOURS_PER_WEEK).mean(axis=0)
    return [round(float(x), 4) for x in week / week.max()]


def lengths(tokens: Floats, weights: Floats | None = None, mean: float | None = None) -> Any:
    """Mean, cv and quantiles of (weighted) token counts."""
    order = np.argsort(tokens)
    ordered = tokens[order]
    weight = np.ones(len(tokens)) if weights is None else weights[order]
    cumulative = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    quantiles = np.interp(PROBABILITIES, cumulative, ordered)
    average = float(np.average(ordered, weights=weight))
    spread = float(np.sqrt(np.average((ordered - average) ** 2, weights=weight)))
    return {
        "mean": round(mean if mean is not None else average, 2),
        "cv": round(spread / average, 4),
        "quantiles": [
            [round(p, 4), round(float(q), 1)] for p, q in zip(PROBABILITIES, quantiles, strict=True)
        ],
    }


def gap_cv(arrivals: Floats) -> float:
    """Coefficient of variation of the gaps between arrivals."""
    gaps = np.diff(np.sort(arrivals))
    return float(gaps.std() / gaps.mean())


def azure(traces: Path, week: list[float]) -> dict[str, Any]:
    """Profile of the Azure 2023 conversation trace."""
    t, tokens_in, tokens_out = columns(
        traces / "azure_llm_2023_conv.parquet", "t_s", "input_tokens", "output_tokens"
    )
    return {
        "id": "azure-conv",
        "input": lengths(tokens_in),
        "output": lengths(tokens_out),
        "arrival_cv": round(gap_cv(t), 4),
        "client_cv": None,
        "length_correlation": round(rank_correlation(tokens_in, tokens_out), 4),
        "prefix_share": None,
        "hour_of_week": week,
        "shape_basis": "assumed",
        "source": "Azure LLM inference trace 2023, conversation (Azure/AzurePublicDataset @"
        " b469a113, CC-BY 4.0; Splitwise, ISCA 2024); shape of the week from ServeGen m-large",
        "note": "lengths are cut off near 4,142 tokens; shared prefixes are not recorded",
    }


def mooncake(traces: Path, week: list[float]) -> dict[str, Any]:
    """Profile of the Mooncake conversation trace."""
    path = traces / "mooncake_conversation.parquet"
    t, tokens_in, tokens_out = columns(path, "t_s", "input_tokens", "output_tokens")
    blocks = pq.read_table(path, columns=["prefix_block_hashes"])[0].to_pylist()
    shared = np.minimum(shared_prefixes(blocks, MOONCAKE_BLOCK_TOKENS)[1], tokens_in - 1)
    per_minute = np.bincount((t // 60).astype(int))[:-1]
    return {
        "id": "mooncake-conv",
        "input": lengths(tokens_in),
        "output": lengths(tokens_out),
        "arrival_cv": round(float(np.sqrt(per_minute.var() / per_minute.mean())), 4),
        "client_cv": None,
        "length_correlation": round(rank_correlation(tokens_in, tokens_out), 4),
        "prefix_share": round(float(shared.sum() / tokens_in.sum()), 4),
        "hour_of_week": week,
        "shape_basis": "assumed",
        "source": "Mooncake conversation trace (kvcache-ai/Mooncake @ 3b5a5941, Apache-2.0; FAST"
        " 2025); shape of the week from ServeGen m-large",
        "note": "timestamps come in 3 s batches, so arrival_cv is the root of the index of"
        " dispersion of 60 s counts; prefixes are known in blocks of 512 tokens, and taken from a"
        " cache without end",
    }


def servegen(
    traces: Path, week: list[float], workload: str, id: str, shape_basis: str
) -> dict[str, Any]:
    """Profile of one ServeGen workload."""
    t, client, rate, variation, kind = columns(
        traces / f"servegen_{workload}_clients.parquet",
        "t_s", "client", "rps", "interarrival_cv", "dist",
    )  # fmt: skip
    tokens = client_tokens(traces / f"servegen_{workload}_tokens.parquet")
    requests = requests_by_window(t, client, rate, set(tokens["input_tokens"]))
    windows = sorted(requests)
    weights = np.array([requests[w] for w in windows])
    mixed = {
        name: mixture(np.array([tokens[name][w] for w in windows]), weights)
        for name in ("input_tokens", "output_tokens")
    }
    means_in, means_out = (
        np.array([tokens[name][w][0] for w in windows])
        for name in ("input_tokens", "output_tokens")
    )
    covariance = np.cov(means_in, means_out, aweights=weights)[0, 1]
    spreads = [m["mean"] * m["cv"] for m in mixed.values()]
    by_client = weighted_quantiles(variation, rate, CLIENT_QUANTILES)
    borrowed = "" if shape_basis == "measured" else "; shape of the week from ServeGen m-large"
    return {
        "id": id,
        "input": mixed["input_tokens"],
        "output": mixed["output_tokens"],
        "arrival_cv": round(superposed_cv(t, rate, variation, kind), 4),
        "client_cv": [round(float(cv), 4) for cv in by_client],
        "length_correlation": round(float(covariance / (spreads[0] * spreads[1])), 4),
        "prefix_share": None,
        "hour_of_week": week,
        "shape_basis": shape_basis,
        "source": f"ServeGen {workload} (alibaba/ServeGen @ f891d118, Apache-2.0;"
        f" arXiv 2505.09999){borrowed}",
        "note": "lengths: request-weighted mixture of each client's quantiles"
        f" ({weights.sum() / (rate.sum() * WINDOW_S):.1%} of requests have them); arrival_cv:"
        " gaps of all clients together, drawn as ServeGen describes each; length correlation:"
        " between clients only; the week starts with the trace, whose own clock is unknown; two"
        " weeks averaged after taking out their drift",
    }


def weighted_quantiles(
    values: Floats, weights: Floats, probabilities: Sequence[float]
) -> list[float]:
    """Values below which these shares of the weight lie."""
    order = np.argsort(values)
    reached = np.searchsorted(np.cumsum(weights[order]), np.array(probabilities) * weights.sum())
    return [float(v) for v in values[order][reached]]


def superposed_cv(t: Floats, rate: Floats, variation: Floats, kind: npt.NDArray[Any]) -> float:
    """Variation of the gaps of all clients together: median over windows, weighted by requests.

    Every client's arrivals in a window are drawn with its rate, variation and distribution.
    """
    rng = np.random.default_rng(0)
    starts = np.unique(t)
    found = []
    for start in starts[:: max(len(starts) // WINDOWS, 1)]:
        drawn = []
        for i in np.flatnonzero(t == start):
            cv = float(np.clip(variation[i], *CV_RANGE))
            enough = int(1.5 * rate[i] * WINDOW_S + 20 * max(cv, 1.0) ** 2 + 50)
            times = arrivals(enough, float(rate[i]), cv, rng, str(kind[i]).lower())
            drawn.append(times[times < WINDOW_S])
        together = np.concatenate(drawn)
        if len(together) > WINDOW_S // 6:
            found.append((gap_cv(together), float(len(together))))
    cvs, weights = np.array(found).T
    return weighted_quantiles(cvs, weights, (0.5,))[0]


def requests_by_window(
    t: Floats, client: Floats, rate: Floats, windows: set[tuple[int, int]]
) -> dict[tuple[int, int], float]:
    """Requests counted to the client's token window nearest in time; clients without are left."""
    starts: dict[int, list[int]] = {}
    for who, start in sorted(windows):
        starts.setdefault(who, []).append(start)
    requests: dict[tuple[int, int], float] = {}
    for t_s, who, rps in zip(t.tolist(), client.tolist(), rate.tolist(), strict=True):
        if who in starts:
            nearest = min(starts[who], key=lambda start: abs(start - t_s))
            key = (who, nearest)
            requests[key] = requests.get(key, 0.0) + rps * WINDOW_S
    return requests


def client_tokens(path: Path) -> dict[str, dict[tuple[int, int], list[float]]]:
    """Field -> (client, start of its 6-hour window) -> mean, p50, p90, p95, p99."""
    found: dict[str, dict[tuple[int, int], list[float]]] = {}
    for row in pq.read_table(path).to_pylist():
        window = (int(row["client"]), int(row["t_s"]))
        figures = [float(row[name]) for name in ("mean", "p50", "p90", "p95", "p99")]
        if all(np.isfinite(figures)):
            found.setdefault(row["field"], {})[window] = figures
    return found


def mixture(figures: Floats, weights: Floats) -> Any:
    """Lengths of all requests from each window's mean and p50-p99, weighted by its requests."""
    mean, knots = figures[:, 0], np.log(np.maximum(figures[:, 1:], 1.0))
    knots = np.maximum.accumulate(knots, axis=1)
    score = np.array([NormalDist().inv_cdf(p) for p in (0.5, 0.9, 0.95, 0.99)])
    slopes = np.diff(knots, axis=1) / np.diff(score)
    points = (np.arange(1000) + 0.5) / 1000
    z = np.array([NormalDist().inv_cdf(p) for p in points])
    segment = np.clip(np.searchsorted(score, z) - 1, 0, 2)
    log_tokens = knots[:, segment] + slopes[:, segment] * (z - score[segment])
    tokens = np.clip(np.exp(log_tokens), 1.0, TAIL_LIMIT * np.exp(knots[:, -1:]))
    tokens *= np.clip(mean / tokens.mean(axis=1), 0.5, 2.0)[:, None]
    average = float(np.average(mean, weights=weights))
    return closed(lengths(tokens.ravel(), np.repeat(weights, len(points)), mean=average))


def closed(mixed: Any) -> Any:
    """Set the last quantile so that sampling between the quantiles gives the stated mean."""
    p, q = np.array(mixed["quantiles"]).T
    body = float(((q[1:-1] + q[:-2]) / 2 * np.diff(p[:-1])).sum())
    top = 2 * (mixed["mean"] - body) / (1 - p[-2]) - q[-2]
    mixed["quantiles"][-1][1] = round(float(np.clip(top, q[-2], TAIL_LIMIT * q[-2])), 1)
    return mixed


def flat() -> dict[str, Any]:
    """A constant rate of Poisson arrivals; fixed lengths that an inventory overrides."""

    def fixed(tokens: float) -> dict[str, Any]:
        return {"mean": tokens, "cv": 0.0, "quantiles": []}

    return {
        "id": "flat",
        "input": fixed(1024.0),
        "output": fixed(256.0),
        "arrival_cv": 1.0,
        "client_cv": None,
        "length_correlation": 0.0,
        "prefix_share": None,
        "hour_of_week": [1.0] * HOURS_PER_WEEK,
        "shape_basis": "assumed",
        "source": "definition: constant rate, Poisson arrivals, 1,024 tokens in and 256 out",
        "note": "state input_tokens and output_tokens of your own",
    }
