"""A fleet held to its plan as sentences and tables."""

from __future__ import annotations

from datetime import datetime

from gpumix.domain.drift import DriftAnswer, DriftCheck
from gpumix.report.tables import Cell, Table, column, text, value

_RECORD = "Drift"
_WORDS = {
    "speed": "speed",
    "demand": "demand",
    "prompt": "length of prompts",
    "answer": "length of answers",
    "burstiness": "burstiness",
    "price": "price",
    "count": "GPUs",
    "version": "version",
}


def headline(found: DriftAnswer) -> str:
    """Whether the fleet still is its plan's, in one sentence."""
    days = (_time(found.end) - _time(found.start)).total_seconds() / 86_400.0
    if not found.has_drifted:
        return f"{found.plan} holds: {len(found.checks)} checks over {days:,.0f} days."
    several = "" if len(found.findings) == 1 else "s"
    told = f"{found.plan} has drifted: {len(found.findings)} finding{several} over {days:,.0f} days"
    again, now = found.again_usd_per_month, found.drifted_usd_per_month
    if again is None:
        return f"{told}."
    if now is None:
        return f"{told}; {found.drifted_note or 'with all of it no plan keeps the promises'}."
    return (
        f"{told}; planned again with all of it, USD {now:,.0f} a month instead of {again:,.0f}"
        f" ({now - again:+,.0f})."
    )


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def where(check: DriftCheck) -> str:
    """What a check is about."""
    scope = check.scope
    if check.kind in ("count", "price"):
        return scope.offer or scope.gpu or ""
    return " on ".join(word for word in (scope.workload, scope.gpu) if word)


def sentence(check: DriftCheck) -> str:
    """What has drifted, since when, by how much, and what it costs."""
    said = f"{_what(check)} since {(check.since or '')[:10]}"
    return f"{said}. {_cost(check)}"


def _what(check: DriftCheck) -> str:
    names = check.names
    if check.kind == "version":
        what = names.get("what", "version")
        return f"{where(check)}: {what} {names.get('before')} became {names.get('now')}"
    against = "planned" if check.against == "plan" else "before"
    figures = f"{_number(check.observed)} {check.unit} ({_number(check.expected)} {against})"
    change = "" if check.change_share is None else f" {check.change_share:+.0%}"
    nodes = "; ".join(f"{key}: {names[key]}" for key in ("gone", "came") if key in names)
    words = f"{where(check)}: {_WORDS[check.kind]}{change}, {figures}"
    return f"{words}, {nodes}" if nodes else words


def _number(amount: float | None) -> str:
    if amount is None:
        return "-"
    digits = 0 if abs(amount) >= 100.0 else 2
    return f"{amount:,.{digits}f}"


def _cost(check: DriftCheck) -> str:
    kept = check.usd_per_month_kept
    stays = "" if kept is None else f"As the fleet stays: USD {kept:+,.0f} a month. "
    cost = check.cost
    if cost is None:
        return stays.rstrip()
    if cost.answer_changes is False and not cost.usd_per_month:
        why = f": {cost.note}" if cost.note else ""
        return f"{stays}It changes nothing in the plan{why}."
    if cost.usd_per_month is None:
        return f"{stays}{cost.note[:1].upper()}{cost.note[1:]}."
    mix = f"; {', '.join(cost.moves)}" if cost.moves else "; the same mix"
    return f"{stays}Planned again: USD {cost.usd_per_month:+,.0f} a month{mix}."


def checks_table(found: DriftAnswer) -> Table:
    """Every check, those that drifted first."""
    names = ("kind", "where", "expected", "observed", "change_share", "tolerated", "days", "since")
    rows = [_row(check) for check in (*found.findings, *found.checks)]
    columns = tuple(column(name, _RECORD) for name in names)
    return Table("Held to the plan", columns, tuple(rows))


def _row(check: DriftCheck) -> tuple[Cell, ...]:
    tone = "bad" if check.has_drifted else "good"
    if check.kind == "version":
        figures = text(check.names.get("before", "")), text(check.names.get("now", ""))
    else:
        figures = text(_number(check.expected)), Cell(_number(check.observed), check.unit)
    change = value("change_share", check.change_share, record=_RECORD)
    return (
        text(check.names.get("what", _WORDS[check.kind]), tone),
        text(where(check)),
        *figures,
        change,
        text(_tolerated(check)),
        value("days", check.days, record=_RECORD),
        text("holds" if check.since is None else check.since[:10], tone),
    )


def _tolerated(check: DriftCheck) -> str:
    low, high = check.tolerated_low, check.tolerated_high
    ends = [f"{end:+.0%}" for end in (low, high) if end is not None]
    return " to ".join(ends)


def looked_words(found: DriftAnswer) -> list[str]:
    """How often a check alarms for nothing, and what could not be looked at."""
    days = f"{found.days_between_false_alarms:,.0f} days"
    quiet = f"At the worst a check alarms for nothing once in {days}."
    return [quiet, *(f"Not looked at: {why}." for why in found.not_looked_for)]
