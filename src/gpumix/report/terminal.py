"""Plans, comparisons and explanations on a terminal: the answer first, plain text in a pipe.

On a narrow page minor columns stand in lines below their row; no column and no digit is lost.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress
from rich.text import Text

from gpumix import fields
from gpumix.domain.comparison import Comparison
from gpumix.domain.explanation import Explanation, Formula, Listed, PlacementExplanation
from gpumix.domain.plan import Plan
from gpumix.domain.proof import PlanSimulation
from gpumix.domain.simulation import Simulation
from gpumix.domain.specification import Specification
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.report import simulation
from gpumix.report.cfo import cfo_tables
from gpumix.report.tables import Cell, Column, Table, remark
from gpumix.report.terminal_table import show_table
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
from gpumix.report.views import proof as proof_view
from gpumix.report.views import specification as specification_view
from gpumix.report.views import timeline as timeline_view
from gpumix.report.views import today as today_view
from gpumix.report.views import training as training_view
from gpumix.report.views.totals import span_words

_BAR_CELLS: Final = 24
_WIDE: Final = 100
"""Columns from which bars have room."""


def show_plan(
    plan: Plan,
    console: Console,
    *,
    inventory: str = "INVENTORY",
    report: str | None = None,
    saved: str | None = None,
) -> None:
    """Print the plan: headline, mix, workloads, promises, regret, evidence, next commands.

    `report` and `saved` are the files of the report and of the plan.
    """
    about = f"  from {plan.start:%Y-%m}, {span_words(plan)}, prices as of {plan.as_of}"
    console.print(Text.assemble((plan.name, "bold"), (about, "dim")))
    console.print()
    console.print(Text(plan_view.headline(plan), style="bold"))
    console.print(Text(plan_view.sureness(plan)))
    _warnings(plan.warnings, console)
    show_table(mix_view.mix_table(plan), console, minor=("utilisation", "serves"))
    _money(plan, console)
    _today(plan, console)
    _decision(plan, console)
    _grounds(plan, console)
    show_table(assumption_view.owned_table(plan), console, minor=("source",))
    console.print()
    idle = fields.format_value("idle_usd_per_month", plan.idle_usd_per_month)
    used = fields.format_value("utilisation", plan.utilisation)
    rate = f"; {mix_view.exchange_rate(plan)}" if _has_second(plan) else ""
    _small(
        f"GPUs are busy {used} of paid hours; idle time costs {idle} a month. "
        f"{assumption_view.evidence_counts(plan).capitalize()}{rate}.",
        console,
    )
    dearest = plan_view.dearest(plan)
    steps = [f"open {report}"] if report else []
    steps += [f"gpumix compare {inventory} {dearest.id}"] if dearest else []
    steps += [f"gpumix explain {saved} {dearest.id}"] if dearest and saved else []
    _next(steps, console)


def show_comparison(comparison: Comparison, console: Console, *, whole: bool = True) -> None:
    """Print one workload on every GPU: question, winners, table, those that cannot; or, not
    `whole`, the answer of one screen."""
    console.print(Text(comparison.model, style="bold"))
    _small(comparison_view.question(comparison), console)
    if comparison.defaults:
        _small(f"{fields.label('defaults')}: {'; '.join(comparison.defaults)}", console)
    console.print()
    console.print(Text(comparison_view.headline(comparison), style="bold"))
    _warnings(comparison.warnings, console)
    if comparison.sweep:
        show_table(comparison_view.sweep_table(comparison), console, minor=("basis",))
    if not whole:
        if not comparison.sweep:
            minor = ("status", "reason", "basis", "precision")
            show_table(comparison_view.first_table(comparison), console, minor=minor)
        else:
            show_table(comparison_view.unfit_table(comparison), console)
        console.print()
        _small(comparison_view.rest_words(comparison), console)
        return
    show_table(comparison_view.load_table(comparison), console)
    show_table(
        comparison_view.cost_table(comparison),
        console,
        minor=("providers", "oldest", "beats_cheapest_from"),
        ranged=("price",),
    )
    show_table(
        comparison_view.speed_table(comparison),
        console,
        minor=(
            "note",
            "precision",
            "output_tokens_per_s_per_user",
            "cache_tokens",
            "basis",
            "limit",
            "longest_request_tokens",
        ),
    )
    _nearest(comparison_view.nearest(comparison), console)
    show_table(comparison_view.winners_table(comparison), console)
    show_table(comparison_view.levers_table(comparison), console, minor=("note",))
    show_table(api_view.compared_table(comparison), console, minor=("name", "reason"))
    show_table(comparison_view.unfit_table(comparison), console)
    best = comparison.winners[0].gpu if comparison.winners else ""
    _next([f"gpumix prices list --gpu {best}" if best else "gpumix explain fits"], console)


def show_simulation(found: Simulation, console: Console, page: str | None = None) -> None:
    """Print a simulation: the outcome in a sentence, latencies, load, next command."""
    console.print(Text.assemble((found.model, "bold"), (f"  {found.traffic}", "dim")))
    if found.defaults:
        _small(f"{fields.label('defaults')}: {'; '.join(found.defaults)}", console)
    console.print()
    console.print(Text(simulation.headline(found), style="bold"))
    _warnings(found.warnings, console)
    show_table(simulation.latency_table(found), console)
    show_table(simulation.load_table(found), console)
    _small(
        f"{found.requests.offered:,} requests over {found.simulated_s:,.0f} s, "
        f"simulated in {found.wall_s:.2f} s",
        console,
    )
    steps = [f"open {page}"] if page else []
    _next([*steps, f"gpumix compare {found.model} --gpus {found.gpu}"], console)


def show_plan_simulation(found: PlanSimulation, console: Console, plan: str) -> None:
    """Print a plan's replicas run again: the outcome in a sentence, promises, hours, next command;
    `plan` is the file as it was named."""
    console.print(
        Text.assemble((found.plan, "bold"), (f"  {found.workload}: {found.model}", "dim"))
    )
    console.print()
    console.print(Text(proof_view.headline(found), style="bold"))
    _warnings(found.warnings, console)
    show_table(proof_view.promise_table(found), console)
    show_table(proof_view.hour_table(found), console)
    again = f"gpumix simulate --plan {plan} --workload {found.workload}"
    _next([f"{again} --seed {(found.seed or 0) + 1} --requests 50000"], console)


def show_training(comparison: TrainingComparison, console: Console) -> None:
    """Print one training run on every GPU and count: who wins at which value of time, and why."""
    console.print(Text(comparison.model, style="bold"))
    _small(training_view.question(comparison), console)
    if comparison.defaults:
        _small(f"{fields.label('defaults')}: {'; '.join(comparison.defaults)}", console)
    console.print()
    console.print(Text(training_view.headline(comparison), style="bold"))
    _warnings(comparison.warnings, console)
    show_table(training_view.pareto_table(comparison.pareto), console, minor=("purchase",))
    for paid in training_view.cost_tables(comparison):
        show_table(
            paid,
            console,
            minor=("usd_storage_egress", "spot_ceiling", "goodput", "finish_expected_s"),
        )
    show_table(
        training_view.speed_table(comparison),
        console,
        minor=("layout", "basis", "mem_gib", "bubble_share", "runs_per_week", "precision"),
    )
    show_table(training_view.memory_table(comparison), console, minor=("overhead_gib",))
    _nearest(training_view.nearest(comparison), console)
    show_table(training_view.ratio_table(comparison), console, minor=("over",))
    if comparison.why:
        console.print()
    for sentence in comparison.why:
        _small(sentence, console)
    show_table(training_view.unfit_table(comparison), console, minor=("reason",))
    best = comparison.pareto[0].gpu if comparison.pareto else ""
    _next([f"gpumix prices list --gpu {best}" if best else "gpumix explain goodput"], console)


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Print a quantity's meaning, formula and source."""
    unit = f"  [{explanation.unit}]" if explanation.unit else ""
    shown = f", shown in {explanation.shown_in}" if explanation.shown_in != explanation.unit else ""
    console.print(Text.assemble((explanation.name, "bold"), (f"{unit}{shown}", "dim")))
    if explanation.label != explanation.name:
        console.print(Text(explanation.label, style="cyan"))
    console.print(Text(explanation.definition))
    if explanation.example:
        _small(f"Example: {explanation.example}", console)
    formula = explanation.formula
    if formula:
        console.print()
        console.print(Text(formula.path, style="bold"))
        console.print(Text(formula.signature))
        if formula.summary != explanation.definition:
            console.print(Text(formula.summary))
        _formula(formula, console)
    if explanation.related:
        console.print()
        _small(f"See also: {', '.join(explanation.related)}", console)
    following = f"gpumix explain {explanation.related[0]}" if explanation.related else ""
    _next([step for step in (following, "gpumix explain --list") if step], console)


