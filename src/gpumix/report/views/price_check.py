"""A check of prices: how many rows may be used, and what was found in the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from gpumix.domain.price_check import Finding, PriceCheck
from gpumix.report.tables import Table, table, text, value

MOST_SHOWN: Final = 20
"""Rows of one rule that a table names; the rest are counted."""


def summary(check: PriceCheck) -> str:
    """How many rows were read, and how many may be used."""
    refused, marked = (len({one.line for one in found}) for found in (check.refused, check.marked))
    lines = [
        f"{check.name}: {check.rows:,} rows, {check.accepted:,} accepted ({marked:,} marked),"
        f" {refused:,} refused"
    ]
    for title, found in (("refused", check.refused), ("marked", check.marked)):
        lines += [
            f"{n:,} {title} as {rule}: {MOST_SHOWN} shown, --json lists all"
            for rule, n in Counter(one.rule for one in found).items()
            if n > MOST_SHOWN
        ]
    return "\n".join(lines)


def tables(check: PriceCheck) -> tuple[Table, ...]:
    """What was found, a row each, in the order of lines."""
    titles = (("Refused", check.refused), ("Marked, and used", check.marked))
    return tuple(
        table(
            title,
            Finding,
            list(_shown(found)),
            ("line", lambda one: value("line", one.line, record=Finding)),
            ("rule", lambda one: text(one.rule)),
            ("what", lambda one: text(f"{one.what} ({one.fix})" if one.fix else one.what)),
        )
        for title, found in titles
    )


def following(check: PriceCheck, is_own: bool) -> str:
    """What to do next, with a sheet of the user's own or the packaged one; nothing while rows are
    refused."""
    if check.refused:
        return ""
    shown = "gpumix prices list"
    if not is_own:
        return shown
    return f"the line `prices: {check.name}` in an inventory uses it; {shown} --sheet {check.name}"


def _shown(findings: Sequence[Finding]) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for one in findings:
        seen[one.rule] += 1
        if seen[one.rule] <= MOST_SHOWN:
            yield one
