"""Vega-Lite specifications of a plan's charts, as dicts; labels come from the field registry.

Every chart fills the width of its container. `as_svg` draws one at a fixed width for pages
without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gpumix import fields
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view

Spec = dict[str, Any]

ACCENT: Final = "#0f6e84"
QUIET: Final = "#b8c4cf"
INK: Final = "#1d2733"
SOFT_INK: Final = "#5b6876"
ALARM: Final = "#b3361b"
TINTS: Final = ("#0f6e84", "#61a5b5", "#b5d6de", "#4a5868", "#8d9bab", "#cfd7df", "#d9a441")
_DAYS: Final = "['Mon','Tue','Wed','Thu','Fri','Sat','Sun']"
_ROW: Final = 26
_MOST_BARS: Final = 12
_FONT: Final = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
_CONFIG: Final[Spec] = {
    "font": _FONT,
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT_INK,
        "titleColor": SOFT_INK,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "gridColor": "#e9edf1",
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
    },
    "axisY": {"labelLimit": 220},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": SOFT_INK,
        "labelFontSize": 12,
        "symbolType": "square",
        "symbolSize": 90,
        "offset": 8,
        "columns": 2,
    },
    "text": {"color": INK, "fontSize": 12},
}


def as_svg(spec: Mapping[str, Any], width: int = 640) -> str:
    """The chart drawn once as SVG, `width` pixels wide."""
    import vl_convert

    return vl_convert.vegalite_to_svg({**spec, "width": width})


def cost_stack(plan: Plan) -> Spec:
    """What the plan costs in each year, by part."""
    rows = [
        {"part": part.name, "order": i, "year": str(plan.start.year + y), "usd": _short(usd)}
        for i, part in enumerate(plan.costs)
        for y, usd in enumerate(part.usd_by_year)
    ]
    names = [part.name for part in plan.costs]
    own = fields.field("usd_by_year")
    return _chart(
        rows,
        {"type": "bar", "size": 56, "tooltip": True},
        {
            "x": {"field": "year", "type": "ordinal", "title": None, "axis": {"labelAngle": 0}},
            "y": _amount("usd", own),
            "color": _colour("part", names),
            "order": {"field": "order", "type": "quantitative"},
            "tooltip": [
                {"field": "part", "title": fields.label("name", "CostPart")},
                {"field": "year", "title": fields.label("years")},
                {"field": "usd", "title": own.axis, "type": "quantitative", "format": ",.0f"},
            ],
        },
        height=280,
    )


def gpus_over_week(plan: Plan) -> Spec:
    """GPUs paid for and at work, by hour of the week."""
    hourly = plan.hourly_gpus
    held, rented, busy = (fields.label(n) for n in ("committed", "hourly", "busy"))
    held_rows = [
        {"hour": h, "kind": kind, "order": order, "gpus": _short(amount)}
        for order, (kind, series) in enumerate(((held, hourly.committed), (rented, hourly.hourly)))
        for h, amount in enumerate(series)
    ]
    busy_rows = [{"hour": h, "kind": busy, "gpus": _short(a)} for h, a in enumerate(hourly.busy)]
    y = {"field": "gpus", "type": "quantitative", "title": fields.label("gpu_count")}
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": [held, rented, busy], "range": [TINTS[5], TINTS[2], ACCENT]},
    }
    return layered(
        [
            {
                "data": {"values": held_rows},
                "mark": {"type": "area", "interpolate": "step-after"},
                "encoding": {
                    "x": _hours(),
                    "y": {**y, "stack": "zero"},
                    "color": colour,
                    "order": {"field": "order"},
                },
            },
            {
                "data": {"values": busy_rows},
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8},
                "encoding": {"x": _hours(), "y": y, "color": colour},
            },
        ],
        height=240,
    )


def demand_against_capacity(workload: WorkloadPlan) -> Spec:
    """A workload's demand under the capacity planned for it, by hour of the week."""
    demand, capacity = fields.label("demand_per_hour"), fields.label("capacity_per_hour")
    plural = "" if workload.unit == "Mtok" else "s"
    title = f"{fields.label('demand_per_hour')} [{workload.unit}{plural}/h]"
    y = {"field": "units", "type": "quantitative", "title": title}
    domain = [demand, capacity] if workload.capacity_per_hour else [demand]
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": domain, "range": [ACCENT, SOFT_INK][: len(domain)]},
    }

    def rows(kind: str, series: Sequence[float]) -> list[Spec]:
        return [{"hour": h, "kind": kind, "units": _short(u)} for h, u in enumerate(series)]

    layers: list[Spec] = [
        {
            "data": {"values": rows(demand, workload.demand_per_hour)},
            "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.75},
            "encoding": {"x": _hours(), "y": y, "color": colour},
        }
    ]
    if workload.capacity_per_hour:
        layers.append(
            {
                "data": {"values": rows(capacity, workload.capacity_per_hour)},
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.5},
                "encoding": {"x": _hours(), "y": y, "color": colour},
            }
        )
    return layered(layers, height=200)


