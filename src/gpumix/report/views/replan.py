"""A plan made anew beside going on with the old one, in words and tables."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.replanned import FleetCount, Replanned, SwitchingCost, Verdict
from gpumix.domain.timeline import Step
from gpumix.fields import USD
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.today import table_of_moves

_NO_USD = 0.5
"""USD that print as nothing."""


def headline(found: Replanned) -> str:
    """What to do, and what that is worth."""
    left = f"the {found.months} months from {found.start:%Y-%m}"
    if found.keep_usd is None:
        return (
            f"Change: going on as planned does not work any more ({found.keep_reason}). The new"
            f" plan costs {_usd(found.new_usd)} over {left}."
        )
    saves, keep = found.saves_usd or 0.0, _usd(found.keep_usd)
    if found.verdict is Verdict.CHANGE:
        return f"Change: it saves {_usd(saves)} of {keep} over {left}, going over paid."
    if saves < _NO_USD:
        return f"Keep the plan: nothing found costs less than its {keep} over {left}."
    return (
        f"Keep the plan: of its {keep} over {left} another would save {_usd(saves)}, less than the"
        f" {found.simplicity:.0%} that a change must be worth."
    )


def _usd(usd: float) -> str:
    return fields.format_value("horizon_usd", usd)


def words(found: Replanned) -> list[str]:
    """How the verdict came about."""
    told = []
    if found.keep_usd is not None:
        told.append(
            f"Going on costs {_usd(found.keep_usd)}, the best plan found {_usd(found.new_usd)},"
            f" going over to it {_usd(found.switching_usd)}: present costs of one model, at the"
            f" prices of {found.as_of}."
        )
    return [*told, *(f"{note}." for note in found.notes)]


def moves_table(found: Replanned) -> Table:
    """From what stands to the plan, in order."""
    return table_of_moves(found.moves, USD)


def steps_table(found: Replanned) -> Table:
    """All dated steps of the plan."""
    return table(
        fields.label("timeline"),
        Step,
        found.steps,
        ("date", lambda one: value("date", one.date, record=Step)),
        ("action", lambda one: text(f"{one.action} {one.count} ({one.resource})")),
        ("usd", lambda one: money("Step.usd", one.usd) if one.usd else Cell("")),
    )


def switching_table(found: Replanned) -> Table:
    """What going over costs once."""
    return table(
        "Going over costs once",
        SwitchingCost,
        found.switching,
        ("what", lambda one: text(one.what)),
        ("usd", lambda one: money("SwitchingCost.usd", one.usd)),
        ("how", lambda one: text(one.how)),
    )


def counts_table(found: Replanned) -> Table:
    """Where the fleet differs from the plan."""
    return table(
        "The fleet is not as planned",
        FleetCount,
        found.counts,
        ("gpu", lambda one: text(one.gpu)),
        ("planned", lambda one: value("FleetCount.planned", one.planned)),
        ("seen", lambda one: value("FleetCount.seen", one.seen)),
        ("note", lambda one: text(one.note)),
    )


def tables(found: Replanned) -> list[Table]:
    """All tables that have rows."""
    every = (counts_table(found), moves_table(found), steps_table(found), switching_table(found))
    return [one for one in every if one.rows]


def not_counted(found: Replanned) -> str:
    """What going over may cost beside that."""
    return f"Not counted: {'; '.join(found.not_counted)}."
