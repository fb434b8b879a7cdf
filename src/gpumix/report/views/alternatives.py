"""What other mixes cost: all of them for a report, those that are asked for first on a terminal."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import LISTED, Alternative, Plan
from gpumix.report.tables import Table, money, remark, table, text, value
from gpumix.report.views.mix import second_currency

MOST_ON_A_TERMINAL = 8
"""Alternatives that a terminal shows."""

_ASKED_FIRST = (
    "today's fleet",
    "rule of thumb",
    "all on-prem",
    "on demand only",
    "one-year terms at most",
    "all cloud",
    LISTED,
    "one provider",
    "two GPU types",
    "without surviving a loss",
    "without spot",
)
"""What a manager asks for first; names may go on in brackets."""


def regret_table(plan: Plan, most: int | None = None) -> Table:
    """The plan under one more restriction each, cheapest first, impossible ones last; at most so
    many of them, those that are asked for first and cost anything."""
    second = second_currency(plan)
    rows = sorted(plan.regret, key=lambda a: (a.horizon_usd is None, a.horizon_usd or 0.0))
    kept = sorted(rows, key=_rank)[:most]
    return table(
        fields.label("regret"),
        Alternative,
        [row for row in rows if row in kept],
        ("name", lambda a: text(a.name)),
        ("delta_share", lambda a: value("delta_share", a.delta_share)),
        ("delta_usd", lambda a: money("delta_usd", a.delta_usd, second)),
        ("horizon_usd", lambda a: money("horizon_usd", a.horizon_usd, second)),
        ("gap", lambda a: value("gap", a.gap)),
        ("breaks", lambda a: remark("; ".join(a.breaks))),
        ("reason", lambda a: remark(a.reason)),
    )


def asked_order(plan: Plan) -> list[Alternative]:
    """All of them, those that a manager asks for first ahead."""
    return sorted(plan.regret, key=_rank)


def left_out_words(plan: Plan, most: int) -> str:
    """How many alternatives a table of at most so many leaves out; empty where none."""
    rest = len(plan.regret) - most
    return f"{rest} more other mixes: see the report, or plan.json." if rest > 0 else ""


def _rank(other: Alternative) -> tuple[bool, int]:
    name = other.name.partition(" (")[0]
    known = _ASKED_FIRST.index(name) if name in _ASKED_FIRST else len(_ASKED_FIRST)
    return other.delta_usd == 0.0, known
