"""guidellm JSON: one benchmark a load. `*_ms` in ms, the rest in s and per s.

Its `inter_token_latency` is (end - first token) / (tokens - 1) of a request, TPOT here; its
`time_per_output_token` counts the wait for the first token too and is passed over.
"""

from __future__ import annotations

from gpumix.inventory.results.run import Cells, Run
from gpumix.units import MS

TOOL = "guidellm"

_LATENCIES = {  # name -> (metric, seconds of its unit)
    "ttft": ("time_to_first_token_ms", MS),
    "tpot": ("inter_token_latency_ms", MS),
    "e2e": ("request_latency", 1.0),
}
_STATISTICS = {"p50": ("p50", "median"), "p95": ("p95",), "p99": ("p99",)}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's."""
    if not isinstance(data, dict) or not isinstance(data.get("benchmarks"), list):
        return False
    named = isinstance(data.get("metadata"), dict) and "guidellm_version" in data["metadata"]
    first = data["benchmarks"][0] if data["benchmarks"] else None
    return named or (isinstance(first, dict) and "metrics" in first)


def read(cells: Cells) -> list[Run]:
    """The runs in a file; what is wrong is left in `cells.problems`."""
    benchmarks = cells.items("benchmarks")
    if not benchmarks:
        cells.wrong(("benchmarks",), "is empty: the run measured nothing")
    return [_run(cells, i) for i in range(len(benchmarks))]


def _run(cells: Cells, i: int) -> Run:
    metrics = ("benchmarks", i, "metrics")
    totals = (*metrics, "request_totals")
    trimmed = any(
        cells.optional("benchmarks", i, f"{end}_duration") for end in ("warmup", "cooldown")
    )
    latency_s = {name: _latency(cells, i, *source) for name, source in _LATENCIES.items()}
    load, value = _load(cells, i)
    sizes = [(*metrics, f"{side}_token_count", "successful") for side in ("prompt", "output")]
    return Run(
        tool=TOOL,
        place=cells.place if i == 0 else f"{cells.place} benchmark {i + 1}",
        completed=cells.number(*totals, "successful"),
        failed=cells.optional(*totals, "errored") or 0.0,
        duration_s=None if trimmed else cells.number("benchmarks", i, "duration"),
        input_len=cells.number(*sizes[0], "mean"),
        output_len=cells.number(*sizes[1], "mean"),
        requests_per_s=cells.number(*metrics, "requests_per_second", "successful", "mean"),
        output_tokens_per_s=cells.number(
            *metrics, "output_tokens_per_second", "successful", "mean"
        ),
        total_tokens_per_s=cells.optional(*metrics, "tokens_per_second", "successful", "mean"),
        latency_s=latency_s,
        load=load,
        load_value=value,
        model=cells.text("benchmarks", i, "config", "backend", "model")
        or cells.text("config", "spec", "backend", "model"),
        same_length=all(not cells.optional(*size, "std_dev") for size in sizes),
    )


def _latency(cells: Cells, i: int, metric: str, unit_s: float) -> dict[str, float]:
    path = ("benchmarks", i, "metrics", metric, "successful")
    found = {"mean": cells.number(*path, "mean") * unit_s}
    for statistic, names in _STATISTICS.items():
        value = cells.optional(*path, "percentiles", names[0])
        if value is None and len(names) > 1:
            value = cells.optional(*path, names[1])
        if value is not None:
            found[statistic] = value * unit_s
    return found


def _load(cells: Cells, i: int) -> tuple[str, float | None]:
    strategy = ("benchmarks", i, "config", "strategy")
    kind = cells.text(*strategy, "type_")
    if kind == "synchronous":
        return "single_stream", 1.0
    if kind == "concurrent":
        return "concurrency", cells.number(*strategy, "streams")
    if kind == "throughput":
        return "max_throughput", None
    if kind in ("constant", "poisson"):
        return "request_rate", cells.number(*strategy, "rate")
    cells.wrong(strategy, f"load {kind or 'not stated'} is not understood",
                "synchronous, concurrent, throughput, constant or poisson")  # fmt: skip
    return "", None
