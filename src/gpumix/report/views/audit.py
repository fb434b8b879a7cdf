"""The answer of an audit as sentences and tables: what is wasted, where, what to do first."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from gpumix import fields
from gpumix.domain.defaults import DISMISSED_GROWS
from gpumix.domain.fleet import Attribution, AuditAnswer, Dismissal, Finding
from gpumix.report.tables import Cell, Table, column, text, value
from gpumix.report.views import charts
from gpumix.units import HOURS_PER_MONTH

MOST_FINDINGS = 12
"""Findings that a terminal shows; all are in the JSON and the pages."""
MOST_STEPS = 3
_MICRO = 1e6
_RECORD = "Finding"


def _words(name: str) -> str:
    return name.replace("_", " ")


def wasted(found: AuditAnswer) -> float:
    """What all findings save over the window, in the bill's currency."""
    return sum(f.usd_after_discounts for f in found.findings)


def headline(found: AuditAnswer) -> str:
    """The fleet's real waste in one sentence, with its interval."""
    saved, bill = wasted(found), found.bill_usd_micro / _MICRO
    low, high = (sum(getattr(f, end) for f in found.findings) for end in ("low", "high"))
    days = found.hours / 24.0
    of_bill = f" ({saved / bill:.0%})" if bill > 0.0 else ""
    if saved < 0.005:
        return f"Nothing is wasted of {_amount(bill, found)} over {days:,.0f} days."
    return (
        f"{_amount(saved, found)}{of_bill} of {_amount(bill, found)} is wasted over {days:,.0f} "
        f"days (80 %: {low:,.0f} to {min(high, max(bill, saved)):,.0f}); "
        f"{_amount(_per_month(saved, found), found)} a month."
    )


def _amount(amount: float, found: AuditAnswer) -> str:
    digits = 0 if abs(amount) >= 100.0 else 2
    return f"{found.currency} {amount:,.{digits}f}"


def _per_month(amount: float, found: AuditAnswer) -> float:
    return amount * HOURS_PER_MONTH / found.hours if found.hours > 0.0 else 0.0


def steps(found: AuditAnswer) -> list[str]:
    """What to do first: the actions that save most."""
    return [
        f"{f.action}: {_amount(_per_month(f.usd_after_discounts, found), found)} a month"
        for f in found.findings[:MOST_STEPS]
        if f.usd_after_discounts > 0.0
    ]


