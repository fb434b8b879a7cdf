"""Charts of the finance director's page: cash, own against rent, tornado, draws, purchases.

Specifications as those of `charts`; colours are Okabe and Ito's, which the colour-blind tell apart.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from gpumix import fields
from gpumix.domain.ledger import GROUPS
from gpumix.domain.money import OwnOrRent
from gpumix.domain.plan import Plan
from gpumix.domain.timeline import Action, Step
from gpumix.report.views import charts
from gpumix.report.views.cfo import price_words, range_words, year_names
from gpumix.report.views.charts import ALARM, INK, Spec

_SAFE: Final = (
    "#0072b2", "#e69f00", "#d55e00", "#f0e442", "#cc79a7", "#56b4e9", "#8d9bab", "#009e73",
    "#7fc8a9", "#4a5868",
)  # fmt: skip
_COLOURS: Final = dict(zip(GROUPS, _SAFE, strict=True))
_USD: Final = "$~s"


def cash_by_year(plan: Plan) -> Spec | None:
    """Cash by year as stacked bars by group, what is received below the line, cash so far as a
    line, the limit of capital as a rule; None without a ledger."""
    ledger = plan.ledger
    if ledger is None or ledger.cash is None:
        return None
    years, groups = year_names(plan), ledger.groups()
    bars = [
        {"year": year, "group": g.name, "usd": usd, "order": i}
        for i, g in enumerate(groups)
        for year, usd in zip(years, g.by_year, strict=True)
        if abs(usd) >= 0.5
    ]
    so_far, rows = 0.0, []
    for year, usd in zip(years, ledger.cash.by_year, strict=True):
        so_far += usd
        rows.append({"year": year, "usd": so_far, "text": "cash so far"})
    names = [g.name for g in groups]
    x = {"field": "year", "type": "ordinal", "title": None, "axis": {"labelAngle": 0}}
    y = _usd("usd", f"Cash [{ledger.currency}]")
    layers: list[Spec] = [
        {
            "data": {"values": bars},
            "mark": {"type": "bar", "size": 56, "tooltip": True},
            "encoding": {
                "x": x,
                "y": y,
                "color": _colours("group", names, [_COLOURS[name] for name in names]),
                "order": {"field": "order", "type": "quantitative"},
                "tooltip": _tips(("group", "Category"), ("year", "Year"), ("usd", "Cash")),
            },
        },
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": INK, "strokeWidth": 2, "point": {"color": INK}},
            "encoding": {
                "x": x,
                "y": y,
                "tooltip": _tips(("year", "Year"), ("usd", "Cash so far")),
            },
        },
        *_rule(_limit(plan), "limits.capex"),
    ]
    return _spec(layers, 340)


def cash_by_month(plan: Plan) -> Spec | None:
    """Cash so far by month, every month's cash on hover; None without a ledger."""
    ledger = plan.ledger
    if ledger is None or ledger.cash is None:
        return None
    so_far, rows = 0.0, []
    for month, usd in enumerate(ledger.cash.by_month):
        so_far += usd
        rows.append({"day": _day(plan.start, month), "usd": usd, "so_far": so_far})
    x = {"field": "day", "type": "temporal", "title": None}
    tips = _tips(("day", "Until"), ("usd", "Cash of the month"), ("so_far", "Cash so far"))
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "bar", "color": charts.TINTS[2], "tooltip": True},
            "encoding": {"x": x, "y": _usd("usd", f"Cash [{ledger.currency}]"), "tooltip": tips},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": INK, "strokeWidth": 2, "interpolate": "step-after"},
            "encoding": {"x": x, "y": _usd("so_far", ""), "tooltip": tips},
        },
        *_rule(_limit(plan), "limits.capex"),
    ]
    return _spec(layers, 340)


