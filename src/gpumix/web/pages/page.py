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


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its twins.

    `is_kept` says whether an answer may be kept for the same question: not where it depends on
    folders. `says` is for the API's description.
    """

    name: str
    title: str
    says: str
    query: type[Query]
    answer: Callable[[Any, House], Shown]
    template: str = "answer.html.j2"
    is_kept: bool = False


def drawn(*asked: tuple[str, str, Mapping[str, Any] | None, int]) -> tuple[Chart, ...]:
    """Charts of id, caption, specification and width; those without a specification are left."""
    return tuple(
        chart(id, caption, {**spec, "padding": _ROOM}, px)
        for id, caption, spec, px in asked
        if spec
    )
