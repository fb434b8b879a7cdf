"""What runs today beside the plan: is it this team's fleet, what is saved, what to do first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpumix import fields
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Plan
from gpumix.domain.today_plan import CLOSE, Action, Difference, Move, TodayPlan
from gpumix.fields import Currency
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.mix import purchase_words, second_currency

NOT_YOURS = "Not yet your fleet"
_NAMED = 3
"""Moves of a kind that a sentence names."""
_NO_USD = 0.5
"""USD a month that print as nothing."""
_VERBS = {
    Action.STOP: "Stop",
    Action.SELL: "Sell",
    Action.START: "Start",
    Action.KEEP: "Keep",
    Action.EXPIRE: "Let expire",
}

_LINES = ((Action.STOP, Action.SELL), (Action.START,), (Action.KEEP,), (Action.EXPIRE,))
"""Kinds of moves that share a line."""


def today_headline(plan: Plan) -> str:
    """What the plan's headline says of today; nothing where that is not stated."""
    today = plan.today
    if today is None:
        return ""
    if today.differences:
        first = today.differences[0]
        inputs = ", ".join(first.inputs[:_NAMED])
        return f" {NOT_YOURS}: {_difference_words(first)}; check {inputs}. No saving is claimed."
    saves = today.saves_first_year_usd_per_month or 0.0
    if abs(saves) < _NO_USD:
        return " It takes as much cash as today in the first year."
    if saves < 0.0:
        return f" Today's fleet takes {_usd(-saves)} a month less cash in the first year."
    return f" It saves {_usd(saves)} of cash a month against today in the first year."


def today_words(plan: Plan) -> list[str]:
    """The section on today, three to six sentences; none where today is not stated."""
    today = plan.today
    if today is None:
        return []
    words = [f"{_cost_words(today)} {_promise_words(today)}"]
    if today.differences:
        return words + _differences_words(today.differences)
    words.append(_saving_words(today))
    return words + [told for line in _LINES if (told := _line_words(line, today.moves))]


def moves_table(plan: Plan) -> Table:
    """Every move, in order."""
    return table_of_moves(plan.today.moves if plan.today else (), second_currency(plan))


def table_of_moves(moves: Sequence[Move], second: Currency) -> Table:
    """Moves, in order, and what they save together."""
    return table(
        fields.label("moves"),
        Move,
        moves,
        ("date", lambda m: value("date", m.date, record=Move)),
        ("action", lambda m: text(m.action.value)),
        ("gpus", lambda m: value("gpus", m.gpus, record=Move)),
        ("gpu", lambda m: text(m.gpu)),
        ("purchase", lambda m: text(purchase_words(m.purchase))),
        ("provider", lambda m: text(m.provider)),
        ("usd", lambda m: money("usd", m.usd, second)),
        total=(
            Cell("Total", tone="total"),
            *(Cell("", tone="total"),) * 5,
            money("usd", sum(m.usd for m in moves), second),
        ),
    )


def _usd(usd: float) -> str:
    return fields.format_value("monthly_usd", usd)


def _cost_words(today: TodayPlan) -> str:
    """`Today 22 GPUs cost $41,000 a month ($30,100 of it rent, billed $31,000).`"""
    cost = fields.format_value("monthly_usd", today.monthly_usd)
    rent = fields.format_value("monthly_usd", today.rented_usd_per_month)
    billed = (
        ""
        if today.stated_usd_per_month is None
        else f", your bill is {fields.format_value('monthly_usd', today.stated_usd_per_month)}"
    )
    needed = (
        ""
        if today.needed_gpus is None
        else f" The stated demand needs {today.needed_gpus:,} of them."
        if today.needed_gpus <= today.gpus
        else f" The stated demand needs {today.needed_gpus:,} of such GPUs."
    )
    return f"Today {today.gpus:,} GPUs cost {cost} a month (rent {rent}{billed}).{needed}"


def _promise_words(today: TodayPlan) -> str:
    broken = [p for p in today.promises if not p.kept]
    if not broken:
        return "Every promise of the first year is kept."
    return "Not kept: " + "; ".join(f"{p.workload} ({p.reason})" for p in broken) + "."


def _differences_words(differences: Iterable[Difference]) -> list[str]:
    found = list(differences)
    inputs = list(dict.fromkeys(name for one in found for name in one.inputs))
    told = "; ".join(_difference_words(one) for one in found)
    return [
        f"{NOT_YOURS}: {told}.",
        f"What would explain it: {', '.join(inputs)}.",
        f"No saving is claimed until these agree within {100.0 * CLOSE:.0f} %.",
    ]


def _difference_words(one: Difference) -> str:
    share = fields.format_value(fields.field("share", Difference), one.share)
    if one.what == "GPUs":
        return (
            f"the stated demand needs {one.predicted:,.0f} GPUs where {one.stated:,.0f} run"
            f" ({share})"
        )
    stated, predicted = (
        fields.format_value("monthly_usd", usd) for usd in (one.stated, one.predicted)
    )
    return f"gpumix prices at {predicted} a month what is billed at {stated} ({share})"


def _saving_words(today: TodayPlan) -> str:
    first, end = today.saves_first_year_usd_per_month, today.saves_end_usd_per_month
    told = f"The plan {_saves_a_month(first or 0.0)} in the first year"
    if end is None or today.end_usd_per_month is None:
        return f"{told}; to the end today's kind of fleet cannot carry the demand."
    grown = fields.format_value("monthly_usd", today.end_usd_per_month)
    return (
        f"{told} and {_saves_a_month(end)} by the end, when going on as today would cost {grown} a"
        " month."
    )


def _saves_a_month(usd: float) -> str:
    """What the plan saves, or costs more."""
    if abs(usd) < _NO_USD:
        return "costs as much"
    return f"saves {_usd(usd)} a month" if usd > 0.0 else f"costs {_usd(-usd)} a month more"


def _line_words(line: Sequence[Action], moves: Sequence[Move]) -> str:
    """The moves of some kinds, a sentence a kind."""
    kinds = [(action, [m for m in moves if m.action is action]) for action in line]
    return " ".join(_moves_words(action, own) for action, own in kinds if own)


def _moves_words(action: Action, moves: list[Move]) -> str:
    """`Stop: 12 l40s-48gb by the hour from aws (saves $16,300).`"""
    named = [_move_words(m) for m in moves[:_NAMED]]
    if len(moves) > _NAMED:
        rest = sum(m.usd for m in moves[_NAMED:])
        named.append(f"{len(moves) - _NAMED} more ({_saves(rest) or 'at no cost'})")
    return f"{_VERBS[action]}: {'; '.join(named)}."


def _move_words(move: Move) -> str:
    """`12 l40s-48gb by the hour from aws (saves $16,300)`."""
    day = f" on {move.date}" if move.action is Action.EXPIRE else ""
    machine = f"{move.gpu} {purchase_words(move.purchase)}"
    if move.purchase == Purchase.OWNED:
        what = f"{move.gpus:,} {machine} at {move.provider}"
    elif move.purchase == Purchase.API:
        what = f"{move.provider}'s API"
    else:
        what = f"{move.gpus:,} {machine} from {move.provider}"
    saves = _saves(move.usd)
    return f"{what}{day} ({saves})" if saves else f"{what}{day}"


def _saves(usd: float) -> str:
    """What a move saves or costs a month; nothing where that is nothing."""
    if abs(usd) < _NO_USD:
        return ""
    return f"saves {_usd(usd)}" if usd > 0.0 else f"costs {_usd(-usd)}"
