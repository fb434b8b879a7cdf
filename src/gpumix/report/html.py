"""A plan as one self-contained HTML file: no request to any host, charts drawn in the page.

Each chart is present as SVG, so the file reads without scripts; where scripts run, the same
specification replaces it with an interactive one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from gpumix import fields
from gpumix.cache import cache_folder
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.errors import InputError
from gpumix.publish import atomic
from gpumix.report.cfo import Chart, cfo_page, chart
from gpumix.report.pages import environment
from gpumix.report.tables import Table
from gpumix.report.views import alternatives as other_view
from gpumix.report.views import api as api_view
from gpumix.report.views import assumptions as assumption_view
from gpumix.report.views import availability as availability_view
from gpumix.report.views import charts
from gpumix.report.views import confidence as confidence_view
from gpumix.report.views import decisions as decision_view
from gpumix.report.views import demand as demand_view
from gpumix.report.views import evidence as evidence_view
from gpumix.report.views import jobs as job_view
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view
from gpumix.report.views import tco as tco_view
from gpumix.report.views import timeline as timeline_view
from gpumix.report.views import today as today_view

VEGA_LITE: Final = "6.4"


@dataclass(frozen=True, slots=True)
class WorkloadSection:
    """What the page says of one workload."""

    workload: WorkloadPlan
    unit_costs: tuple[tuple[str, str, str], ...]
    charts: tuple[Chart, ...]
    placements: Table
    steps: Table
    nearest: Table
    levers: Table
    candidates: Table
    tradeoff: Table
    ways: Table
    reasons: tuple[str, ...]


def plan_head(plan: Plan) -> str:
    """Head of a plan's report, an HTML fragment: the answer, how sure it is, its main figures."""
    return environment().get_template("head.html.j2").render(**_head(plan))


def plan_html(plan: Plan) -> str:
    """The report of a plan, a whole HTML document."""
    parts = plan_parts(plan)
    javascript = Markup(_javascript())
    template = environment().get_template("report.html.j2")
    return template.render(**parts, javascript=javascript, label=fields.label)


def plan_parts(plan: Plan) -> dict[str, Any]:
    """What the templates head.html.j2 and plan_body.html.j2 show of a plan, by their names for it;
    `specs` are its charts' specifications by id."""
    page_charts = {
        "mix": chart("mix", "GPUs by kind", charts.mix_by_gpu(plan)),
        "week": chart("week", fields.label("hourly_gpus"), charts.gpus_over_week(plan)),
        "cost": chart("cost", fields.field("usd_by_year").axis, charts.cost_stack(plan)),
        "regret": chart("regret", fields.label("horizon_usd"), charts.regret_bars(plan), 1040),
    }
    if plan_view.promises(plan):
        page_charts["slo"] = chart(
            "slo", fields.label("slo_share"), charts.slo_intervals(plan), width=900
        )
    sections = [_section(i, w) for i, w in enumerate(plan.workloads)]
    cfo = cfo_page(plan)
    drawn = [*cfo.charts, *page_charts.values(), *(c for s in sections for c in s.charts)]
    tables = {
        "mix": mix_view.mix_table(plan),
        "moves": today_view.moves_table(plan),
        "workloads": plan_view.workloads_table(plan).without_absent(),
        "by_class": decision_view.class_table(plan),
        "rules": decision_view.rules_table(plan),
        "burst": decision_view.burst_table(plan),
        "scenarios": decision_view.scenario_table(plan),
        "jobs": job_view.jobs_table(plan),
        "slo": plan_view.slo_table(plan),
        "replay": plan_view.replay_table(plan),
        "confidence": confidence_view.confidence_table(plan),
        "regret": other_view.regret_table(plan).without_absent(),
        "api": api_view.api_table(plan),
        "api_flips": api_view.flips_table(plan),
        "costs": plan_view.cost_table(plan),
        "break_evens": plan_view.break_even_table(plan),
        "targets": mix_view.targets_table(plan),
        "cuts": mix_view.cuts_table(plan),
        "curve": mix_view.curve_table(plan),
        "timeline": timeline_view.timeline_table(plan),
        "assumptions": assumption_view.assumptions_table(plan),
        "sources": mix_view.mix_sources_table(plan),
    }
    inner = [
        t
        for s in sections
        for t in (
            s.placements,
            s.steps,
            s.nearest,
            s.levers,
            s.candidates,
            s.tradeoff,
            s.ways,
        )
    ]
    return {
        **_head(plan),
        "tables": tables,
        "cfo": cfo,
        "charts": page_charts,
        "sections": sections,
        "trees": tco_view.ledger_tables(plan),
        "evidence": assumption_view.evidence_counts(plan),
        "replayed": plan_view.replay_words(plan),
        "drawn": plan_view.traffic_words(plan),
        "available": availability_view.availability_words(plan),
        "demand": demand_view.demand_words(plan),
        "today": today_view.today_words(plan),
        "by_api": api_view.api_words(plan),
        "over_scenarios": decision_view.scenario_words(plan),
        "glossary": _glossary([*cfo.tables, *tables.values(), *inner]),
        "specs": {chart.id: chart.spec for chart in drawn},
    }


def _head(plan: Plan) -> dict[str, Any]:
    return {
        "plan": plan,
        "headline": plan_view.headline(plan),
        "sureness": plan_view.sureness(plan),
        "tiles": plan_view.tiles(plan),
    }


def _section(index: int, workload: WorkloadPlan) -> WorkloadSection:
    unit = fields.label(plan_view.unit_cost_field(workload))
    week = charts.demand_against_capacity(workload)
    drawn = [chart(f"demand-{index}", fields.label("demand_per_hour"), week)]
    costs = charts.unit_cost_by_gpu(workload)
    if costs:
        drawn.append(chart(f"unit-cost-{index}", f"{unit} by GPU, full replicas", costs))
    names = ("usd_per_mtok_input", "usd_per_mtok_output", *plan_view.UNIT_COSTS)
    unit_costs = tuple(
        (own.label, fields.format_value(own, getattr(workload, name)), own.definition)
        for name in names
        if (own := fields.field(name)) and getattr(workload, name) is not None
    )
    return WorkloadSection(
        workload,
        unit_costs,
        tuple(drawn),
        plan_view.placements_table(workload),
        evidence_view.steps_table(workload),
        evidence_view.workload_nearest(workload),
        plan_view.levers_table(workload),
        plan_view.candidates_table(workload),
        job_view.tradeoff_table(workload),
        job_view.ways_table(workload),
        job_view.reasons(workload),
    )


def _glossary(tables: Iterable[Table]) -> list[fields.Field]:
    columns = {column.definition: column.name for table in tables for column in table.columns}
    known = {own.definition: own for own in fields.registry().values()}
    found = [known[definition] for definition in columns if definition in known]
    return sorted(found, key=lambda own: own.label.lower())


@functools.cache
def _javascript() -> str:
    """The charts' JavaScript; bundling takes a second, so it is kept in the cache folder."""
    import vl_convert

    release = importlib.metadata.version("vl-convert-python")
    folder = cache_folder("scripts")
    kept = None if folder is None else folder / f"vega-{release}-{VEGA_LITE}.js"
    if kept is not None:
        with contextlib.suppress(OSError, UnicodeError):
            return kept.read_text(encoding="utf-8")
    bundle = vl_convert.javascript_bundle(None, VEGA_LITE)  # type: ignore[arg-type]
    bundle = bundle.replace("</script", "<\\/script")
    if kept is not None:
        with contextlib.suppress(InputError), atomic(kept) as beside:
            beside.write_text(bundle, encoding="utf-8")
    return bundle
