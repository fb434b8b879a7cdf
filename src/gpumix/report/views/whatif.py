"""What would change a plan: where each input flips it, in a sentence and as a table."""

from __future__ import annotations

from gpumix.domain.money import Flip
from gpumix.domain.plan import Plan
from gpumix.report.tables import Cell, Table, table, text
from gpumix.report.views import cfo, confidence, decisions
from gpumix.report.views import plan as plan_view


def headline(plan: Plan) -> str:
    """The input that is nearest to where the decision flips."""
    found = cfo.flips(plan)
    if found:
        return f"The decision flips first with {found[0]}."
    return "Nothing that was tried flips the decision."


def flips_table(plan: Plan) -> Table:
    """Every input that was tried: today's value, where it flips the plan, for what."""
    found = plan.money.flips if plan.money else ()
    return table(
        "Decision flips if",
        Flip,
        sorted(found, key=cfo.distance),
        ("name", lambda f: text(f.name)),
        ("now", lambda f: text(cfo.figure(f.now, f.unit))),
        ("value", _value),
        ("against", lambda f: text(f.against if f.value is not None else "", note=f.reason)),
    )


def _value(flip: Flip) -> Cell:
    if flip.value is None:
        return text("never")
    side = "above" if flip.value > flip.now else "below"
    return text(f"{side} {cfo.figure(flip.value, flip.unit)}")


def tables(plan: Plan) -> list[Table]:
    """Tables that have rows, what flips the plan first."""
    every = (
        flips_table(plan),
        cfo.tornado_table(plan),
        plan_view.break_even_table(plan),
        decisions.rules_table(plan),
        decisions.scenario_table(plan),
        cfo.spread_table(plan),
        confidence.confidence_table(plan),
        cfo.own_or_rent_table(plan),
    )
    return [one for one in every if one.rows]
