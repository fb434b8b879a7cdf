"""`/whatif`: what would change a plan, as the plan itself was asked when it was made."""

from __future__ import annotations

import functools
from typing import Any, Final

from pydantic import Field

from gpumix.report import export
from gpumix.report.cfo import HALF_PX, Chart
from gpumix.report.tables import Table
from gpumix.report.views import cfo_charts
from gpumix.report.views import decisions as decision_view
from gpumix.report.views import whatif as view
from gpumix.web.folders import Listed, chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.pages.page import Page, drawn
from gpumix.web.pages.plan import read
from gpumix.web.shown import Answer, Shown

_KEPT = 4
_FIRST: Final = 2
"""Tables that stand open."""
_ASKED: Final = ("name", "as_of", "horizon_usd", "money", "break_evens", "rules", "scenarios",
                 "confidence_costs")  # fmt: skip
"""What of a plan's JSON says what would change it."""


class WhatifQuery(Query):
    """Which plan."""

    folder: str = Field("", description="Folder of the plan; default the newest.", max_length=255)


def answer(query: WhatifQuery, house: House) -> Shown:
    """What would change a plan. Raises: NotHere, InputError."""
    known = plans(house.folder)
    if not query.folder and not known:
        words = "No plan is shown here yet: start from an example, or from your own inventory."
        return Shown("What if", words, {"plans": []}, more={"folders": [], "folder": ""})
    one = chosen(known, query.folder or known[0].name, "plan")
    plan = read(one)
    data, tables, charts = _parts(one)
    drawn_words = (
        f"{plan.money.draws:,} draws of all ranges together, seed {plan.money.seed}."
        if plan.money
        else ""
    )
    return Shown(
        title=plan.name,
        eyebrow=f"What if · as of {plan.as_of}",
        headline=view.headline(plan),
        lead=tuple(w for w in (drawn_words, decision_view.scenario_words(plan)) if w),
        data=data,
        charts=charts,
        tables=tables[:_FIRST],
        folded=tables[_FIRST:],
        more={"folders": known, "folder": one.name},
    )


@functools.lru_cache(maxsize=_KEPT)
def _parts(one: Listed) -> tuple[Answer, tuple[Table, ...], tuple[Chart, ...]]:
    plan = read(one)
    whole: dict[str, Any] = export.plan_to_dict(plan)
    data = {"schema_version": whole["schema_version"], **{name: whole[name] for name in _ASKED}}
    charts = drawn(
        ("tornado", "Present cost, one input at a time", cfo_charts.tornado(plan), HALF_PX),
        ("draws", "Present cost, all inputs together", cfo_charts.draws(plan), HALF_PX),
    )
    return data, tuple(view.tables(plan)), charts


PAGE = Page(
    "whatif", "What if", "What would change a plan: inputs that flip it, scenarios, draws.",
    WhatifQuery, answer, "folder.html.j2",
)  # fmt: skip