def show_specification(found: Specification, console: Console) -> None:
    """Print GPUs, models, providers or countries side by side, then their sources."""
    for note in found.notes:
        _small(note, console)
    show_table(specification_view.table(found), console)
    if found.kind == "GPU":
        _small("Peaks are dense: sparsity is not counted.", console)
    console.print()
    for line in specification_view.sources(found):
        _small(f"Source of {line}", console)
    gpus = f"gpumix prices compare {' '.join(found.names[:2])}"
    is_pair = found.kind == "GPU" and len(found.names) > 1
    _next([gpus if is_pair else "gpumix explain --list"], console)


def show_listed(names: Sequence[Listed], console: Console) -> None:
    """Every name that can be explained, one to a line: quantities first, then formulas."""
    titles = {
        "quantity": "Quantities", "formula": "Formulas", "GPU": "GPUs", "model": "Models",
        "provider": "Providers", "country": "Countries", "constant": "Constants of the fit",
    }  # fmt: skip
    for kind, title in titles.items():
        console.print(Text(title, style="bold"))
        for one in names:
            if one.kind == kind:
                line = Text.assemble(f"  {one.name}  ", (one.summary, "dim"))
                console.print(line, soft_wrap=True)
        console.print()
    _next([f"gpumix explain {names[0].name}"] if names else [], console)


