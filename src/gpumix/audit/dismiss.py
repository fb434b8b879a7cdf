"""Findings that somebody dismissed with a reason: out of the sum until their day or their growth.

A dismissed finding has claimed its dollars as every other, so leaving it out moves none of them to
another class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from gpumix.domain.fleet import AuditAnswer, Dismissal, Dismissed, Finding, Note, NoteCode


def dismiss(answer: AuditAnswer, said: Sequence[Dismissal], today: date) -> AuditAnswer:
    """The answer with its dismissed findings apart; what came back is told in its notes."""
    if not said:
        return answer
    by_id = {one.finding: one for one in said}
    kept: list[Finding] = []
    apart: list[Dismissed] = []
    notes: list[Note] = []
    for finding in answer.findings:
        one = by_id.pop(finding.id, None)
        why = "" if one is None else _over(one, answer.per_month(finding), today)
        if one is not None and not why:
            apart.append(Dismissed(finding, one))
            continue
        kept.append(finding)
        if one is not None:
            notes.append(_note("dismissal_over", one, why))
    notes += _gone(by_id.values())
    return replace(
        answer, findings=tuple(kept), dismissed=tuple(apart), notes=(*answer.notes, *notes)
    )


def _over(one: Dismissal, per_month: float, today: date) -> str:
    """Why a dismissal holds no more; empty while it does."""
    if today > one.until:
        return f"it held until {one.until}"
    if per_month > one.per_month * (1.0 + one.grows):
        grown = f"it held for {one.per_month:,.2f} a month and {one.grows:.0%} more"
        return f"{grown}; now it is {per_month:,.2f} a month"
    return ""


def _gone(left: Iterable[Dismissal]) -> Iterator[Note]:
    for one in left:
        yield _note("dismissal_unused", one, "there is no such finding now")


def _note(code: NoteCode, one: Dismissal, why: str) -> Note:
    return Note(code, None, f"{one.finding}: {why} ({one.who}, {one.when}: {one.reason})")