def own_against_rent(one: OwnOrRent) -> Spec:
    """Present cost of owning and of renting over the share of hours busy: a line each, a dot where
    the plan is, a mark where lines cross."""
    rows = [
        {"busy": share, "usd": usd, "line": "owning"}
        for share, usd in zip(one.busy, one.own_usd, strict=True)
    ]
    names = ["owning"]
    crossings = []
    for price in one.prices:
        name = f"renting: {price_words(price.whose, price.usd_per_gpu_hour)}"
        names.append(name)
        rows += [
            {"busy": share, "usd": usd, "line": name}
            for share, usd in zip(one.busy, price.rent_usd, strict=True)
        ]
        if price.crossing is not None:
            crossings.append({"busy": price.crossing, "text": f"{100.0 * price.crossing:.0f} %"})
    x = {
        "field": "busy",
        "type": "quantitative",
        "title": "Share of hours busy",
        "axis": {"format": ".0%"},
        "scale": {"domain": [0, 1]},
    }
    y = _usd("usd", "Present cost [USD]")
    at = [{"busy": one.busy_now, "usd": one.now_usd, "text": "the plan"}]
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "line", "strokeWidth": 2.5, "tooltip": True},
            "encoding": {
                "x": x,
                "y": y,
                "color": _colours("line", names, list(_SAFE)),
                "strokeDash": {"field": "line", "type": "nominal", "legend": None},
            },
        },
        {
            "data": {"values": crossings},
            "mark": {"type": "rule", "color": INK, "strokeDash": [3, 3]},
            "encoding": {"x": x},
        },
        {
            "data": {"values": crossings},
            "mark": {"type": "text", "align": "left", "dx": 5, "baseline": "top"},
            "encoding": {"x": x, "y": {"value": 4}, "text": {"field": "text"}},
        },
        {
            "data": {"values": at},
            "mark": {"type": "point", "filled": True, "size": 110, "color": INK, "opacity": 1},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"values": at},
            "mark": {"type": "text", "align": "left", "dx": 9, "dy": -7},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]
    return _spec(layers, 300, columns=1)


def own_by_volume(one: OwnOrRent) -> Spec | None:
    """Present cost over the work, owning in steps of whole servers; None where nothing is known."""
    if not one.by_volume:
        return None
    names = ["owning whole servers"]
    rows: list[dict[str, Any]] = [
        {"gpus": p.gpus, "usd": p.own_usd, "line": names[0]} for p in one.by_volume
    ]
    for i, price in enumerate(one.prices):
        name = f"renting: {price_words(price.whose, price.usd_per_gpu_hour)}"
        names.append(name)
        rows += [{"gpus": p.gpus, "usd": p.rent_usd[i], "line": name} for p in one.by_volume]
    x = {"field": "gpus", "type": "quantitative", "title": "Work, in GPUs busy around the clock"}
    y = _usd("usd", "Present cost [USD]")
    colour = _colours("line", names, list(_SAFE))

    def layer(of: list[dict[str, Any]], interpolate: str) -> Spec:
        return {
            "data": {"values": of},
            "mark": {
                "type": "line", "strokeWidth": 2.5, "interpolate": interpolate, "tooltip": True,
            },
            "encoding": {"x": x, "y": y, "color": colour},
        }  # fmt: skip

    owned = [row for row in rows if row["line"] == names[0]]
    rented = [row for row in rows if row["line"] != names[0]]
    return _spec([layer(owned, "step-before"), layer(rented, "linear")], 300, columns=1)


def tornado(plan: Plan) -> Spec | None:
    """Present cost from the low to the high end of each input, longest first; what changes the
    cheapest option in another colour and in words. None where nothing was drawn."""
    bars = plan.money.tornado if plan.money else ()
    if not bars:
        return None
    rows = [
        {
            "input": bar.input.name,
            "range": range_words(bar.input),
            "low": min(bar.low_usd, bar.high_usd),
            "high": max(bar.low_usd, bar.high_usd),
            "kind": "another option is cheaper" if bar.flips else "the plan stays the cheapest",
        }
        for bar in bars
    ]
    y = {"field": "input", "type": "nominal", "title": None, "sort": None}
    names = ["the plan stays the cheapest", "another option is cheaper"]
    ends = {"field": "low", "type": "quantitative", "title": "Present cost [USD]",
            "axis": {"format": _USD}, "scale": {"zero": False}}  # fmt: skip
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "bar", "height": {"band": 0.6}, "tooltip": True},
            "encoding": {
                "y": y,
                "x": ends,
                "x2": {"field": "high"},
                "color": _colours("kind", names, [_SAFE[0], _SAFE[2]]),
                "tooltip": _tips(
                    ("input", "Input"), ("range", "Low, typical, high"), ("low", "Least"),
                    ("high", "Most"),
                ),
            },
        },
        {
            "data": {"values": [{"usd": plan.horizon_usd}]},
            "mark": {"type": "rule", "color": INK},
            "encoding": {"x": {"field": "usd", "type": "quantitative"}},
        },
    ]  # fmt: skip
    return _spec(layers, charts.row_height(len(rows)))


