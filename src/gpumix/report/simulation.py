"""A simulation for its readers: tables for the terminal, one HTML page of its distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from gpumix import fields
from gpumix.domain.simulation import Simulation
from gpumix.report.pages import CHART_PX, environment
from gpumix.report.tables import Cell, Column, Table, text, value
from gpumix.report.views import charts

_LONG_S = 120.0
_LATENCIES = ("ttft_s", "tpot_s", "itl_s", "e2e_s")
_STATISTICS = ("mean", "p50", "p90", "p95", "p99")


def headline(found: Simulation) -> str:
    """The outcome in one sentence."""
    kept = fields.format_value("slo_attainment", found.slo_attainment)
    counts = found.requests
    lost = ", ".join(
        f"{n:,} {word}"
        for n, word in (
            (counts.shed, "shed"),
            (counts.timed_out, "timed out"),
            (counts.queued, "not finished"),
        )
        if n
    )
    rate = fields.format_value("requests_per_s", found.requests_per_s)
    when = f"at {rate} requests/s" if found.requests_per_s else "that all arrive at once"
    return (
        f"{_fleet(found)} keeps {kept} of {counts.offered:,} requests {when} within "
        f"{' and '.join(found.slo)}" + (f"; {lost}." if lost else ".")
    )


def _fleet(found: Simulation) -> str:
    """`2 to 4 × 1 × l40s-48gb`: the replicas in words."""
    most = found.max_replicas or found.replicas
    words = f"{found.tp} × {found.gpu}"
    if most > found.replicas:
        words = f"{found.replicas} to {most} × {words}"
    elif most > 1:
        words = f"{most} × {words}"
    if found.prefill_replicas:
        words += f" ({found.prefill_replicas} of them for prefill)"
    return words if found.batching == "continuous" else f"{words} in {found.batching} batches"


def latency_table(found: Simulation) -> Table:
    """Every latency at its mean and percentiles, in milliseconds."""
    columns = (
        Column("what", "Latency", False, "The quantity."),
        *(Column(name, name, True, f"{name} over the requests served.") for name in _STATISTICS),
    )
    rows = tuple(
        (
            text(fields.label(name)),
            *(_latency(name, getattr(getattr(found, name), s)) for s in _STATISTICS),
        )
        for name in _LATENCIES
    )
    return Table("Latency", columns, rows, False)


def _latency(name: str, seconds: float | None) -> Cell:
    """In milliseconds, beyond what is a latency any more in minutes or hours."""
    own = fields.field(name)
    if seconds is None or seconds < _LONG_S:
        return value(name, seconds)
    return text(fields.format_value(replace(own, format="duration"), seconds))


def load_table(found: Simulation) -> Table:
    """What the deployment did, and at what cost."""
    names = (
        "output_tokens_per_s", "goodput_requests_per_s", "utilisation", "mean_batch",
        "preemptions", "gpu_hours", "avg_power_w", "energy_kwh",
        "joules_per_output_token", "usd_per_mtok_output",
    )  # fmt: skip
    owns = [fields.field(name, Simulation) for name in names]
    rows = tuple(
        (
            text(own.label),
            _with_unit(fields.format_value(own, getattr(found, name)), own.shown_unit),
        )
        for name, own in zip(names, owns, strict=True)
    )
    columns = (
        Column("what", "Quantity", False, "The quantity."),
        Column("value", "Value", True, "Simulated value."),
    )
    return Table("Load", columns, rows, False)


def _with_unit(shown: str, unit: str) -> Cell:
    """The unit as small print where the text does not hold it."""
    return Cell(shown, "" if unit in shown or shown.startswith("$") else unit)


def simulation_html(found: Simulation) -> str:
    """The page of a simulation, a whole HTML document that needs no other file."""
    drawn = [
        (title, Markup(charts.as_svg(spec, CHART_PX)))
        for title, spec in (
            ("Latencies by percentile", _curves(found)),
            ("Sequences running and requests waiting", _timeline(found)),
        )
    ]
    return (
        environment()
        .get_template("simulation.html.j2")
        .render(
            found=found,
            headline=headline(found),
            tables=(latency_table(found), load_table(found)),
            charts=drawn,
        )
    )


def _curves(found: Simulation) -> Mapping[str, Any]:
    rows = [
        {"latency": fields.label(name), "percentile": p, "ms": 1e3 * t}
        for name in _LATENCIES
        for p, t in enumerate(getattr(found.curves, name), 1)
        if t > 0.0
    ]
    return charts.lines(
        rows, "percentile", "ms", "latency", titles=("Percentile", "ms"), logarithmic=True
    )


def _timeline(found: Simulation) -> Mapping[str, Any]:
    line = found.timeline
    rows = [
        {"t": t, "kind": kind, "count": n}
        for kind, series in (("running", line.running), ("waiting", line.waiting))
        for t, n in zip(line.t_s, series, strict=True)
    ]
    return charts.lines(rows, "t", "count", "kind", titles=("Seconds", "Requests"))
