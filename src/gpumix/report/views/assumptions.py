"""The audit of a plan: what it assumes, who answers for that, and the dollars that rest on it."""

from __future__ import annotations

from collections.abc import Sequence

from gpumix import fields
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.plan import Plan
from gpumix.report.tables import Table, basis, table, text, value


def assumptions_table(plan: Plan) -> Table:
    """The audit: every figure and rule, with evidence, source and who answers for it."""
    return _drawn(plan.assumptions)


def owned_table(plan: Plan) -> Table:
    """The assumptions that somebody in the team answers for."""
    return _drawn([a for a in plan.assumptions if a.owner])


def _drawn(found: Sequence[Assumption]) -> Table:
    drawn = table(
        fields.label("assumptions"),
        "Assumption",
        found,
        ("subject", lambda a: text(a.subject)),
        ("value", lambda a: text(a.value)),
        ("basis", lambda a: basis(a.basis)),
        ("as_of", lambda a: value("as_of", a.as_of, "undated")),
        ("owner", lambda a: text(a.owner, note=a.note)),
        ("confirmed_on", lambda a: value("confirmed_on", a.confirmed_on)),
        ("source", lambda a: text(a.source)),
    )
    owned = any(a.owner for a in found)
    return drawn if owned else drawn.without("owner", "confirmed_on")


def unconfirmed_words(plan: Plan) -> str:
    """`$466,360 of the present cost rest on assumed prices that nobody has confirmed`; empty where
    none do."""
    if plan.rests_on is None or not plan.rests_on.unconfirmed_usd:
        return ""
    usd = fields.format_value("unconfirmed_usd", plan.rests_on.unconfirmed_usd)
    return f"{usd} of the present cost rest on assumed prices that nobody has confirmed"


def evidence_counts(plan: Plan) -> str:
    """`34 assumptions: 12 measured, 9 calibrated, 13 assumed`, and the dollars that rest on those
    which nobody has confirmed."""
    counts = [(kind, sum(a.basis is kind for a in plan.assumptions)) for kind in Basis]
    parts = ", ".join(f"{n} {kind.value}" for kind, n in counts if n)
    if not parts:
        return "no assumptions recorded"
    words = f"{len(plan.assumptions)} assumptions: {parts}"
    return "; ".join(filter(None, (words, unconfirmed_words(plan))))