def unit_cost_by_gpu(workload: WorkloadPlan) -> Spec | None:
    """Unit cost on each GPU, the chosen ones in the accent; None where no GPU has one."""
    own = fields.field(plan_view.unit_cost_field(workload))
    able = sorted(
        (c.unit_cost_usd, c.gpu, c.chosen)
        for c in workload.candidates
        if c.unit_cost_usd is not None
    )
    shown = [c for i, c in enumerate(able) if i < _MOST_BARS or c[2]]
    rows = [
        {
            "gpu": gpu,
            "usd": usd,
            "chosen": chosen,
            "text": fields.format_value(own, usd),
        }
        for usd, gpu, chosen in shown
    ]
    if not rows:
        return None
    return _bars(rows, "gpu", _amount("usd", own), "datum.chosen")


def regret_bars(plan: Plan) -> Spec:
    """Cost over the horizon of the plan and of each restricted plan."""
    own = fields.field("horizon_usd")
    possible = [a for a in plan.regret if a.horizon_usd is not None]
    rows = [{"name": "this plan", "usd": plan.horizon_usd, "chosen": True, "text": ""}]
    rows += [
        {
            "name": a.name,
            "usd": a.horizon_usd,
            "chosen": False,
            "text": fields.format_value("delta_share", a.delta_share),
        }
        for a in sorted(possible, key=lambda a: a.horizon_usd or 0.0)
    ]
    rows += [
        {"name": a.name, "usd": 0.0, "chosen": False, "text": "not possible"}
        for a in plan.regret
        if a.horizon_usd is None
    ]
    for row in rows:
        row["text"] = row["text"] or fields.format_value(own, row["usd"])
    return _bars(rows, "name", _amount("usd", own), "datum.chosen")


def mix_by_gpu(plan: Plan) -> Spec:
    """GPUs of the mix by kind, split by how they are paid for."""
    rows = [
        {
            "gpu": line.gpu,
            "paid": mix_view.purchase_words(line.purchase),
            "gpus": line.count * line.gpus_per_instance,
        }
        for line in mix_view.gpu_lines(plan)
    ]
    paid = list(dict.fromkeys(str(row["paid"]) for row in rows))
    kinds = len({row["gpu"] for row in rows})
    return _chart(
        rows,
        {"type": "bar", "height": {"band": 0.62}, "tooltip": True},
        {
            "y": {"field": "gpu", "type": "nominal", "title": None, "sort": "-x"},
            "x": {
                "field": "gpus",
                "aggregate": "sum",
                "type": "quantitative",
                "title": fields.label("gpu_count"),
                "axis": {"tickMinStep": 1, "tickCount": 6},
            },
            "color": _colour("paid", paid),
        },
        height=_ROW * kinds + 70,
    )


