"""Which GPU for which work, when the cloud helps, and what other growth and prices do."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import BurstRule, ClassUse, DecisionRule, Plan
from gpumix.domain.scenarios import Scenario
from gpumix.report.tables import Cell, Table, money, table, text, value
from gpumix.report.views.mix import second_currency


def class_table(plan: Plan) -> Table:
    """GPU-hours and dollars of each class of work; idle time is part of the class it is for."""
    second = second_currency(plan)
    hours = sum(c.gpu_hours_per_month for c in plan.by_class)
    share = sum(c.share for c in plan.by_class)
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
            Cell(fields.format_value(fields.field("share", ClassUse), share), tone="total"),
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


def burst_table(plan: Plan) -> Table:
    """When each workload with committed capacity goes to the cloud."""
    units = {workload.id: workload.unit for workload in plan.workloads}
    return table(
        fields.label("burst"),
        BurstRule,
        plan.burst,
        ("workload", lambda b: text(b.workload)),
        (
            "above_units_per_s",
            lambda b: value(
                "above_units_per_s",
                b.above_units_per_s,
                f"{units.get(b.workload, 'unit')}s a second",
            ),
        ),
        ("hours_per_month", lambda b: value("hours_per_month", b.hours_per_month)),
        ("share", lambda b: value("share", b.share, record=BurstRule)),
        ("clouds", lambda b: text(", ".join(b.clouds))),
        ("startup_s", lambda b: value("startup_s", b.startup_s, "not known for this work")),
        ("data_at", lambda b: text(", ".join(b.data_at))),
        (
            "egress_tb_per_month",
            lambda b: value("egress_tb_per_month", b.egress_tb_per_month, record=BurstRule),
        ),
        ("data_usd_per_month", lambda b: value("data_usd_per_month", b.data_usd_per_month)),
    )


def scenario_table(plan: Plan) -> Table:
    """What the plan's commitments cost in each scenario beside the best plan for it."""
    second = second_currency(plan)
    return table(
        fields.label("scenarios"),
        Scenario,
        plan.scenarios.of if plan.scenarios else (),
        ("growth_factor", lambda s: value("growth_factor", s.growth_factor)),
        (
            "price_change_per_year",
            lambda s: value("price_change_per_year", s.price_change_per_year),
        ),
        ("plan_usd", lambda s: money("plan_usd", s.plan_usd, second, "commitments do not do")),
        ("best_usd", lambda s: money("best_usd", s.best_usd, second, "no plan")),
        ("regret_usd", lambda s: money("regret_usd", s.regret_usd, second)),
    )


def scenario_words(plan: Plan) -> str:
    """Where the plan's cost lies over the scenarios; empty where that is not known."""
    found = plan.scenarios
    if found is None or found.p10_usd is None:
        return ""
    low, middle, high = (
        fields.format_value(name, getattr(found, name))
        for name in ("p10_usd", "p50_usd", "p90_usd")
    )
    return (
        f"Over these {len(found.of)} scenarios, all of the same weight, the plan costs {low} at "
        f"P10, {middle} at P50 and {high} at P90; commitments stay, the rest is planned again."
    )