def draws(plan: Plan) -> Spec | None:
    """Present cost of each option over the draws: P10 to P90 as a bar, P50 as a dot, with the share
    in which it is the cheapest. None where nothing was drawn."""
    options = plan.money.options if plan.money else ()
    if not options:
        return None
    rows = [
        {
            "name": o.name,
            "low": o.present.p10,
            "value": o.present.p50,
            "high": o.present.p90,
            "text": ""
            if o.share_cheapest is None
            else f"{100.0 * o.share_cheapest:.0f} % cheapest",
        }
        for o in options
    ]
    y = {"field": "name", "type": "nominal", "title": None, "sort": None}

    def x(name: str) -> Spec:
        return {"field": name, "type": "quantitative", "title": "Present cost, P10 to P90 [USD]",
                "axis": {"format": _USD}, "scale": {"zero": False}}  # fmt: skip

    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.4, "color": _SAFE[0]},
            "encoding": {"y": y, "x": x("low"), "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "color": _SAFE[0]},
            "encoding": {"y": y, "x": x("value")},
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 8},
            "encoding": {"y": y, "x": x("high"), "text": {"field": "text"}},
        },
    ]
    return {**_spec(layers, charts.row_height(len(rows))), "data": {"values": rows}}


def purchases(plan: Plan) -> Spec | None:
    """Months across, a row a resource: order, in service, end of contract, resale. None without a
    step."""
    if not plan.timeline:
        return None
    end = _end(plan)
    spans = [
        {
            "resource": step.resource,
            "from": _begins(step).isoformat(),
            "to": (step.ends or end).isoformat(),
            "count": step.count,
        }
        for step in plan.timeline
        if step.action not in (Action.SELL, Action.END, Action.RELEASE)
    ]
    marks = [
        {"resource": s.resource, "day": day.isoformat(), "what": what, "count": s.count}
        for s in plan.timeline
        for day, what in _days(s, end, plan)
    ]
    y = {"field": "resource", "type": "nominal", "title": None, "sort": None}

    def x(name: str) -> Spec:
        return {"field": name, "type": "temporal", "title": None}

    whats = ["order", "in service", "contract ends", "resale"]
    layers: list[Spec] = [
        {
            "data": {"values": spans},
            "mark": {"type": "rule", "strokeWidth": 8, "opacity": 0.3, "color": _SAFE[0]},
            "encoding": {"y": y, "x": x("from"), "x2": {"field": "to"}},
        },
        {
            "data": {"values": marks},
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "tooltip": True},
            "encoding": {
                "y": y,
                "x": x("day"),
                "color": _colours("what", whats, [_SAFE[2], _SAFE[0], INK, _SAFE[7]]),
                "shape": {"field": "what", "type": "nominal", "scale": {"domain": whats,
                          "range": ["triangle-right", "circle", "square", "diamond"]}},
                "tooltip": _tips(("resource", "Resource"), ("what", "What"), ("day", "Day"),
                                 ("count", "Instances")),
            },
        },
    ]  # fmt: skip
    return _spec(layers, charts.row_height(len({s.resource for s in plan.timeline})))


