"""`/site`: what the racks of a plan's sites hold: servers, kilowatts, tokens a second."""

from __future__ import annotations

from pydantic import Field

from gpumix.report import export
from gpumix.report.views import room as view
from gpumix.web.folders import chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown


class SiteQuery(Query):
    """Which plan's inventory, and which GPUs."""

    folder: str = Field("", description="Folder of a plan with sites; default the newest.")
    gpus: str | None = Field(None, description="GPU ids, comma-separated.")


def answer(query: SiteQuery, house: House) -> Shown:
    """The rooms of a plan's inventory. Raises: NotHere, InputError where it has no site."""
    known = plans(house.folder)
    if not query.folder and not known:
        words = "No plan with a site of its own is shown here: plan an inventory with on_prem."
        return Shown("What racks hold", words, {"sites": []}, more={"folders": [], "folder": ""})
    one = chosen(known, query.folder or known[0].name, "plan")
    from gpumix.verbs.site import site_rooms

    found = site_rooms(one.path, query.gpus)
    held = [
        view.held_table(room, cooling)
        for room in found.sites
        for cooling in room.coolings
        if cooling.is_present
    ]
    work = [view.work_table(room, workload) for room in found.sites for workload in found.workloads]
    first, *others = [*view.answers(found), ""]
    return Shown(
        title=found.name,
        eyebrow=f"Site · {found.as_of}",
        headline=first,
        lead=tuple(words for words in (*others, *map(view.site_line, found.sites)) if words),
        warnings=tuple(found.notes),
        data=export.record_to_dict(found),
        tables=tuple(t for t in (*held, view.density_table(found)) if t.rows),
        folded=tuple(t for t in work if t.rows),
        more={"folders": known, "folder": one.name},
    )


PAGE = Page(
    "site", "Site", "What the racks of every site hold, and the work that does.",
    SiteQuery, answer, "folder.html.j2",
)  # fmt: skip