def show_plan_explanation(found: Sequence[PlacementExplanation], console: Console) -> None:
    """Print why each placement is as fast as it is and what was measured nearest, then formulas."""
    for one in found:
        speed, near = one.placement.speed, one.placement.nearest
        console.print(Text(evidence_view.placement_words(one), style="bold"))
        console.print(Text(evidence_view.speed_words(one)))
        if speed is not None:
            show_table(
                evidence_view.speed_table(one.placement.gpu, speed), console, minor=("formula",)
            )
        console.print()
        console.print(Text(fields.label("nearest"), style="bold"))
        for line in evidence_view.nearest_words(near) if near else ("none of the same kind",):
            console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
        console.print()
    formulas = {one.formula.path: one.formula for one in found if one.formula is not None}
    for formula in formulas.values():
        console.print(Text.assemble((formula.path, "bold"), f": {formula.summary}"))
        _formula(formula, console)
        console.print()
    parts = [part for one in found if one.placement.speed for part in one.placement.speed.parts]
    largest = max(parts, key=lambda part: part.share, default=None)
    path = largest.formula.removeprefix("gpumix.") if largest else "units_per_hour"
    _next([f"gpumix explain {path}"], console)


def show_tables(
    tables: Iterable[Table], console: Console, following: str = "", minor: Sequence[str] = ()
) -> None:
    """Print tables one below the other, then the next sensible command.

    `minor` columns are the first to stand below their row where the page is narrow.
    """
    for one in tables:
        show_table(one, console, minor=minor)
    _next([following] if following else [], console)


def show_prices(
    sentences: Iterable[str],
    remarks: Iterable[str],
    tables: Iterable[Table],
    console: Console,
    *,
    following: Sequence[str],
    minor: Sequence[str],
) -> None:
    """Print what prices show: the answer in sentences, how names were read, then the tables."""
    for words in sentences:
        console.print(Text(words, style="bold"))
    for words in remarks:
        _small(words, console)
    for one in tables:
        show_table(one, console, minor=minor)
    _next(following, console)


def _formula(formula: Formula, console: Console) -> None:
    """The body of a formula's documentation and its source."""
    if formula.text:
        console.print(Padding(Text(formula.text), (1, 0, 0, 2)))
    if formula.source:
        console.print()
        console.print(Text.assemble(("Source: ", "bold"), formula.source))


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """A spinner with the current step on stderr; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    with Console(stderr=True).status("starting") as status:
        yield lambda step: status.update(step)


@contextmanager
def bar(what: str = "simulating") -> Iterator[Callable[[float], None]]:
    """A bar of the share done on stderr; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _nearest(found: Sequence[evidence_view.Near], console: Console) -> None:
    show_table(evidence_view.close_table(found), console, minor=evidence_view.MINOR)
    words = evidence_view.far_words(found)
    if words:
        _small(words, console)


