"""`/fleet` and `/audit`: whose a fleet's hours and dollars were, and what was wasted.

What reads fleets is an extra of its own, so it is imported when it is asked for.
"""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from gpumix.domain.fleet import DISMISSED_FILE, Attribution, AuditAnswer, as_json
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.report.audit import audit_markdown
from gpumix.report.views import audit as audit_view
from gpumix.report.views import fleet as fleet_view
from gpumix.web.folders import chosen, fleets
from gpumix.web.house import House, Query
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.problems import NotHere
from gpumix.web.shown import Shown

if TYPE_CHECKING:
    from gpumix.verbs.audit import Audit

_KEPT_FLEETS = 4


class FleetQuery(Query):
    """Which fleet, and how its rows are folded."""

    folder: str = Field("", description="Folder of the fleet; default the newest.", max_length=255)
    by: str = Field("", description="Fold by: team, workload, model, gpu, node, class.")


class AuditQuery(Query):
    """Which fleet, which classes are not looked for, and what a reader would dismiss."""

    folder: str = Field("", description="Folder of the fleet; default the newest.", max_length=255)
    off: str = Field("", description="Classes not to look for, comma-separated.")
    dismiss: str = Field("", description="Id of a finding to write the lines for.", max_length=100)
    who: str = Field("", description="Who dismisses it.", max_length=100)
    reason: str = Field("", description="Why it stays as it is.", max_length=500)
    until: date | None = Field(None, description="The last day on which that holds.")


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
    file, today = one.path / DISMISSED_FILE, date.today()
    said_s = file.stat().st_mtime if file.is_file() else 0.0
    found = _audited(one.path, one.changed_s, said_s, query.off, today)
    every = (
        audit_view.classes_table(found.answer),
        audit_view.findings_table(found.answer),
        audit_view.dismissed_table(found.answer),
        audit_view.showback_table(found.attribution),
        audit_view.reasons_table(found.answer),
        audit_view.notes_table(found.answer),
    )
    tables = tuple(t for t in every if t.rows)
    shown = sum(1 for t in every[:3] if t.rows)
    return Shown(
        title=one.name,
        eyebrow=f"Audit · {found.answer.start} to {found.answer.end} · {found.answer.currency}",
        headline=audit_view.headline(found.answer),
        data=as_json(found.answer),
        steps=tuple(audit_view.steps(found.answer)),
        lead=tuple(audit_view.looked_words(found.answer)),
        charts=drawn(("waste", "Saving by class", audit_view.waste_chart(found.answer), WIDE_PX)),
        tables=tables[:shown],
        folded=tables[shown:],
        markdown=audit_markdown(found.answer, found.attribution),
        more={
            "folders": known,
            "folder": one.name,
            "file": DISMISSED_FILE,
            "findings": [(f.id, audit_view.name_of(f)) for f in found.answer.findings],
            "head": "" if said_s else "dismissed:\n",
            "lines": _lines(found.answer, query, today),
        },
    )


def _lines(found: AuditAnswer, query: AuditQuery, today: date) -> str:
    """What dismisses the finding that is asked for; empty where none is.

    Raises: NotHere where there is no such finding; InputError with what is left to say.
    """
    if not query.dismiss:
        return ""
    known = {one.id: one for one in found.findings}
    if query.dismiss not in known:
        raise NotHere(unknown_name("dismiss", "finding", query.dismiss, known))
    said = {"who": query.who.strip(), "reason": query.reason.strip(), "until": query.until}
    wrong = [Problem(name, "is missing") for name, value in said.items() if not value]
    if query.until is not None and query.until <= today:
        wrong.append(Problem("until", f"{query.until} is not after today", "name a later day"))
    if wrong or query.until is None:
        raise InputError(wrong)
    return audit_view.dismissal_lines(
        found, known[query.dismiss], query.who.strip(), query.reason.strip(), query.until, today
    )


def _without(title: str, kind: str) -> Shown:
    words = "No folder of a fleet is shown here: gpumix observe SOURCE... --out FOLDER makes one."
    return Shown(title, words, {kind: []}, more={"folders": [], "folder": "", "findings": []})


@functools.lru_cache(maxsize=_KEPT_FLEETS)
def _attributed(path: Path, changed_s: float, by: str, today: date) -> Attribution:
    from gpumix.verbs.attribute import attribute_fleet

    return attribute_fleet(path, by=[by] if by else ())


@functools.lru_cache(maxsize=_KEPT_FLEETS)
def _audited(path: Path, changed_s: float, said_s: float, off: str, today: date) -> Audit:
    from gpumix.verbs.audit import audit_fleet

    return audit_fleet(path, off=off or None, today=today)


FLEET = Page(
    "fleet", "Fleet", "A fleet's hours and dollars by owner, to the last micro-dollar.",
    FleetQuery, fleet_answer, "folder.html.j2",
)  # fmt: skip
AUDIT = Page(
    "audit", "Audit", "What a fleet wastes: class, place, dollars, what to do first.",
    AuditQuery, audit_answer, "audit.html.j2",
)  # fmt: skip
