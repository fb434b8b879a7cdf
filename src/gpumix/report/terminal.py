"""Plans, comparisons and explanations on a terminal: the answer first, plain text in a pipe.

On a narrow page minor columns stand in lines below their row; no column and no digit is lost.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Literal

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress
from rich.table import Table as RichTable
from rich.text import Text

from gpumix import fields
from gpumix.domain.comparison import Comparison
from gpumix.domain.explanation import Explanation, Formula, Listed, PlacementExplanation
from gpumix.domain.plan import Plan
from gpumix.domain.simulation import Simulation
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.report import simulation
from gpumix.report.tables import Cell, Column, Table, remark
from gpumix.report.views import comparison as comparison_view
from gpumix.report.views import evidence as evidence_view
from gpumix.report.views import jobs as job_view
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view
from gpumix.report.views import training as training_view

_STYLES: Final = {
    "good": "green",
    "bad": "bold red",
    "muted": "dim",
    "total": "bold",
    "measured": "green",
    "calibrated": "cyan",
    "modelled": "yellow",
    "assumed": "magenta",
}
_BAR_CELLS: Final = 24
_GAP: Final = 2
_INDENT: Final = 4
_PROSE_WORD: Final = 20
_PROSE_LINE: Final = 16
_PROSE: Final = frozenset(
    {
        "serves",
        "reason",
        "what",
        "quantity",
        "note",
        "provider",
        "placements",
        "source",
        "defaults",
        "fix",
        "layout",
        "deployment",
        "load",
        "differs",
        "formula",
        "as_of",
        "cheapest_in_cash",
        "best_with_time",
        "marks",
    }
)


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
    years = "year" if plan.years == 1 else "years"
    about = f"  from {plan.start:%Y-%m}, {plan.years} {years}, prices as of {plan.as_of}"
    console.print(Text.assemble((plan.name, "bold"), (about, "dim")))
    console.print()
    console.print(Text(plan_view.headline(plan), style="bold"))
    console.print(Text(plan_view.sureness(plan)))
    _warnings(plan.warnings, console)
    _table(mix_view.mix_table(plan), console, minor=("utilisation", "serves"))
    _table(
        plan_view.workloads_table(plan),
        console,
        minor=("usd_per_mtok_input", "usd_per_mtok_output", "kind"),
    )
    _table(job_view.jobs_table(plan), console, minor=("calendar_usd_per_day", "finish_expected_s"))
    _table(plan_view.slo_table(plan), console, minor=("basis",), ranged=("predicted",))
    _table(plan_view.replay_table(plan), console, minor=("shed", "within", "limit_s"))
    for words in plan_view.traffic_words(plan):
        _small(words, console)
    _regret(plan, console)
    _table(plan_view.best_levers_table(plan), console, minor=("note",))
    _table(plan_view.break_even_table(plan), console)
    _table(mix_view.targets_table(plan), console)
    console.print()
    idle = fields.format_value("idle_usd_per_month", plan.idle_usd_per_month)
    used = fields.format_value("utilisation", plan.utilisation)
    rate = f"; 1 USD = {plan.fx_per_usd:g} {plan.report_currency}" if _has_second(plan) else ""
    _small(
        f"GPUs are busy {used} of paid hours; idle time costs {idle} a month. "
        f"{plan_view.evidence_counts(plan).capitalize()}{rate}.",
        console,
    )
    dearest = plan_view.dearest(plan)
    steps = [f"open {report}"] if report else []
    steps += [f"gpumix compare {inventory} {dearest.id}"] if dearest else []
    steps += [f"gpumix explain {saved} {dearest.id}"] if dearest and saved else []
    _next(steps, console)


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print one workload on every GPU: question, winners, table, those that cannot."""
    console.print(Text(comparison.model, style="bold"))
    _small(comparison_view.question(comparison), console)
    if comparison.defaults:
        _small(f"{fields.label('defaults')}: {'; '.join(comparison.defaults)}", console)
    console.print()
    console.print(Text(comparison_view.headline(comparison), style="bold"))
    _warnings(comparison.warnings, console)
    _table(
        comparison_view.cost_table(comparison),
        console,
        minor=("providers", "oldest", "beats_cheapest_from"),
        ranged=("price",),
    )
    _table(
        comparison_view.speed_table(comparison),
        console,
        minor=("note", "precision", "output_tokens_per_s_per_user", "basis", "limit"),
    )
    _nearest(comparison_view.nearest(comparison), console)
    _table(comparison_view.winners_table(comparison), console)
    _table(comparison_view.levers_table(comparison), console, minor=("note",))
    _table(comparison_view.unfit_table(comparison), console)
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
    _table(simulation.latency_table(found), console)
    _table(simulation.load_table(found), console)
    _small(
        f"{found.requests.offered:,} requests over {found.simulated_s:,.0f} s, "
        f"simulated in {found.wall_s:.2f} s",
        console,
    )
    steps = [f"open {page}"] if page else []
    _next([*steps, f"gpumix compare {found.model} --gpus {found.gpu}"], console)


