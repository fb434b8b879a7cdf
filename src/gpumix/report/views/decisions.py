"""Which GPU for which work, and what each class of work takes."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import ClassUse, DecisionRule, Plan
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.mix import second_currency


def class_table(plan: Plan) -> Table:
    """GPU-hours and dollars of each class of work; idle time is part of the class it is for."""
    second = second_currency(plan)
    hours = sum(c.gpu_hours_per_month for c in plan.by_class)
    return table(
        fields.label("by_class"),
        ClassUse,
        plan.by_class,
        ("work", lambda c: text(c.work)),
        ("gpu_hours_per_month", lambda c: value("gpu_hours_per_month", c.gpu_hours_per_month)),
        ("usd_per_month", lambda c: money("usd_per_month", c.usd_per_month, second)),
        ("share", lambda c: value("share", c.share, record=ClassUse)),
        total=(
            Cell("Total", tone="total"),
            Cell(fields.format_value("gpu_hours_per_month", hours), tone="total"),
            money("monthly_usd", plan.monthly_usd, second),
            Cell(fields.format_value(fields.field("share", ClassUse), 1.0), tone="total"),
        ),
    )


def rules_table(plan: Plan) -> Table:
    """Which GPU carries each workload and when another would, a sentence each."""
    return table(
        fields.label("rules"),
        DecisionRule,
        plan.rules,
        ("sentence", lambda r: text(r.sentence)),
    )
