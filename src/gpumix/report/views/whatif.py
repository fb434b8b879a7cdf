"""What would change a plan: where each input flips it, in a sentence and as a table."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.money import Flip
from gpumix.domain.plan import Plan
from gpumix.domain.plan_difference import Figure
from gpumix.domain.what_if import WhatIfAnswer
from gpumix.report.tables import Cell, Table, table, text
from gpumix.report.views import cfo, confidence, decisions, difference
from gpumix.report.views import plan as plan_view

FAR = 0.25
"""Gap above which a mix is told to be far from proven, as a plan's own is (decision 0017)."""

_LIMITS = {
    "demand": "the load",
    "work": "the work",
    "n_plus_one": "the loss of an instance",
    "max_spot_share": "the share of spot",
    "max_instances": "what is on offer",
    "capex_budget": "the budget",
    "site_kw": "the power",
}
"""Limits of a mix in a reader's words; what they are of follows."""


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


def solved_headline(found: WhatIfAnswer) -> str:
    """What the change comes to: a mix that stays or flips, and its dollars."""
    if found.after_usd is None:
        return f"No mix keeps every limit: {_limits(found.conflict)} cannot hold together."
    more = found.after_usd - found.before_usd
    cost = _usd(found.after_usd)
    if _usd(abs(more)) == _usd(0.0):
        words = f"{cost} over the horizon, as before"
    else:
        share = f"{abs(more) / found.before_usd:.1%}".replace("%", " %")
        side = "more" if more > 0.0 else "less"
        words = f"{cost} over the horizon, {_usd(abs(more))} ({share}) {side}"
    return f"The mix {'flips' if found.mix else 'stays'}: {words}."


def solved_words(found: WhatIfAnswer) -> list[str]:
    """What would be of the plan as it is, and what the answer rests on."""
    words = []
    if found.breaks:
        words.append(f"The plan's own mix no longer covers {_limits(found.breaks)}.")
    elif found.kept_usd is not None and found.mix and found.after_usd is not None:
        saved = _usd(found.kept_usd - found.after_usd)
        words.append(f"The plan's own mix would cost {_usd(found.kept_usd)}: {saved} more.")
    if found.after_usd is not None:
        words.append("Every load is carried, by what each GPU sustains in the plan (modelled).")
    words.append(
        "Chosen from what the plan's last search held, its traffic not replayed: before you sign,"
        " plan the changed inventory."
    )
    return words


def solved_warnings(found: WhatIfAnswer) -> list[str]:
    """How far the answer may be from the cheapest, where that is much."""
    if found.gap is None or found.gap <= FAR:
        return []
    share = fields.format_value("gap", found.gap)
    return [
        f"A better mix could save up to {share} of it (not proven): what the plan's last search"
        " held may be too little for this change."
    ]


def solved_tables(found: WhatIfAnswer) -> list[Table]:
    """The dollars and the lines that differ."""
    months = found.months
    after = found.after_usd
    figures = [
        Figure("horizon_usd", found.before_usd, after),
        Figure("monthly_usd", found.before_usd / months, None if after is None else after / months),
    ]
    every = (difference.figures_table(figures), difference.mix_table(found.mix))
    return [one for one in every if one.rows]


def _usd(usd: float) -> str:
    return fields.format_value("horizon_usd", usd)


def _limits(names: tuple[str, ...]) -> str:
    """Limits in words, each once: `demand:chat` is demand of chat; lines without their use."""
    words = dict.fromkeys(_limit(one) for one in names)
    return ", ".join(words)


def _limit(name: str) -> str:
    kind, _, rest = name.partition(":")
    own = _LIMITS.get(kind, kind.replace("_", " "))
    return f"{own} of {rest.partition(' for ')[0].partition('@y')[0]}" if rest else own