def show_training(comparison: TrainingComparison, console: Console) -> None:
    """Print one training run on every GPU and count: who wins at which value of time, and why."""
    console.print(Text(comparison.model, style="bold"))
    _small(training_view.question(comparison), console)
    if comparison.defaults:
        _small(f"{fields.label('defaults')}: {'; '.join(comparison.defaults)}", console)
    console.print()
    console.print(Text(training_view.headline(comparison), style="bold"))
    _warnings(comparison.warnings, console)
    _table(training_view.pareto_table(comparison.pareto), console, minor=("purchase",))
    for purchase in (training_view.ON_DEMAND, training_view.SPOT):
        _table(
            training_view.cost_table(comparison, purchase),
            console,
            minor=("usd_storage_egress", "spot_ceiling", "goodput", "finish_expected_s"),
        )
    _table(
        training_view.speed_table(comparison),
        console,
        minor=("layout", "basis", "mem_gib", "bubble_share", "runs_per_week", "precision"),
    )
    _nearest(training_view.nearest(comparison), console)
    _table(training_view.ratio_table(comparison), console, minor=("over",))
    if comparison.why:
        console.print()
    for sentence in comparison.why:
        _small(sentence, console)
    _table(training_view.unfit_table(comparison), console, minor=("reason",))
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