def slo_intervals(plan: Plan) -> Spec:
    """Every promise's prediction and 80 % interval, as a share of its limit."""
    rows = [
        {
            "promise": f"{w.id} {check.name}",
            "low": 100 * check.predicted.low / check.limit_s,
            "value": 100 * check.predicted.value / check.limit_s,
            "high": 100 * check.predicted.high / check.limit_s,
            "kept": check.kept,
        }
        for w, check in plan_view.promises(plan)
        if check.limit_s > 0
    ]
    y = {"field": "promise", "type": "nominal", "title": None, "sort": None}
    colour = {"condition": {"test": "datum.kept", "value": ACCENT}, "value": ALARM}

    def x(field: str) -> Spec:
        return {
            "field": field,
            "type": "quantitative",
            "title": fields.field("slo_share").axis,
            "scale": {"domainMin": 0},
            "axis": {"tickCount": 8},
        }

    drawn = layered(
        [
            {
                "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.35, "strokeCap": "round"},
                "encoding": {"y": y, "x": x("low"), "x2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {"y": y, "x": x("value"), "color": colour},
            },
            {
                "data": {"values": [{"limit": 100}]},
                "mark": {"type": "rule", "color": INK, "strokeDash": [3, 3]},
                "encoding": {"x": {"field": "limit", "type": "quantitative"}},
            },
        ],
        height=row_height(len(rows)),
    )
    return {**drawn, "data": {"values": rows}}


def lines(
    rows: list[Spec],
    x: str,
    y: str,
    series: str,
    *,
    titles: tuple[str, str],
    logarithmic: bool = False,
) -> Spec:
    """A line a series over a numeric axis; `titles` are those of the axes."""
    names = list(dict.fromkeys(row[series] for row in rows))
    scale = {"type": "log"} if logarithmic else {"zero": True}
    return _chart(
        rows,
        {"type": "line", "strokeWidth": 2, "tooltip": True},
        {
            "x": {"field": x, "type": "quantitative", "title": titles[0]},
            "y": {"field": y, "type": "quantitative", "title": titles[1], "scale": scale},
            "color": _colour(series, names),
        },
        height=300,
    )


def named_bars(rows: list[Spec], title: str) -> Spec:
    """A bar a row, of its `name`, `usd` and `text`; `title` is that of the axis."""
    axis = {"field": "usd", "type": "quantitative", "title": title, "axis": {"tickCount": 5}}
    return _bars(rows, "name", axis, "true")


def stacked_bars(rows: list[Spec], name: str, amount: str, part: str, title: str) -> Spec:
    """A bar a `name`, of parts laid end to end in the order in which they come."""
    parts = list(dict.fromkeys(row[part] for row in rows))
    order = [{**row, "order": parts.index(row[part])} for row in rows]
    return _chart(
        order,
        {"type": "bar", "height": {"band": 0.62}, "tooltip": True},
        {
            "y": {"field": name, "type": "nominal", "title": None, "sort": None},
            "x": {"field": amount, "type": "quantitative", "title": title},
            "color": {**_colour(part, parts), "legend": {"columns": 4}},
            "order": {"field": "order", "type": "quantitative"},
        },
        height=row_height(len({row[name] for row in rows})) + 30,
    )


def prices_over_time(rows: list[Spec]) -> Spec:
    """Every observed price as a dot by `day`, `usd` and `tier`, with each tier's line of `median`
    by month."""
    tiers = list(dict.fromkeys(row["tier"] for row in rows))
    x = {"field": "day", "type": "temporal", "title": None}
    title = fields.label("usd_per_gpu_hour")
    scale = {"domain": tiers, "range": [TINTS[i] for i in (0, 6, 3, 1, 4)]}
    colour = {"field": "tier", "type": "nominal", "scale": scale, "sort": tiers}

    def y(name: str) -> Spec:
        return {"field": name, "type": "quantitative", "title": title, "scale": {"type": "log"}}

    drawn = layered(
        [
            {
                "transform": [{"filter": "isValid(datum.usd)"}],
                "mark": {"type": "point", "filled": True, "size": 30, "opacity": 0.45},
                "encoding": {"x": x, "y": y("usd"), "color": colour},
            },
            {
                "transform": [{"filter": "isValid(datum.median)"}],
                "mark": {"type": "line", "strokeWidth": 2, "point": True},
                "encoding": {"x": x, "y": y("median"), "color": colour},
            },
        ],
        height=300,
    )
    return {**drawn, "data": {"values": rows}}


def _chart(rows: list[Spec], mark: Spec, encoding: Spec, height: int) -> Spec:
    return {
        **_frame(height),
        "data": {"values": rows},
        "mark": mark,
        "encoding": encoding,
    }


def layered(layers: list[Spec], height: int) -> Spec:
    """Layers over one another, `height` pixels high."""
    return {**_frame(height), "layer": layers}


def row_height(rows: int) -> int:
    """Pixels that a chart of one bar a row needs."""
    return _ROW * rows + 50


def _frame(height: int) -> Spec:
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit", "contains": "padding", "resize": True},
        "config": _CONFIG,
    }


def _bars(rows: list[Spec], name: str, x: Spec, chosen: str) -> Spec:
    y = {"field": name, "type": "nominal", "title": None, "sort": None}
    highest = max(float(row["usd"]) for row in rows)
    room = {**x, "scale": {"domain": [0, 1.18 * highest or 1.0], "nice": False}}
    drawn = layered(
        [
            {
                "mark": {"type": "bar", "height": {"band": 0.62}},
                "encoding": {
                    "y": y,
                    "x": room,
                    "color": {"condition": {"test": chosen, "value": ACCENT}, "value": QUIET},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6},
                "encoding": {"y": y, "x": room, "text": {"field": "text"}},
            },
        ],
        height=row_height(len(rows)),
    )
    return {**drawn, "data": {"values": rows}}


def _amount(name: str, own: fields.Field) -> Spec:
    form = "$~g" if own.format.startswith("sig") else "$~s"
    label = f"datum.value ? replace(format(datum.value, '{form}'), 'G', 'B') : '$0'"
    axis = {"labelExpr": label, "tickCount": 5}
    return {"field": name, "type": "quantitative", "title": own.axis, "axis": axis}


def _hours() -> Spec:
    return {
        "field": "hour",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, 168], "nice": False},
        "axis": {
            "values": list(range(0, 168, 24)),
            "labelExpr": f"{_DAYS}[datum.value / 24]",
            "labelAlign": "left",
            "grid": True,
        },
    }


def _colour(name: str, domain: list[str]) -> Spec:
    colours = [TINTS[i % len(TINTS)] for i in range(len(domain))]
    scale = {"domain": domain, "range": colours}
    return {"field": name, "type": "nominal", "scale": scale, "sort": domain}


def _short(value: float) -> float:
    return float(f"{value:.5g}")