def classes_table(found: AuditAnswer) -> Table:
    """The waste by class, the dearest first, with the place where most of it is."""
    by_class: dict[str, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        by_class[finding.class_].append(finding)
    dearest = sorted(
        by_class.items(), key=lambda item: -sum(f.usd_after_discounts for f in item[1])
    )
    rows = [_class_row(found, name, those) for name, those in dearest]
    total = _sums(found, found.findings)
    last = (text("all", "total"), value("findings", len(found.findings)), *total, text(""))
    names = ("class_", "findings", "at_stake_usd_micro", "usd_after_discounts",
             "saved_per_month", "where")  # fmt: skip
    return Table(
        f"What is wasted, in {found.currency}",
        tuple(column(name, _RECORD) for name in names),
        (*rows, last) if rows else (),
        bool(rows),
    )


def _class_row(found: AuditAnswer, name: str, those: list[Finding]) -> tuple[Cell, ...]:
    sums = _sums(found, those)
    return (text(_words(name)), value("findings", len(those)), *sums, _where(those[0]))


def _sums(found: AuditAnswer, those: Iterable[Finding]) -> tuple[Cell, ...]:
    findings = list(those)
    stake = sum(f.at_stake_usd_micro for f in findings) / _MICRO
    saved, low, high = (
        sum(getattr(f, name) for f in findings) for name in ("usd_after_discounts", "low", "high")
    )
    return (_stake(stake), _saved(saved, low, high), _month(found, saved))


def _stake(amount: float) -> Cell:
    return Cell(fields.format_value(fields.field("at_stake_usd_micro", _RECORD), amount))


def _saved(saved: float, low: float, high: float) -> Cell:
    own = fields.field("usd_after_discounts", _RECORD)
    if low == high == saved:
        return Cell(fields.format_value(own, saved))
    shown, interval = fields.interval_parts(own, saved, low, high)
    return Cell(shown, interval)


def _month(found: AuditAnswer, saved: float) -> Cell:
    return value("saved_per_month", _per_month(saved, found), record=_RECORD)


def name_of(finding: Finding) -> str:
    """A finding in a line: `unallocated, k1: give back, or hand out, 1.6 GPUs of k1`."""
    place = _place(finding)
    return f"{_words(finding.class_)}{', ' if place else ''}{place}: {finding.action}"


def _where(finding: Finding) -> Cell:
    return text(_place(finding))


def _place(finding: Finding) -> str:
    scope = finding.scope
    owner = "/".join(word for word in (scope.team, scope.workload) if word)
    return " on ".join(word for word in (owner, scope.node) if word)


def findings_table(found: AuditAnswer, most: int | None = None) -> Table:
    """The findings, the dearest first."""
    names = ("class_", "where", "Finding.gpu", "at_stake_usd_micro", "usd_after_discounts",
             "saved_per_month", "confidence", "action", "id")  # fmt: skip
    rows = [
        (
            text(_words(f.class_)),
            _where(f),
            text(f.scope.gpu),
            _stake(f.at_stake_usd_micro / _MICRO),
            _saved(f.usd_after_discounts, f.low, f.high),
            _month(found, f.usd_after_discounts),
            value("confidence", f.confidence, record=_RECORD),
            text(f.action),
            text(f.id),
        )
        for f in found.findings[:most]
    ]
    shown = "" if most is None or len(found.findings) <= most else f", the first {most}"
    columns = tuple(column(name.rpartition(".")[2], _RECORD) for name in names)
    return Table(f"Findings, in {found.currency}{shown}", columns, tuple(rows))


def reasons_table(found: AuditAnswer) -> Table:
    """Why each finding is one, what speaks against it, and how to check it."""
    names = ("class_", "where", "because", "risk", "how_to_check")
    rows = [
        (
            text(_words(f.class_)),
            _where(f),
            text(f.because),
            text(f.risk),
            text(f.how_to_check),
        )
        for f in found.findings
    ]
    return Table("Why", tuple(column(name, _RECORD) for name in names), tuple(rows))


def showback_table(found: Attribution) -> Table:
    """Every dollar of the bill by team and kind; the last row is the bill itself."""
    by_team: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in found.rows:
        owned = row.kind in ("used", "allocated_idle")
        line = by_team[row.team or "no team" if owned else _words(row.kind)]
        line[row.kind] += row.usd_micro / _MICRO
        line["hours"] += row.hours
        line["all"] += row.usd_micro / _MICRO
    rows = [
        (
            text(name),
            value("hours", line["hours"], record="Showback"),
            *(_cost(line.get(kind)) for kind in ("used", "allocated_idle", "all")),
        )
        for name, line in sorted(by_team.items(), key=lambda item: -item[1]["all"])
    ]
    outside: dict[str, float] = defaultdict(float)
    for one in found.totals.outside:
        outside[one.reason] += one.usd_micro / _MICRO
    none = value("hours", None, record="Showback")
    rows += [
        (text(_words(reason)), none, _cost(None), _cost(None), _cost(usd))
        for reason, usd in sorted(outside.items())
    ]
    whole = _cost(found.totals.bill_usd_micro / _MICRO)
    rows.append((text("the bill", "total"), none, _cost(None), _cost(None), whole))
    names = ("owner", "hours", "used", "allocated_idle", "cost")
    columns = tuple(column(name, "Showback") for name in names)
    return Table(f"Showback, in {found.currency}", columns, tuple(rows), True)


def _cost(amount: float | None) -> Cell:
    return value("cost", amount, record="Showback")


def notes_table(found: AuditAnswer) -> Table:
    """What a reader must know of the telemetry and the bill."""
    rows = [(text(_words(n.code)), text(n.node), text(n.detail)) for n in found.notes]
    names = ("code", "node", "detail")
    return Table("Notes", tuple(column(name, "Note") for name in names), tuple(rows))


def looked_words(found: AuditAnswer) -> list[str]:
    """Which classes were looked for and which were not."""
    told = [f"Looked for: {', '.join(_words(n) for n in found.looked_for)}."]
    return [
        *told,
        *(f"Not looked for: {why}." for why in found.not_looked_for),
        *_dismissed_words(found),
    ]


def _dismissed_words(found: AuditAnswer) -> list[str]:
    if not found.dismissed:
        return []
    saved = sum(found.per_month(one.finding) for one in found.dismissed)
    many = len(found.dismissed)
    noun = "finding" if many == 1 else "findings"
    return [f"Dismissed, in no sum above: {many} {noun}, {_amount(saved, found)} a month."]


def dismissed_table(found: AuditAnswer) -> Table:
    """Findings that somebody left as they are: who, why, until when; in no other table."""
    finding, said = ("class_", "where", "saved_per_month"), ("reason", "who", "when", "until")
    rows = [
        (
            text(_words(one.finding.class_)),
            _where(one.finding),
            _month(found, one.finding.usd_after_discounts),
            text(one.dismissal.reason),
            text(one.dismissal.who),
            text(one.dismissal.when.isoformat()),
            text(one.dismissal.until.isoformat(), note=_growth(one.dismissal)),
            text(one.finding.id),
        )
        for one in found.dismissed
    ]
    columns = (
        *(column(name, _RECORD) for name in finding),
        *(column(name, "Dismissal") for name in said),
        column("id", _RECORD),
    )
    return Table("Dismissed, in no sum", columns, tuple(rows))


def _growth(one: Dismissal) -> str:
    return f"or above {one.per_month * (1.0 + one.grows):,.2f} a month"


def dismissal_lines(
    found: AuditAnswer, finding: Finding, who: str, reason: str, until: date, today: date
) -> str:
    """The lines that dismiss a finding, for dismissed.yaml; words are quoted as JSON quotes them,
    which YAML reads."""
    quoted = [json.dumps(words, ensure_ascii=False) for words in (finding.id, who, reason)]
    return (
        f"  - finding: {quoted[0]}\n    who: {quoted[1]}\n    reason: {quoted[2]}\n"
        f"    when: {today}\n    until: {until}\n"
        f"    per_month: {found.per_month(finding):.2f}\n    grows: {DISMISSED_GROWS}\n"
    )


def waste_chart(found: AuditAnswer) -> charts.Spec | None:
    """The saving by class, as bars; None where there is none."""
    by_class: dict[str, float] = defaultdict(float)
    for finding in found.findings:
        by_class[_words(finding.class_)] += finding.usd_after_discounts
    rows = [
        {"name": name, "usd": usd, "text": f"{usd:,.0f}"}
        for name, usd in sorted(by_class.items(), key=lambda item: -item[1])
    ]
    if not rows:
        return None
    title = f"{fields.label('usd_after_discounts', _RECORD)} [{found.currency}]"
    return charts.named_bars(rows, title)