def show_listed(names: Sequence[Listed], console: Console) -> None:
    """Every name that can be explained, one to a line: quantities first, then formulas."""
    for kind, title in (("quantity", "Quantities"), ("formula", "Formulas")):
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
            _table(evidence_view.speed_table(one.placement.gpu, speed), console, minor=("formula",))
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
        _table(one, console, minor=minor)
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
        _table(one, console, minor=minor)
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
def bar() -> Iterator[Callable[[float], None]]:
    """A bar of the share done on stderr; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("simulating", total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _table(
    table: Table, console: Console, *, minor: Sequence[str] = (), ranged: Sequence[str] = ()
) -> None:
    if not table.rows:
        return
    fitted, moved = _fitted(table, console.width, minor, ranged)
    widths = _widths(fitted, console.width)
    console.print()
    if not moved.columns:
        console.print(_drawn(fitted, widths, range(len(fitted.rows))))
        return
    console.print(_drawn(fitted, widths, ()))
    alike = _alike(moved)
    for i, row in enumerate(moved.rows):
        console.print(_drawn(fitted, widths, [i], show_header=False))
        _below(moved, row, [c for c in range(len(row)) if c not in alike], console)
    _below(moved, moved.rows[0], alike, console, lead="Every row: ")


def _drawn(
    table: Table, widths: Sequence[int], rows: Iterable[int], *, show_header: bool = True
) -> RichTable:
    """Some rows of a table, drawn in columns of these widths."""
    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_header=show_header,
        header_style="dim",
        title=table.title if show_header else None,
        title_justify="left",
        title_style="bold",
    )
    for column, width in zip(table.columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        drawn.add_column(column.label, justify=justify, overflow="fold", width=width)
    for i in rows:
        is_total = table.has_total and i == len(table.rows) - 1
        drawn.add_row(*map(_styled, table.rows[i]), style="bold" if is_total else None)
    return drawn


def _below(
    table: Table, row: Sequence[Cell], places: Iterable[int], console: Console, lead: str = ""
) -> None:
    """The cells of columns that do not fit, `label: value` each, in lines below their row."""
    words = [
        f"{table.columns[i].label}: {row[i].text}" + (f" ({row[i].note})" if row[i].note else "")
        for i in places
        if row[i].text
    ]
    if words:
        console.print(Padding(Text(lead + "; ".join(words), style="dim"), (0, 0, 0, _INDENT)))


def _alike(table: Table) -> list[int]:
    """Places of columns that hold the same in each of several rows: said once, not row by row."""
    if len(table.rows) < 3:
        return []
    return [i for i in range(len(table.columns)) if len({row[i] for row in table.rows}) == 1]


def _fitted(
    table: Table, width: int, minor: Sequence[str], ranged: Sequence[str]
) -> tuple[Table, Table]:
    """What fits the width as columns, and the columns that go below: the minor ones in order, then
    the widest. Small print fills what is left."""
    best = _noted(table, ranged)
    moved: list[str] = []
    waiting = [name for name in minor if any(c.name == name for c in table.columns)]
    while not _fits(best, width) and len(best.columns) > 1:
        widest = max(range(1, len(best.columns)), key=lambda i: _least(best)[i])
        moved.append(waiting.pop(0) if waiting else best.columns[widest].name)
        best = best.without(moved[-1])
    for column in best.columns:
        noted = _noted(best, [column.name])
        if column.numeric and _fits(noted, width):
            best = noted
    kept = {column.name for column in best.columns}
    return best, table.without(*kept)


def _fits(table: Table, width: int) -> bool:
    return sum(_least(table)) + _GAP * (len(table.columns) - 1) <= width


def _noted(table: Table, columns: Sequence[str]) -> Table:
    """The same table with the small print of some columns beside their values."""
    rows = tuple(
        tuple(
            replace(cell, text=f"{cell.text} ({cell.note})", note="")
            if cell.note and column.name in columns
            else cell
            for column, cell in zip(table.columns, row, strict=True)
        )
        for row in table.rows
    )
    return replace(table, rows=rows)


def _least(table: Table) -> list[int]:
    """The narrowest each column may be: whole values, the words of prose."""
    widths = []
    for i, column in enumerate(table.columns):
        cells = [row[i].text for row in table.rows]
        if column.name in _PROSE:
            longest = max((len(cell) for cell in cells), default=0)
            cells = [word[:_PROSE_WORD] for cell in cells for word in cell.split()]
            cells.append("x" * min(longest, _PROSE_LINE))
        words = [*column.label.split(), *cells]
        widths.append(max((len(word) for word in words), default=1))
    return widths


def _widths(table: Table, width: int) -> list[int]:
    """Column widths on a page: the least, then room for whoever lacks least of its full width."""
    widths = _least(table)
    full = [
        max([len(column.label), *(len(row[i].text) for row in table.rows)])
        for i, column in enumerate(table.columns)
    ]
    spare = max(0, width - sum(widths) - _GAP * (len(widths) - 1))
    for place in sorted(range(len(widths)), key=lambda i: full[i] - widths[i]):
        granted = min(spare, full[place] - widths[place])
        widths[place] += granted
        spare -= granted
    return widths


def _styled(cell: Cell) -> Text:
    return Text(cell.text, style=_STYLES.get(cell.tone, ""))


def _nearest(found: Sequence[evidence_view.Near], console: Console) -> None:
    _table(evidence_view.close_table(found), console, minor=evidence_view.MINOR)
    words = evidence_view.far_words(found)
    if words:
        _small(words, console)


def _regret(plan: Plan, console: Console) -> None:
    drawn = plan_view.regret_table(plan)
    if not drawn.rows:
        return
    deltas = {a.name: a.delta_share or 0.0 for a in plan.regret}
    highest = max((d for d in deltas.values() if d > 0), default=0.0)
    rows = []
    for name, share, usd, _, reason in drawn.rows:
        cells = math.ceil(_BAR_CELLS * max(0.0, deltas[name.text]) / highest) if highest else 0
        outcome = remark(f"not possible: {reason.text}") if reason.text else Cell("█" * cells)
        rows.append((name, share, Cell(usd.text), outcome))
    columns = (*drawn.without("horizon_usd", "reason").columns, Column("reason", "", False, ""))
    _table(Table(drawn.title, columns, tuple(rows)), console)


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