def _money(plan: Plan, console: Console) -> None:
    """What a finance director asks first: the answer in three lines, cash, what stands against."""
    console.print()
    console.print(Text("The money", style="bold"))
    for words in cfo_view.answer_lines(plan):
        console.print(Padding(Text(words), (0, 0, 0, 2), expand=False))
    for one in cfo_tables(plan):
        show_table(one, console, minor=("npv", "discounted_payback_months", "breaks"))
    _small(f"{cfo_view.trust_words(plan)} {cfo_view.expiry_words(plan)}", console)


def _today(plan: Plan, console: Console) -> None:
    """What runs today beside the plan, in sentences."""
    if words := today_view.today_words(plan):
        console.print()
        console.print(Text(fields.label("today"), style="bold"))
    for one in words:
        console.print(Padding(Text(one), (0, 0, 0, 2), expand=False))


def _decision(plan: Plan, console: Console) -> None:
    """What is signed, when, against what, and what would change it."""
    show_table(plan_view.slo_table(plan), console, minor=("basis",), ranged=("predicted",))
    for words in availability_view.availability_words(plan):
        _small(words, console)
    show_table(confidence_view.confidence_table(plan), console)
    show_table(timeline_view.timeline_table(plan), console, minor=("cash_usd",))
    _regret(plan, console)
    show_table(decision_view.scenario_table(plan), console)
    if words := decision_view.scenario_words(plan):
        _small(words, console)
    show_table(decision_view.rules_table(plan), console)
    show_table(plan_view.break_even_table(plan), console)
    show_table(mix_view.targets_table(plan), console)
    show_table(mix_view.curve_table(plan), console)


def _grounds(plan: Plan, console: Console) -> None:
    """Work by work: where it runs, what it costs, how it was proven, what else could do it."""
    show_table(
        plan_view.workloads_table(plan),
        console,
        minor=("usd_per_mtok_input", "usd_per_mtok_output", "kind"),
    )
    show_table(decision_view.class_table(plan), console)
    show_table(
        job_view.jobs_table(plan), console, minor=("calendar_usd_per_day", "finish_expected_s")
    )
    show_table(plan_view.replay_table(plan), console, minor=("shed", "within", "limit_s"))
    for words in (*plan_view.traffic_words(plan), *demand_view.demand_words(plan)):
        _small(words, console)
    show_table(
        decision_view.burst_table(plan),
        console,
        minor=("data_usd_per_month", "egress_tb_per_month", "data_at", "clouds"),
    )
    show_table(mix_view.cuts_table(plan), console)
    show_table(api_view.api_table(plan), console, minor=("name", "batch", "usd_per_mtok_total"))
    if words := api_view.api_words(plan):
        _small(words, console)
    show_table(api_view.flips_table(plan), console, minor=("against", "usd_per_month", "replicas"))
    show_table(plan_view.best_levers_table(plan), console, minor=("note",))


def _regret(plan: Plan, console: Console) -> None:
    most = other_view.MOST_ON_A_TERMINAL
    drawn = other_view.regret_table(plan, most)
    if not drawn.rows:
        return
    deltas = {a.name: a.delta_share or 0.0 for a in plan.regret}
    names = [row[0].text for row in drawn.rows]
    highest = max((deltas[name] for name in names if deltas[name] > 0), default=0.0)
    rows = []
    for name, share, usd, _, _, breaks, reason in drawn.rows:
        cells = math.ceil(_BAR_CELLS * max(0.0, deltas[name.text]) / highest) if highest else 0
        words = f"not possible: {reason.text}" if reason.text else breaks.text
        bars = "█" * cells if console.width >= _WIDE else ""
        outcome = remark(words) if words else Cell(bars)
        rows.append((name, share, Cell(usd.text), outcome))
    columns = (*drawn.columns[:3], Column("reason", "", False, ""))
    show_table(Table(drawn.title, columns, tuple(rows)), console)
    if words := other_view.left_out_words(plan, most):
        _small(words, console)


def _warnings(warnings: Iterable[str], console: Console) -> None:
    for warning in warnings:
        console.print(Text(f"! {warning}", style="yellow"))


def _small(words: str, console: Console) -> None:
    console.print(Text(words, style="dim"))


def _next(steps: Sequence[str], console: Console) -> None:
    console.print()
    for i, step in enumerate(steps):
        console.print(Text.assemble(("      " if i else "Next: ", "bold"), step), soft_wrap=True)


def _has_second(plan: Plan) -> bool:
    return plan.report_currency != fields.USD.code