def gpus_held(plan: Plan) -> Spec | None:
    """GPUs held over the months as steps, by what holds them; None without a step."""
    per = {line.resource: line.gpus_per_instance for line in plan.mix}
    end = _end(plan)
    months = [_first(plan.start, month) for month in range(plan.months + 1)]
    held: dict[str, list[int]] = {}
    for step in plan.timeline:
        if step.action in (Action.SELL, Action.END, Action.RELEASE) or not per.get(step.resource):
            continue
        counts = held.setdefault(step.resource, [0] * len(months))
        for i, day in enumerate(months):
            if _begins(step) <= day <= (step.ends or end):
                counts[i] += step.count * per[step.resource]
    if not held:
        return None
    rows = [
        {"day": min(day, end).isoformat(), "gpus": gpus, "resource": name, "order": i}
        for i, (name, counts) in enumerate(held.items())
        for day, gpus in zip(months, counts, strict=True)
    ]
    names = list(held)
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "area", "interpolate": "step-after", "tooltip": True},
            "encoding": {
                "x": {"field": "day", "type": "temporal", "title": None},
                "y": {
                    "field": "gpus", "type": "quantitative", "title": fields.label("gpu_count"),
                    "stack": "zero",
                },
                "color": _colours("resource", names, list(_SAFE)),
                "order": {"field": "order", "type": "quantitative"},
            },
        }
    ]  # fmt: skip
    return _spec(layers, 220, columns=2)


def _days(step: Step, end: date, plan: Plan) -> Iterable[tuple[date, str]]:
    if step.action is Action.SELL:
        yield step.date, "resale"
        return
    if step.action in (Action.END, Action.RELEASE):
        yield step.date, "contract ends"
        return
    if _begins(step) != step.date or step.action is Action.BUY:
        yield step.date, "order"
    yield _begins(step), "in service"
    if step.ends is not None:
        yield step.ends, "contract ends"
    elif step.action is Action.BUY:
        yield end, "resale"


def _begins(step: Step) -> date:
    return step.in_service or step.date


def _end(plan: Plan) -> date:
    return _first(plan.start, plan.months) - timedelta(days=1)


def _first(start: date, months: int) -> date:
    whole = start.year * 12 + start.month - 1 + months
    return date(whole // 12, whole % 12 + 1, 1)


def _day(start: date, period: int) -> str:
    """The day of a period of cash by month: the start, or the last day of a month."""
    if period == 0:
        return start.isoformat()
    first = _first(start, period - 1)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1]).isoformat()


def _limit(plan: Plan) -> float | None:
    return plan.inventory.limits.capex_usd if plan.inventory else None


def _rule(usd: float | None, name: str) -> list[Spec]:
    if usd is None:
        return []
    data = {"values": [{"usd": usd, "text": name}]}
    y = {"field": "usd", "type": "quantitative"}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "color": ALARM, "strokeDash": [6, 3], "strokeWidth": 1.5},
            "encoding": {"y": y},
        },
        {
            "data": data,
            "mark": {"type": "text", "align": "left", "dy": 9, "color": ALARM},
            "encoding": {"y": y, "x": {"value": 4}, "text": {"field": "text"}},
        },
    ]


def _usd(name: str, title: str) -> Spec:
    label = f"replace(format(datum.value, '{_USD}'), 'G', 'B')"
    return {
        "field": name,
        "type": "quantitative",
        "title": title or None,
        "axis": {"labelExpr": label, "tickCount": 6},
    }


def _colours(name: str, names: list[str], colours: list[str]) -> Spec:
    scale = {"domain": names, "range": [colours[i % len(colours)] for i in range(len(names))]}
    return {"field": name, "type": "nominal", "scale": scale, "sort": names}


def _tips(*shown: tuple[str, str]) -> list[Spec]:
    numbers = {"usd", "so_far", "low", "high", "value"}
    return [
        {"field": name, "title": title, "type": "quantitative", "format": ",.0f"}
        if name in numbers
        else {"field": name, "title": title}
        for name, title in shown
    ]


def _spec(layers: list[Spec], height: int, columns: int = 2) -> Spec:
    drawn = charts.layered(layers, height)
    legend = {**drawn["config"]["legend"], "columns": columns, "labelLimit": 420}
    return {**drawn, "config": {**drawn["config"], "legend": legend}}
