"""What a page is: a name, a template, the query it takes and the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gpumix.report.cfo import Chart, chart
from gpumix.web.house import House, Query
from gpumix.web.shown import Shown

WIDE_PX = 1100
"""Width of a chart that fills a page."""
_ROOM = {"left": 20, "right": 14, "top": 4, "bottom": 4}
"""Pixels around a chart: a browser's font may be wider than the one it was drawn with."""
_BETWEEN_PX = 36
"""So many between the columns of a legend, for the same reason."""
_BETWEEN_LABELS_PX = 12
"""And between the labels of an axis."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its twins.

    `is_kept` says whether an answer may be kept for the same question: not where it depends on
    folders; `waits` whether a job may work on one. `says` is for the API's description.
    """

    name: str
    title: str
    says: str
    query: type[Query]
    answer: Callable[[Any, House], Shown]
    template: str = "answer.html.j2"
    is_kept: bool = False
    waits: bool = False


def drawn(*asked: tuple[str, str, Mapping[str, Any] | None, int]) -> tuple[Chart, ...]:
    """Charts of id, caption, specification and width; those without a specification are left."""
    return tuple(chart(id, caption, _roomy(spec), px) for id, caption, spec, px in asked if spec)


def _roomy(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification with room for wider fonts."""
    config = spec.get("config", {})
    legend = {**config.get("legend", {}), "columnPadding": _BETWEEN_PX}
    axis = {**config.get("axis", {}), "labelSeparation": _BETWEEN_LABELS_PX}
    return {**spec, "padding": _ROOM, "config": {**config, "legend": legend, "axis": axis}}
