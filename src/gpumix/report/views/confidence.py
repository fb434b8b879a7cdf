"""What it costs to be more or less sure of a plan's promises."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.confidence import ConfidenceCost
from gpumix.domain.plan import Plan
from gpumix.report.tables import Cell, Table, money, remark, table, value
from gpumix.report.views.mix import second_currency


def confidence_table(plan: Plan) -> Table:
    """Dollars a month at a few confidences, beside those of the plan itself."""
    second = second_currency(plan)
    return table(
        fields.label("confidence_costs"),
        ConfidenceCost,
        plan.confidence_costs,
        ("confidence", lambda c: value("confidence", c.confidence)),
        ("usd_per_month", lambda c: money("usd_per_month", c.usd_per_month, second)),
        ("reason", lambda c: remark(c.reason)),
        total=(
            Cell("This plan", tone="total"),
            money("usd_per_month", plan.monthly_usd, second),
            remark(""),
        ),
    ).without_absent()
