"""`/diff`: two plans side by side in dollars, mix and promises, and why they differ."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pydantic import Field

from gpumix.report.difference import difference_json, difference_markdown
from gpumix.report.views import difference as view
from gpumix.web.folders import Listed, chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown

if TYPE_CHECKING:
    from gpumix.verbs.diff import Compared

_KEPT = 8


class DiffQuery(Query):
    """Which two plans; without names the newest against the one before it."""

    before: str = Field("", description="Folder of a plan; default the second newest.",
                        max_length=255)  # fmt: skip
    after: str = Field("", description="Folder of the plan to compare with it; default the newest.",
                       max_length=255)  # fmt: skip
    fail_if: str = Field("", description="Conditions to tell of: monthly_usd>+10%,gpus>64.",
                         max_length=500)  # fmt: skip


def answer(query: DiffQuery, house: House) -> Shown:
    """The difference of two plans. Raises: NotHere, InputError for conditions and files."""
    known = plans(house.folder)
    names = [one.name for one in known]
    if len(known) < 2 and not (query.before and query.after):
        words = "Two plans are needed: plan a second inventory, or the same one changed."
        return Shown("Two plans side by side", words, {"plans": names}, "Difference",
                     more={"names": names, "before": "", "after": ""})  # fmt: skip
    before = chosen(known, query.before or names[1], "plan")
    after = chosen(known, query.after or names[0], "plan")
    met = tuple(part for one in query.fail_if.split(",") if (part := one.strip()))
    compared = _compared(before, after, met)
    found, failed = compared.found, compared.failed
    return Shown(
        title=f"{before.name} → {after.name}",
        eyebrow="Difference",
        headline=view.headline(found),
        lead=(*view.notes(found), *view.sides_words(found)),
        warnings=tuple(f"Fails: {condition}" for condition in failed),
        data=difference_json(found, failed),
        tables=tuple(view.tables(found)),
        markdown=difference_markdown(found, failed),
        more={"names": names, "before": before.name, "after": after.name},
    )


@functools.lru_cache(maxsize=_KEPT)
def _compared(before: Listed, after: Listed, fail_if: tuple[str, ...]) -> Compared:
    from gpumix.verbs.diff import diff_plans

    return diff_plans(before.path, after.path, fail_if)


PAGE = Page(
    "diff", "Difference", "Two plans side by side: dollars, mix, promises, prices, and why.",
    DiffQuery, answer, "diff.html.j2",
)  # fmt: skip
