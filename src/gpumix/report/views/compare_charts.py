"""Charts of a comparison, a fit, a case: cost by utilisation, speed with its interval, speed of one
against all; the memory of a GPU by part; what options cost over their use.

Specifications as views/charts.py makes them; labels and units come from the field registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpumix import fields
from gpumix.domain.comparison import ComparedGpu, Comparison
from gpumix.domain.fit import Fit
from gpumix.report.views import charts

MOST_DRAWN = 8
"""GPUs of a chart of intervals, the cheapest first."""
MOST_LINES = 6
"""GPUs of a chart of lines, which a reader must tell apart."""


def cost_by_utilisation(comparison: Comparison) -> charts.Spec | None:
    """What a million tokens, or a sample, costs over utilisation, a line a GPU; None without."""
    name = "usd_per_sample" if comparison.sample else "usd_per_mtok"
    rows = [
        {"load": 100.0 * load, "usd": usd, "gpu": row.gpu}
        for row in _priced(comparison)[:MOST_LINES]
        for load, usd in zip(comparison.utilisations, getattr(row, name), strict=False)
    ]
    if len({row["load"] for row in rows}) < 2:
        return None
    titles = fields.field("utilisations").axis, fields.field(name).axis
    return charts.lines(rows, "load", "usd", "gpu", titles=titles, logarithmic=True)


def speed_intervals(comparison: Comparison) -> charts.Spec | None:
    """Output tokens a second of a GPU with the 80 % interval, by GPU; None where nothing is."""
    rows = [
        {"gpu": row.gpu, "low": speed.low, "value": speed.value, "high": speed.high}
        for row in _priced(comparison)[:MOST_DRAWN]
        if (speed := row.output_tokens_per_s_per_gpu) is not None
    ]
    if not rows:
        return None
    axis = fields.field("output_tokens_per_s_per_gpu").axis
    y = {"field": "gpu", "type": "nominal", "title": None, "sort": None}

    def x(name: str) -> charts.Spec:
        return {
            "field": name,
            "type": "quantitative",
            "title": axis,
            "scale": {"domainMin": 0},
            "axis": {"tickCount": 6},
        }

    colour = {"value": charts.ACCENT}
    bar = {"type": "rule", "strokeWidth": 5, "opacity": 0.35, "strokeCap": "round"}
    dot = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    drawn = charts.layered(
        [
            {"mark": bar, "encoding": {"y": y, "x": x("low"), "x2": _end("high"), "color": colour}},
            {"mark": dot, "encoding": {"y": y, "x": x("value"), "color": colour}},
        ],
        height=charts.row_height(len(rows)),
    )
    return {**drawn, "data": {"values": rows}}


def frontier(comparison: Comparison) -> charts.Spec | None:
    """Tokens a second of one user against those of a GPU, a named dot a GPU; None below two."""
    rows = [
        {"gpu": row.gpu, "user": row.output_tokens_per_s_per_user, "all": speed.value}
        for row in _priced(comparison)[: 2 * MOST_DRAWN]
        if (speed := row.output_tokens_per_s_per_gpu) and row.output_tokens_per_s_per_user
    ]
    if len(rows) < 2:
        return None
    x = _axis("user", fields.field("output_tokens_per_s_per_user").axis)
    y = _axis("all", fields.field("output_tokens_per_s_per_gpu").axis)
    dot = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    words = {"type": "text", "align": "left", "dx": 7, "fontSize": 11}
    drawn = charts.layered(
        [
            {"mark": dot, "encoding": {"x": x, "y": y, "color": {"value": charts.ACCENT}}},
            {"mark": words, "encoding": {"x": x, "y": y, "text": {"field": "gpu"}}},
        ],
        height=320,
    )
    return {**drawn, "data": {"values": rows}}


_PARTS = ("weights_gib", "workspace_gib", "graphs_gib", "buffers_gib", "context_gib")


def memory_of_gpus(found: Fit) -> charts.Spec | None:
    """What takes the memory of one GPU and what is left for the cache, a bar a GPU."""
    rows: list[charts.Spec] = []
    for one in found.rows:
        if one.room is None:
            continue
        parts = [(name, getattr(one.room, name)) for name in _PARTS]
        parts.append(("cache_gib", one.room.cache_gib.value))
        rows += [
            {"gpu": one.gpu, "part": fields.label(name), "gib": gib} for name, gib in parts if gib
        ]
    title = fields.field("cache_gib").axis.replace(fields.label("cache_gib"), "One GPU")
    return charts.stacked_bars(rows, "gpu", "gib", "part", title) if rows else None


def cost_over_use(rows: list[charts.Spec], title: str, now: float) -> charts.Spec:
    """What options cost over the share of hours busy: rows of `busy` [%], `cost`, `option`; `now`
    [%] is where the case stands."""
    x: charts.Spec = {
        "field": "busy", "type": "quantitative", "title": fields.field("utilisations").axis,
        "scale": {"domain": [0, 100]}, "axis": {"tickCount": 10, "grid": False},
    }  # fmt: skip
    return option_lines(rows, x, title, now)


def option_lines(rows: list[charts.Spec], x: charts.Spec, title: str, now: float) -> charts.Spec:
    """What options cost over a figure: rows of `cost`, `option` and the figure that `x` encodes.

    Each line has a dash of its own, so that no colour need be told apart; `now` is where the case
    stands.
    """
    names = list(dict.fromkeys(row["option"] for row in rows))
    y: charts.Spec = {
        "field": "cost", "type": "quantitative", "title": title, "axis": {"format": "~s"}
    }  # fmt: skip
    colours = [charts.ACCENT, charts.ALARM, charts.INK, charts.TINTS[6], charts.SOFT_INK]
    dashes = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4]]
    count = len(names)
    colour = _scaled("option", names, [colours[i % len(colours)] for i in range(count)])
    dash = _scaled("option", names, [dashes[i % len(dashes)] for i in range(count)])
    drawn = charts.layered(
        [
            {
                "data": {"values": [{x["field"]: now}]},
                "mark": {"type": "rule", "color": charts.QUIET, "strokeWidth": 6, "opacity": 0.5},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2.2},
                "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
            },
        ],
        height=320,
    )
    return {**drawn, "data": {"values": rows}}


def _scaled(name: str, names: list[str], values: list[Any]) -> charts.Spec:
    scale = {"domain": names, "range": values}
    legend = {"symbolType": "stroke", "symbolSize": 400, "columns": len(names)}
    return {"field": name, "type": "nominal", "scale": scale, "sort": names, "legend": legend}


def _priced(comparison: Comparison) -> Sequence[ComparedGpu]:
    return [row for row in comparison.rows if row.fits and row.price]


def _end(name: str) -> charts.Spec:
    return {"field": name}


def _axis(name: str, title: str) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "title": title, "scale": {"zero": False}}
