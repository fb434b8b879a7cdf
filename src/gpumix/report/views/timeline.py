"""When a plan does what: a row a step, in plain words."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import CashYear, MixLine, Plan
from gpumix.domain.timeline import Action, Step
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.mix import purchase_of, second_currency

CLOSE = 0.01
"""Share by which the first year's cost may differ from the mean without a word about it."""


def timeline_table(plan: Plan) -> Table:
    """Every step with its date, what it costs in the plan, and the cash of its day."""
    lines = {line.resource: line for line in plan.mix}
    second = second_currency(plan)
    return table(
        fields.label("timeline"),
        Step,
        plan.timeline,
        ("date", lambda s: value("date", s.date, record=Step)),
        ("action", lambda s: text(step_words(s, lines.get(s.resource)))),
        ("usd", lambda s: _usd(s, plan)),
        ("cash_usd", lambda s: money("cash_usd", s.cash_usd, second) if s.cash_usd else Cell("")),
    )


def _usd(step: Step, plan: Plan) -> Cell:
    return money("Step.usd", step.usd, second_currency(plan)) if step.usd else Cell("")


def step_words(step: Step, line: MixLine | None) -> str:
    """`reserve 2 (8 × h100-sxm-80gb, reserved 1 year, acme) until 2027-12-31`."""
    what = step.resource if line is None else _what(line)
    upto = "up to " if step.action is Action.RENT else ""
    words = f"{step.action} {upto}{step.count} ({what})"
    if step.in_service is not None and step.in_service != step.date:
        words += f", in service {step.in_service}"
    return words if step.ends is None else f"{words} until {step.ends}"


def _what(line: MixLine) -> str:
    if line.purchase == Purchase.API:
        return f"API of {line.provider}"
    return f"{line.gpus_per_instance} × {line.gpu}, {purchase_of(line)}, {line.provider}"


def years_words(plan: Plan) -> str:
    """What the first year costs a month, and what is owed past the end, where either is news; cash
    beside what limits it."""
    first, words = plan.first_year_monthly_usd, ""
    if first is not None and abs(first - plan.monthly_usd) > CLOSE * abs(plan.monthly_usd):
        shown = fields.format_value("first_year_monthly_usd", first)
        words += f" In cash the first year takes {shown} a month."
    if plan.owed_usd >= 0.5:
        owed = fields.format_value("owed_usd", plan.owed_usd)
        words += f" {owed} of the cost is owed for months past its end."
    if plan.cash_by_year_local:
        local = (f"{amount:,.0f}" for amount in plan.cash_by_year_local)
        years = " / ".join(local)
        words += f" Cash by year at each day's rate, {plan.report_currency}: {years}."
    return words + "".join(map(_cash_words, plan.cash_years))


def _cash_words(one: CashYear) -> str:
    if one.limit_usd is None:
        return ""
    paid = fields.format_value(fields.field("cash_usd", CashYear), one.cash_usd)
    most = fields.format_value(fields.field("limit_usd", CashYear), one.limit_usd)
    return f" Cash of {one.year}: {paid} of at most {most}."
