"""Charts of findings: what their GPUs did by the hour, with the window of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gpumix import fields
from gpumix.domain.fleet import AuditAnswer, FindingHours
from gpumix.report.views import charts

_HEIGHT: Final = 150


@dataclass(frozen=True, slots=True)
class Evidence:
    """A chart, and the words above it."""

    caption: str
    spec: charts.Spec


def evidence(found: AuditAnswer, hours: FindingHours) -> Evidence:
    """Engine activity by the hour, requests running where they are told, the window shaded."""
    finding = found.findings[hours.finding]
    rows = [
        {"hour": hour, "engine": engine, "running": running}
        for hour, engine, running in zip(
            hours.hours, hours.engine_active, hours.requests_running, strict=True
        )
    ]
    time = {
        "field": "hour",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc"},
        "axis": {"format": "%-d %b", "tickCount": {"interval": "day", "step": 1}},
    }
    window = {
        "data": {"values": [{"hour": finding.start, "until": finding.end}]},
        "mark": {"type": "rect", "color": charts.QUIET, "opacity": 0.35},
        "encoding": {"x": time, "x2": {"field": "until"}},
    }
    layers = [window, _line(rows, time, "engine", "engine_active", charts.ACCENT)]
    if any(running is not None for running in hours.requests_running):
        layers.append(_line(rows, time, "running", "requests_running", charts.TINTS[6]))
    spec = charts.layered(layers, _HEIGHT) | {"resolve": {"scale": {"y": "independent"}}}
    scope = finding.scope
    owner = "/".join(word for word in (scope.team, scope.workload) if word)
    where = " on ".join(word for word in (owner, scope.node) if word)
    return Evidence(f"{finding.class_.replace('_', ' ')}: {where}", spec)


def _line(
    rows: list[charts.Spec], time: charts.Spec, name: str, field: str, colour: str
) -> charts.Spec:
    y = {
        "field": name,
        "type": "quantitative",
        "scale": {"zero": True},
        "axis": {
            "title": fields.label(field, "FindingHours"),
            "titleColor": colour,
            "tickCount": 4,
        },
    }
    return {
        "data": {"values": [row for row in rows if row[name] is not None]},
        "mark": {"type": "line", "strokeWidth": 1.5, "color": colour},
        "encoding": {"x": time, "y": y},
    }
