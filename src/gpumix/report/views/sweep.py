"""Many plans in one table."""

from __future__ import annotations

from gpumix.domain.sweep import Planning, Sweep
from gpumix.report.tables import Cell, Table, money, table, text, value


def sweep_table(found: Sweep) -> Table:
    """A row a plan; where there is none, the reason."""
    return table(
        "Plans",
        Planning,
        found.plans,
        ("name", lambda one: text(one.name)),
        ("monthly_usd", lambda one: money("Planning.monthly_usd", one.monthly_usd)),
        ("horizon_usd", lambda one: money("Planning.horizon_usd", one.horizon_usd)),
        ("gap", lambda one: value("Planning.gap", one.gap)),
        ("promises", _promises),
        ("status", lambda one: text(one.status, "" if one.monthly_usd is not None else "bad")),
    )


def _promises(one: Planning) -> Cell:
    if one.monthly_usd is None:
        return text("")
    is_kept = one.promises_kept == one.promises
    return Cell(f"{one.promises_kept} of {one.promises} kept", tone="good" if is_kept else "bad")


def reasons(found: Sweep) -> list[str]:
    """Why some have no plan."""
    return [f"{one.name}: {one.reason}" for one in found.plans if one.reason]
