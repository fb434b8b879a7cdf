"""`/guard` and `/export`: the files that hold a fleet to a plan, and those that start it."""

from __future__ import annotations

from pydantic import Field

from gpumix.domain.guard import GuardAnswer
from gpumix.report.tables import Table
from gpumix.report.views import files as view
from gpumix.web.folders import Listed, chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.made_files import MadeFiles, holds, made
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown


def _targets_of(verb: str) -> str:
    return f"Targets, comma-separated: {', '.join(holds(verb))}."


class GuardQuery(Query):
    """Which plan, and for which tools."""

    folder: str = Field("", description="Folder of the plan; default the newest.", max_length=255)
    targets: str = Field("", description=_targets_of("guard"), max_length=200)


class ExportQuery(Query):
    """Which plan, and for which tools."""

    folder: str = Field("", description="Folder of the plan; default the newest.", max_length=255)
    targets: str = Field("", description=_targets_of("export"), max_length=200)


def guard_answer(query: GuardQuery, house: House) -> Shown:
    """What holds a fleet to a plan. Raises: NotHere, InputError."""
    return _answer("guard", "Guard", query, house)


def export_answer(query: ExportQuery, house: House) -> Shown:
    """What starts a plan. Raises: NotHere, InputError."""
    return _answer("export", "Export", query, house)


def _answer(verb: str, title: str, query: GuardQuery | ExportQuery, house: House) -> Shown:
    known = plans(house.folder)
    if not query.folder and not known:
        words = "No plan is shown here yet: start from an example, or from your own inventory."
        none = {"folders": [], "folder": "", "files": (), "verb": verb}
        return Shown(title, words, {"files": []}, more=none)
    one = chosen(known, query.folder or known[0].name, "plan")
    of = made(verb, one, query.targets)
    headline, plan, day, tables = _told(of)
    return Shown(
        title=plan,
        eyebrow=f"{title} · as of {day}",
        headline=headline,
        data=of.data,
        tables=tables[:1],
        folded=tuple(t for t in tables[1:] if t.rows),
        more=_more(verb, known, one, of),
    )


def _told(of: MadeFiles) -> tuple[str, str, str, tuple[Table, ...]]:
    """Headline, the plan's name and day, tables."""
    found = of.found
    if isinstance(found, GuardAnswer):
        tables = view.guard_table(found, holds("guard")), view.left_out_table(found)
        return view.guard_headline(found), found.plan, found.as_of, tables
    tables = view.export_table(found, holds("export")), view.not_written_table(found)
    return view.export_headline(found), found.origin.plan, found.origin.as_of, tables


def _more(verb: str, known: list[Listed], one: Listed, of: MadeFiles) -> dict[str, object]:
    return {"folders": known, "folder": one.name, "files": tuple(of.texts), "verb": verb}


GUARD = Page(
    "guard", "Guard", "Files that hold a fleet to a plan: quotas, priorities, limits, alerts.",
    GuardQuery, guard_answer, "files.html.j2",
)  # fmt: skip
EXPORT = Page(
    "export", "Export", "Files that start a plan: engines, Kubernetes, SkyPilot, dstack.",
    ExportQuery, export_answer, "files.html.j2",
)  # fmt: skip
