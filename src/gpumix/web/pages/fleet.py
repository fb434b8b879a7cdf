"""`/fleet` and `/audit`: whose a fleet's hours and dollars were, and what was wasted.

What reads fleets is an extra of its own, so it is imported when it is asked for.
"""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from gpumix.domain.fleet import Attribution, as_json
from gpumix.report.audit import audit_markdown
from gpumix.report.views import audit as audit_view
from gpumix.report.views import fleet as fleet_view
from gpumix.web.folders import chosen, fleets
from gpumix.web.house import House, Query
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.shown import Shown

if TYPE_CHECKING:
    from gpumix.verbs.audit import Audit

_KEPT_FLEETS = 4


class FleetQuery(Query):
    """Which fleet, and how its rows are folded."""

    folder: str = Field("", description="Folder of the fleet; default the newest.", max_length=255)
    by: str = Field("", description="Fold by: team, workload, model, gpu, node, class.")


class AuditQuery(Query):
    """Which fleet, and which classes are not looked for."""

    folder: str = Field("", description="Folder of the fleet; default the newest.", max_length=255)
    off: str = Field("", description="Classes not to look for, comma-separated.")


def fleet_answer(query: FleetQuery, house: House) -> Shown:
    """The showback of a fleet. Raises: NotHere, InputError."""
    known = fleets(house.folder)
    if not query.folder and not known:
        return _without("Whose it was", "fleets")
    one = chosen(known, query.folder or known[0].name, "fleet")
    found = _attributed(one.path, one.changed_s, query.by, date.today())
    return Shown(
        title=one.name,
        eyebrow="Fleet · whose it was and what it cost",
        headline=fleet_view.headline(found),
        data=as_json(found),
        tables=fleet_view.tables(found),
        more={"folders": known, "folder": one.name},
    )


def audit_answer(query: AuditQuery, house: House) -> Shown:
    """What a fleet wastes. Raises: NotHere, InputError."""
    known = fleets(house.folder)
    if not query.folder and not known:
        return _without("What the fleet wastes", "fleets")
    one = chosen(known, query.folder or known[0].name, "fleet")
    found = _audited(one.path, one.changed_s, query.off, date.today())
    every = (
        audit_view.classes_table(found.answer),
        audit_view.findings_table(found.answer),
        audit_view.showback_table(found.attribution),
        audit_view.reasons_table(found.answer),
        audit_view.notes_table(found.answer),
    )
    tables = tuple(t for t in every if t.rows)
    return Shown(
        title=one.name,
        eyebrow=f"Audit · {found.answer.start} to {found.answer.end} · {found.answer.currency}",
        headline=audit_view.headline(found.answer),
        data=as_json(found.answer),
        steps=tuple(audit_view.steps(found.answer)),
        lead=tuple(audit_view.looked_words(found.answer)),
        charts=drawn(("waste", "Saving by class", audit_view.waste_chart(found.answer), WIDE_PX)),
        tables=tables[:2],
        folded=tables[2:],
        markdown=audit_markdown(found.answer, found.attribution),
        more={"folders": known, "folder": one.name},
    )


def _without(title: str, kind: str) -> Shown:
    words = "No folder of a fleet is shown here: gpumix observe SOURCE... --out FOLDER makes one."
    return Shown(title, words, {kind: []}, more={"folders": [], "folder": ""})


@functools.lru_cache(maxsize=_KEPT_FLEETS)
def _attributed(path: Path, changed_s: float, by: str, today: date) -> Attribution:
    from gpumix.verbs.attribute import attribute_fleet

    return attribute_fleet(path, by=[by] if by else ())


@functools.lru_cache(maxsize=_KEPT_FLEETS)
def _audited(path: Path, changed_s: float, off: str, today: date) -> Audit:
    from gpumix.verbs.audit import audit_fleet

    return audit_fleet(path, off=off or None)


FLEET = Page(
    "fleet", "Fleet", "A fleet's hours and dollars by owner, to the last micro-dollar.",
    FleetQuery, fleet_answer, "folder.html.j2",
)  # fmt: skip
AUDIT = Page(
    "audit", "Audit", "What a fleet wastes: class, place, dollars, what to do first.",
    AuditQuery, audit_answer, "folder.html.j2",
)  # fmt: skip
