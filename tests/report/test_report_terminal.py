"""The terminal: nothing cut at any width, plain text in a pipe."""

from __future__ import annotations

import dataclasses
import io

import plan_fixture
import pytest
import training_fixture
from rich.console import Console

from gpumix.report import terminal, terminal_table
from gpumix.report.tables import Cell, Column, Table
from gpumix.report.views import alternatives as other_view
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view
from gpumix.verbs.explain import explain


def shown(width: int, plan: object = None, **options: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, **options)  # type: ignore[arg-type]
    terminal.show_plan(plan or plan_fixture.plan(), console)  # type: ignore[arg-type]
    return out.getvalue()


def compared(width: int) -> str:
    out = io.StringIO()
    terminal.show_comparison(plan_fixture.comparison(), Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 90, 100, 120, 160])
def test_no_line_is_wider_than_the_page_and_nothing_is_cut(width: int) -> None:
    for text in (shown(width), compared(width)):
        assert max(len(line) for line in text.splitlines()) <= width
        assert "…" not in text


def numbers(table: Table, name: str) -> list[str]:
    place = [column.name for column in table.columns].index(name)
    return [row[place].text for row in table.rows if row[place].text]


@pytest.mark.parametrize("width", [80, 120])
def test_numbers_stand_whole(width: int) -> None:
    plan, text = plan_fixture.plan(), shown(width)
    expected = numbers(mix_view.mix_table(plan), "usd_per_month")
    expected += numbers(plan_view.workloads_table(plan), "unit_cost_usd")
    expected += numbers(plan_view.slo_table(plan), "limit_s")
    expected += numbers(plan_view.slo_table(plan), "predicted")
    expected += numbers(other_view.regret_table(plan), "delta_usd")
    assert len(expected) > 20
    for number in expected:
        assert number in text


WIDTHS = (40, 60, 80, 100, 120)
MIXED = Table(
    "Mixed",
    tuple(Column(name, f"Label-{name}", name == "n", "") for name in ("id", "n", "a", "b", "c")),
    tuple(
        (Cell(f"row-{i}"), Cell(f"{i}1234567"), Cell(f"a{i}-" + "x" * 14), Cell("same-everywhere"),
         Cell("" if i else "only-here", "why"))
        for i in range(4)
    ),
)  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_no_table_loses_a_column(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[Table, Table]] = []
    fitted = terminal_table._fitted

    def watched(table: Table, *args: object) -> tuple[Table, Table]:
        drawn.append((table, fitted(table, *args)))  # type: ignore[arg-type]
        return drawn[-1][1]

    monkeypatch.setattr(terminal_table, "_fitted", watched)
    out = io.StringIO()
    console = Console(file=out, width=width)
    terminal.show_plan(plan_fixture.plan(), console)
    terminal.show_comparison(plan_fixture.comparison(), console)
    terminal.show_training(training_fixture.comparison(), console)
    terminal.show_tables([MIXED], console, minor=("b", "c"))
    assert len(drawn) == 30
    for table, (kept, moved) in drawn:
        shown_names = [c.name for c in (*kept.columns, *moved.columns)]
        assert sorted(shown_names) == sorted(c.name for c in table.columns)
        for column in moved.columns:
            place = table.columns.index(column)
            if any(row[place].text for row in table.rows):
                assert f"{column.label}: " in " ".join(out.getvalue().split()), column.name
    assert max(len(line) for line in out.getvalue().splitlines() if "gpumix" not in line) <= width


def test_columns_that_do_not_fit_stand_below_their_row() -> None:
    out = io.StringIO()
    terminal.show_tables([MIXED], Console(file=out, width=40), minor=("b", "c"))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("row-0"))
    assert "01234567" in lines[first]
    assert lines[first + 1] == "    Label-c: only-here (why)"
    assert sum("same-everywhere" in line for line in lines) == 1
    assert "    Every row: Label-b: same-everywhere" in lines


def test_the_answer_stands_in_the_first_lines() -> None:
    head = " ".join(" ".join(shown(80).splitlines()[:7]).split())
    assert "16 h100-sxm-80gb reserved 3 years" in head
    assert "$25,169 (BDT 3.08M) a month" in head
    assert "keep 5 of 6 promises" in head


def test_intervals_and_reasons_are_shown() -> None:
    text = shown(100)
    assert "412 ms (330–519)" in text
    assert "not possible: copilot keeps no TPOT p99" in text


def test_plain_in_a_pipe_and_coloured_on_a_terminal() -> None:
    assert "\x1b[" not in shown(80)
    assert "\x1b[" in shown(80, force_terminal=True)


def test_ends_with_the_next_commands() -> None:
    assert shown(80).rstrip().endswith("gpumix compare INVENTORY copilot")
    assert compared(80).rstrip().endswith("gpumix prices list --gpu l4-24gb")


def test_markup_of_users_is_text() -> None:
    plan = dataclasses.replace(plan_fixture.plan(), name="[red]x[/red] [/]", warnings=("[bold]",))
    text = shown(80, plan)
    assert "[red]x[/red] [/]" in text
    assert "[bold]" in text


def test_a_plan_with_nothing_but_a_mix_still_prints() -> None:
    bare = dataclasses.replace(
        plan_fixture.plan(),
        workloads=(),
        regret=(),
        break_evens=(),
        assumptions=(),
        warnings=(),
        costs=(),
        report_currency="USD",
        fx_per_usd=1.0,
    )
    text = shown(80, bare)
    assert "do all the work at a level cost of $25,169 a month" in " ".join(text.split())
    assert "BDT" not in text


def test_comparison_shows_dashes_and_reasons() -> None:
    text = compared(80)
    assert "- (no price)" in text
    assert "weights of 16.1 GB do not fit 16 GiB" in text
    assert "$0.00" not in text


def test_an_explanation_shows_formula_and_source() -> None:
    out = io.StringIO()
    terminal.show_explanation(explain("usd_per_mtok"), Console(file=out, width=100))
    text = out.getvalue()
    assert "gpumix.cost.unit_cost.usd_per_mtok" in text
    assert "Source:" in text
    assert "[USD/h]" in text
