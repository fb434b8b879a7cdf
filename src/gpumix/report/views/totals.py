"""The three totals of a plan in words: cash, present cost and level cost, each under its name."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import Plan
from gpumix.report.tables import money
from gpumix.report.views.mix import second_currency
from gpumix.units import MONTHS_PER_YEAR


def with_second(plan: Plan, name: str, usd: float | None) -> str:
    """An amount in USD with the second currency in brackets where there is one."""
    cell = money(name, usd, second_currency(plan))
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def span_words(plan: Plan) -> str:
    """`3 years`, or `31 months` where these are no whole years."""
    years, rest = divmod(plan.months, int(MONTHS_PER_YEAR))
    count, unit = (plan.months, "month") if rest else (years, "year")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def up_front_words(plan: Plan) -> str:
    """Cash for servers, in both currencies; nothing where none is bought."""
    if not plan.capex_usd:
        return ""
    return f", with {with_second(plan, 'capex_usd', plan.capex_usd)} paid for servers"


def cash_words(plan: Plan) -> str:
    """The cost of capital that a present cost is at, and the cash beside it, where that is another
    amount; plans before had neither."""
    if plan.cash_usd is None:
        return ""
    if not plan.cost_of_capital:
        return ", which is the cash too: capital costs nothing here"
    cash = fields.format_value(fields.field("cash_usd", Plan), plan.cash_usd)
    rate = fields.format_value("cost_of_capital", plan.cost_of_capital)
    return f" at {rate} a year, cash {cash}"
