"""Views, charts and Markdown: what every renderer shares."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import plan_fixture
import pytest

from gpumix import fields
from gpumix.domain.plan import Alternative, GpuCut, Plan
from gpumix.report import markdown
from gpumix.report.tables import Table
from gpumix.report.views import alternatives as other_view
from gpumix.report.views import assumptions as assumption_view
from gpumix.report.views import charts
from gpumix.report.views import comparison as comparison_view
from gpumix.report.views import decisions as decision_view
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view


def column(table: Table, name: str) -> list[str]:
    place = [c.name for c in table.columns].index(name)
    return [row[place].text for row in table.rows]


def test_the_headline_adds_up_equal_lines_and_says_what_is_kept() -> None:
    plan = plan_fixture.plan()
    assert plan_view.headline(plan).startswith(
        "16 h100-sxm-80gb reserved 3 years, 12 l40s-48gb bought"
    )
    kept = dataclasses.replace(plan, workloads=(plan.workloads[0],))
    assert "keep all 2 promises" in plan_view.headline(kept)


def test_a_long_mix_is_cut_short_in_the_headline_only() -> None:
    plan = plan_fixture.plan()
    lines = tuple(dataclasses.replace(plan.mix[0], gpu=f"gpu-{i}") for i in range(7))
    many = dataclasses.replace(plan, mix=lines)
    assert "and 4 smaller lines" in plan_view.headline(many)
    assert len(mix_view.mix_table(many).rows) == 8


@pytest.mark.parametrize(("gap", "words"), [(0.0, "proven cheapest"), (0.02, "more than 2.0 %")])
def test_the_gap_is_always_said(gap: float, words: str) -> None:
    assert words in plan_view.sureness(dataclasses.replace(plan_fixture.plan(), gap=gap))


def test_absent_values_print_as_dashes_with_reasons() -> None:
    plan = plan_fixture.plan()
    assert column(other_view.regret_table(plan), "delta_usd")[-1] == "-"
    reasons = column(other_view.regret_table(plan), "reason")
    assert reasons[-2:] == [a.reason for a in plan.regret if a.horizon_usd is None]
    refused = plan_view.candidates_table(plan.workloads[0])
    assert column(refused, "usd_per_mtok_total")[-1] == "-"
    assert column(refused, "reason")[-1].startswith("TTFT p95 of 2.9 s")
    dated = mix_view.mix_sources_table(plan)
    undated = dated.rows[1][[c.name for c in dated.columns].index("price_as_of")]
    assert (undated.text, undated.note) == ("-", "no date given")


def test_each_workload_has_its_own_unit_cost() -> None:
    costs = column(plan_view.workloads_table(plan_fixture.plan()), "unit_cost_usd")
    assert costs == [
        "$0.0871 / M tokens",
        "$0.305 / M tokens",
        "$0.179 / M tokens",
        "$51.8 / run",
        "$0.00173 / sample",
    ]


def test_labels_come_from_the_registry() -> None:
    plan = plan_fixture.plan()
    for table in (
        mix_view.mix_table(plan),
        plan_view.slo_table(plan),
        assumption_view.assumptions_table(plan),
    ):
        labels = {own.label for own in fields.registry().values()}
        assert {c.label for c in table.columns} <= labels


def test_comparison_columns_name_their_utilisation() -> None:
    table = comparison_view.cost_table(plan_fixture.comparison())
    labels = [c.label for c in table.columns if c.name == "usd_per_mtok"]
    assert labels == ["at 30 %", "at 50 %", "at 70 %", "at 100 %"]
    assert "from 1.57 requests/s l40s-48gb" in comparison_view.headline(plan_fixture.comparison())


def all_specs(plan: Plan) -> list[dict[str, Any]]:
    found = [
        charts.cost_stack(plan),
        charts.gpus_over_week(plan),
        charts.regret_bars(plan),
        charts.mix_by_gpu(plan),
        charts.slo_intervals(plan),
    ]
    for workload in plan.workloads:
        found.append(charts.demand_against_capacity(workload))
        costs = charts.unit_cost_by_gpu(workload)
        found += [costs] if costs else []
    return found


def test_charts_fill_their_container_and_are_json() -> None:
    for spec in all_specs(plan_fixture.plan()):
        assert spec["width"] == "container"
        assert spec["autosize"]["type"] == "fit"
        assert spec["autosize"]["resize"] is True
        json.dumps(spec, allow_nan=False)


def test_charts_draw() -> None:
    for spec in all_specs(plan_fixture.plan()):
        assert charts.as_svg(spec).startswith("<svg")


def test_the_chosen_gpu_and_every_alternative_are_in_the_charts() -> None:
    plan = plan_fixture.plan()
    bars = charts.unit_cost_by_gpu(plan.workloads[0])
    assert bars is not None
    rows = bars["data"]["values"]
    assert [r["gpu"] for r in rows if r["chosen"]] == ["l40s-48gb"]
    assert [r["usd"] for r in rows] == sorted(r["usd"] for r in rows)
    regret = charts.regret_bars(plan)["data"]["values"]
    assert len(regret) == 1 + len(plan.regret)
    assert sum(r["text"] == "not possible" for r in regret) == 2


def test_a_workload_without_a_possible_gpu_has_no_cost_chart() -> None:
    bare = dataclasses.replace(plan_fixture.plan().workloads[0], candidates=())
    assert charts.unit_cost_by_gpu(bare) is None


def test_markdown_shows_markup_of_users_as_text() -> None:
    text = markdown.plan_markdown(plan_fixture.hostile_plan())
    assert "<script>" not in text
    assert "\\<script\\>" in text


def test_markdown_tables_are_rectangular() -> None:
    mix = mix_view.mix_table(plan_fixture.plan())
    lines = markdown.drawn(mix).splitlines()[2:]
    assert len(lines) == len(mix.rows) + 2  # head and rule
    for line in lines:
        assert line.replace("\\|", "").count("|") == len(mix.columns) + 1


def test_the_sentence_tells_the_weights() -> None:
    words = decision_view.scenario_words(plan_fixture.plan())
    assert words.startswith(
        "Over these 3 scenarios, all of the same weight, the plan costs $862,000"
    )
    assert (
        decision_view.scenario_words(dataclasses.replace(plan_fixture.plan(), scenarios=None)) == ""
    )


def test_a_terminal_shows_what_is_asked_for_first_and_a_report_all() -> None:
    plan = plan_fixture.plan()
    names = ("on demand only", "one provider (civo)", "rule of thumb", "one-year terms at most")
    asked = [Alternative(n, "optimal", 1e6 + i, 1e5, 0.1, "") for i, n in enumerate(names)]
    kept = Alternative("all cloud", "optimal", 9e5, 0.0, 0.0, "")
    many = dataclasses.replace(plan, regret=(kept, *plan.regret, *asked))
    shown = column(other_view.regret_table(many, most=6), "name")
    assert set(names) < set(shown)
    assert "all cloud" not in shown
    assert column(other_view.regret_table(many), "name")[0] == "all cloud"
    assert "5 more" in other_view.left_out_words(many, 6)
    assert other_view.left_out_words(plan, len(plan.regret)) == ""


def test_cut_gpus_are_told_and_that_they_are_cut_anew() -> None:
    plan = plan_fixture.plan()
    line = plan.mix[0]
    held = line.count * line.gpus_per_instance

    def words(*counts: int) -> list[tuple[str, str]]:
        patterns = ({"1g.10gb": 7}, {"1g.10gb": 4, "3g.40gb": 1})
        cuts = tuple(
            GpuCut(line.resource, line.gpu, pattern, n)
            for pattern, n in zip(patterns, counts, strict=True)
        )
        table = mix_view.cuts_table(dataclasses.replace(plan, cuts=cuts))
        place = [c.name for c in table.columns].index("pattern")
        return [(row[place].text, row[place].note) for row in table.rows]

    assert words(held - 1, 1) == [("7 × 1g.10gb", ""), ("4 × 1g.10gb, 1 × 3g.40gb", "")]
    assert words(held, 1)[0] == ("7 × 1g.10gb", "in some hours")
    cut = dataclasses.replace(plan, cuts=(GpuCut(line.resource, line.gpu, {"1/2": 2}, 1),))
    assert "2 × 1/2" in markdown.plan_markdown(cut)
