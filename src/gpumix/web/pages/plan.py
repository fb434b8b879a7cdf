"""`/plan`: a plan's report; without a folder, the plans that there are and how to make one."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import Field

from gpumix.domain.plan import PLAN_JSON, Plan
from gpumix.report import export, markdown
from gpumix.report.html import plan_parts
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as view
from gpumix.web.folders import Listed, chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown

_KEPT_PLANS = 4


class PlanQuery(Query):
    """Which plan."""

    folder: str = Field("", description="Folder of the plan; default the newest.", max_length=255)


def answer(query: PlanQuery, house: House) -> Shown:
    """The page of a plan. Raises: NotHere where there is no such folder, InputError."""
    known = plans(house.folder)
    if not query.folder and not known:
        return Shown(
            "No plan yet", "Start from an example, or from your own inventory.", {"plans": []},
            "Plan", more={"plans": known, "parts": None, "folder": ""},
        )  # fmt: skip
    name = query.folder or known[0].name
    found = chosen(known, name, "plan")
    plan, parts = read(found), _parts(found)
    return Shown(
        title=plan.name,
        headline=view.headline(plan),
        data=export.plan_to_dict(plan),
        warnings=plan.warnings,
        tables=(mix_view.mix_table(plan),),
        markdown=markdown.plan_markdown(plan),
        more={"plans": known, "parts": parts, "folder": name},
    )


@functools.lru_cache(maxsize=_KEPT_PLANS)
def read(one: Listed) -> Plan:
    """The plan in a folder, kept while its file does not change."""
    return export.read_plan(one.path / PLAN_JSON)


@functools.lru_cache(maxsize=_KEPT_PLANS)
def _parts(one: Listed) -> dict[str, Any]:
    return plan_parts(read(one))


PAGE = Page(
    "plan", "Plan", "A plan: the answer, its money, mix, promises, runner-up and evidence.",
    PlanQuery, answer, "plan.html.j2",
)  # fmt: skip
