"""A plan or a comparison as Markdown, for a pull request or a wiki."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.comparison import Comparison
from gpumix.domain.plan import Plan
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.report.cfo import cfo_tables
from gpumix.report.tables import Cell, Table
from gpumix.report.views import alternatives as other_view
from gpumix.report.views import api as api_view
from gpumix.report.views import assumptions as assumption_view
from gpumix.report.views import availability as availability_view
from gpumix.report.views import cfo as cfo_view
from gpumix.report.views import comparison as comparison_view
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
from gpumix.report.views import training as training_view


def plan_markdown(plan: Plan) -> str:
    """The whole plan: answer, mix, workloads, promises, regret, audit."""
    parts = [
        f"# {escaped(plan.name)}",
        f"**{escaped(plan_view.headline(plan))}** {escaped(plan_view.sureness(plan))}",
        *_warnings(plan.warnings),
        *(drawn(t) for t in (mix_view.mix_table(plan),) if t.rows),
        "## The money",
        *(escaped(words) for words in cfo_view.answer_lines(plan)),
        *(drawn(t, level=3) for t in cfo_tables(plan)),
        *(drawn(t, level=3) for t in tco_view.ledger_tables(plan)),
        escaped(f"{cfo_view.trust_words(plan)} {cfo_view.expiry_words(plan)}"),
        *_today(plan),
        *(
            drawn(t)
            for t in (
                timeline_view.timeline_table(plan),
                plan_view.workloads_table(plan),
                decision_view.class_table(plan),
                job_view.jobs_table(plan),
                plan_view.slo_table(plan),
                plan_view.replay_table(plan),
            )
            if t.rows
        ),
        *(escaped(words) for words in plan_view.traffic_words(plan)),
        *(escaped(words) for words in availability_view.availability_words(plan)),
        *(escaped(words) for words in demand_view.demand_words(plan)),
        *(
            drawn(t)
            for t in (
                confidence_view.confidence_table(plan),
                other_view.regret_table(plan).without_absent(),
                api_view.api_table(plan),
                api_view.flips_table(plan),
                plan_view.cost_table(plan),
                decision_view.rules_table(plan),
                plan_view.break_even_table(plan),
                decision_view.burst_table(plan),
                decision_view.scenario_table(plan),
                mix_view.cuts_table(plan),
                mix_view.curve_table(plan),
                mix_view.targets_table(plan),
            )
            if t.rows
        ),
    ]
    parts.append(escaped(decision_view.scenario_words(plan)))
    parts.append(escaped(api_view.api_words(plan)))
    for workload in plan.workloads:
        parts.append(f"## {escaped(workload.id)}")
        parts.append(escaped(workload.why))
        tables = (
            plan_view.placements_table(workload),
            evidence_view.steps_table(workload),
            evidence_view.workload_nearest(workload),
            plan_view.levers_table(workload),
            plan_view.candidates_table(workload),
            job_view.tradeoff_table(workload),
            job_view.ways_table(workload),
        )
        parts += [drawn(t, level=3) for t in tables if t.rows]
        parts += [escaped(sentence) for sentence in job_view.reasons(workload)]
    parts.append(drawn(assumption_view.assumptions_table(plan)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _today(plan: Plan) -> list[str]:
    """What runs today beside the plan."""
    words = today_view.today_words(plan)
    if not words:
        return []
    moves = today_view.moves_table(plan)
    title = f"## {escaped(fields.label('today'))}"
    return [title, *map(escaped, words), *([drawn(moves, level=3)] if moves.rows else [])]


def answer_markdown(comparison: Comparison | TrainingComparison) -> str:
    """A comparison of served work or of a training run."""
    if isinstance(comparison, TrainingComparison):
        return training_markdown(comparison)
    return comparison_markdown(comparison)


def comparison_markdown(comparison: Comparison) -> str:
    """One workload on every GPU."""
    tables = (
        comparison_view.sweep_table(comparison),
        comparison_view.load_table(comparison),
        comparison_view.winners_table(comparison),
        comparison_view.levers_table(comparison),
        api_view.compared_table(comparison),
        comparison_view.cost_table(comparison),
        comparison_view.speed_table(comparison),
        evidence_view.close_table(comparison_view.nearest(comparison)),
        comparison_view.unfit_table(comparison),
    )
    parts = [
        f"# {escaped(comparison.model)}",
        escaped(comparison_view.question(comparison)),
        f"**{escaped(comparison_view.headline(comparison))}**",
        *_warnings(comparison.warnings),
        *(drawn(t) for t in tables if t.rows),
        escaped(evidence_view.far_words(comparison_view.nearest(comparison))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def training_markdown(comparison: TrainingComparison) -> str:
    """One training run on every GPU and count."""
    tables = (
        training_view.pareto_table(comparison.pareto),
        *training_view.cost_tables(comparison),
        training_view.speed_table(comparison),
        training_view.memory_table(comparison),
        evidence_view.close_table(training_view.nearest(comparison)),
        training_view.ratio_table(comparison),
        training_view.unfit_table(comparison),
    )
    parts = [
        f"# {escaped(comparison.model)}",
        escaped(training_view.question(comparison)),
        f"**{escaped(training_view.headline(comparison))}**",
        *_warnings(comparison.warnings),
        *(f"- {escaped(way)}" for way in comparison.ways_out),
        *(escaped(sentence) for sentence in comparison.why),
        *(drawn(t) for t in tables if t.rows),
        escaped(evidence_view.far_words(training_view.nearest(comparison))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def drawn(table: Table, level: int = 2) -> str:
    """A table under its title; numbers to the right, small print in brackets."""
    head = "| " + " | ".join(escaped(c.label) for c in table.columns) + " |"
    rule = "|" + "|".join("---:" if c.numeric else "---" for c in table.columns) + "|"
    rows = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join([f"{'#' * level} {escaped(table.title)}", "", head, rule, *rows])


def escaped(words: str) -> str:
    """Text that Markdown shows as it is, markup of users included."""
    one_line = " ".join(words.split())
    for sign in "\\`*_[]<>|#":
        one_line = one_line.replace(sign, f"\\{sign}")
    return one_line


def _cell(cell: Cell) -> str:
    words = escaped(f"{cell.text} ({cell.note})" if cell.note else cell.text)
    return f"**{words}**" if cell.tone == "total" and words else words


def _warnings(warnings: tuple[str, ...]) -> list[str]:
    return ["\n".join(f"> {escaped(w)}" for w in warnings)] if warnings else []
