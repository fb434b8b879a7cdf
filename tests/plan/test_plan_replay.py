"""The plan is proven by replay, and made anew where a promise breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import served
from gpumix.catalog import Catalog
from gpumix.domain.plan import Plan
from gpumix.domain.proof import PlannedHours
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.options.promised import Part, Runs
from gpumix.options.proof import Hour
from gpumix.plan import interpret, replay
from gpumix.plan import plan as planner
from gpumix.plan.effort import NORMAL
from gpumix.plan.search import search
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.views.plan import (
    headline,
    hour_words,
    replay_table,
    replay_words,
    slo_table,
    traffic_words,
)
from gpumix.serving import kept


@pytest.fixture(scope="module")
def plan(inventory: Inventory, catalog: Catalog) -> Plan:
    return planner.plan(inventory, catalog).plan


def test_the_plan_is_replayed_and_keeps_its_promises(plan: Plan) -> None:
    chat, vectors = plan.workloads
    assert vectors.replay is not None
    assert [s.kept for s in vectors.replay.slo] == [True]
    proof = chat.replay
    assert proof is not None
    assert proof.requests >= 2000
    assert proof.served + proof.shed == proof.requests
    assert [s.name for s in proof.slo] == ["ttft_p95", "tpot_p95"]
    for slo in proof.slo:
        assert slo.kept
        assert 0.0 < slo.week_s <= slo.limit_s
        assert slo.worst_s >= slo.week_s * 0.9
        assert 0 <= slo.worst_hour < 168
        assert slo.requests > 0.9 * kept.REQUESTS
        worst = kept.Reached(slo.worst_s, slo.standard_error_s, slo.requests)
        assert worst.is_clear(slo.limit_s)
    assert proof.within > 0.9


def test_a_replay_survives_the_file_and_is_shown(plan: Plan) -> None:
    assert plan_from_dict(plan_to_dict(plan)) == plan
    assert len(replay_table(plan).rows) == 3
    assert "simulated" in replay_words(plan)
    assert hour_words(38) == "Tue 14:00"


def test_the_replay_tells_what_its_traffic_was_drawn_with(
    plan: Plan, inventory: Inventory, catalog: Catalog
) -> None:
    proof, profile = plan.workloads[0].replay, catalog.profiles["servegen-chat"]
    assert proof is not None
    assert proof.arrival_cv == profile.arrival_cv
    assert proof.length_correlation == profile.length_correlation
    assert "burstiness measured in servegen-chat" in proof.traffic
    words, vectors = traffic_words(plan)
    assert f"{profile.arrival_cv:.2f}" in words
    assert "shared prefixes not recorded in servegen-chat" in words
    assert vectors == "vectors: CV of arrival gaps 1.00 (burstiness no trace named)."
    subjects = {a.subject for a in plan.assumptions}
    assert {"chat: burstiness", "chat: shared prefixes", "vectors: burstiness"} <= subjects


def inflated(options: Mapping[str, Sequence[Option]], factor: float) -> dict[str, list[Option]]:
    """Rates of the chat that no replica bears."""
    return {
        name: [replace(o, units_per_hour=o.units_per_hour * factor) for o in found]
        if name == "chat"
        else list(found)
        for name, found in options.items()
    }


def test_a_promise_broken_in_an_hour_makes_the_plan_anew(
    inventory: Inventory, tried: dict[str, list[Option]], catalog: Catalog
) -> None:
    """Rates half as high again break the promise; what is measured in its place keeps it."""
    wrong = inflated(sustained.simulated(inventory, tried).options, 1.5)
    supplies = planner.supply(inventory, catalog)
    choice = planner.chosen_from(inventory, catalog, supplies, wrong)
    cycle = planner.cycle_for(choice)
    found = search(choice, cycle, NORMAL.plan)
    replayer = replay.Replayer()
    first = replayer.of(interpret.answer_of(found), {})
    assert replay.broken(first) == ["chat"]
    assert any(s.worst_s > s.limit_s for s in first["chat"].slo)
    again, lower, proof = replay.proven(found, choice, cycle, replayer)
    assert proof["chat"].corrections >= 1
    assert replay.broken(proof) == []
    assert again.solution.cost is not None
    assert found.solution.cost is not None
    assert again.solution.cost > found.solution.cost
    changed = [
        new.units_per_hour / old.units_per_hour
        for old, new in zip(choice.options["chat"], lower.options["chat"], strict=True)
        if new != old
    ]
    assert changed
    assert all(0.4 < ratio < 0.9 for ratio in changed)
    assert lower.options["vectors"] == choice.options["vectors"]


def test_a_replay_is_run_once(inventory: Inventory, tried: dict[str, list[Option]]) -> None:
    option = next(o for o in tried["chat"] if o.serves)
    demand = inventory.workloads[0].demand
    assert demand is not None
    part = Part(option, 1, 0.5 * option.units_per_hour, 0)
    runs = Runs()
    first = runs.one(demand, part, 2000)
    assert runs.one(demand, replace(part), 2000) is first
    assert runs.one(demand, replace(part, seed=1), 2000) is not first


def test_what_sustains_more_than_it_is_planned_at_keeps_its_rate(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    """A correction lowers rates and never raises one."""
    chat = inventory.workloads[0]
    demand, option = chat.demand, next(o for o in tried["chat"] if o.serves)
    assert demand is not None
    calm, wrong = (
        replace(option, units_per_hour=option.units_per_hour * factor) for factor in (0.2, 3.0)
    )
    calm_part, wrong_part = (Part(one, 2, 2.0 * one.units_per_hour, 0) for one in (calm, wrong))
    replayer = replay.Replayer()
    assert replay._lowered(chat, demand, calm_part, replayer) is calm
    lowered = replay._lowered(chat, demand, wrong_part, replayer)
    assert lowered.units_per_hour < wrong.units_per_hour
    again = replace(wrong_part, option=lowered, units_per_hour=2.0 * lowered.units_per_hour)
    _, reached = replayer.runs.until_sure(demand, chat.slos, (again,))
    assert all(r.seconds <= s.limit_s for r, s in zip(reached, chat.slos, strict=True))


def test_hours_that_another_dominates_are_not_simulated(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    """As few of the same kind, as busy, kept by itself; a busier or smaller hour is simulated."""
    chat = inventory.workloads[0]
    option = next(o for o in tried["chat"] if o.serves)
    assert chat.demand is not None

    def hour(replicas: int, load: float) -> Hour:
        part = Part(option, replicas, load * replicas * option.units_per_hour, 0)
        return Hour(PlannedHours(0, "y1", (0,), part.units_per_hour, ()), 0, 1.0, (part,))

    hours = [hour(3, 0.3), hour(2, 0.4), hour(1, 0.35), hour(1, 0.2), hour(9, 0.4)]
    judged = replay.Replayer().judged(chat, chat.demand, hours)
    assert [one.hour for one in judged] == [hours[1], hours[2]]


def test_a_broken_promise_is_told_in_the_headline_and_the_table(plan: Plan) -> None:
    chat = plan.workloads[0]
    assert all(check.replayed for check in chat.slo)
    slo = (replace(chat.slo[0], kept=False), *chat.slo[1:])
    broken = replace(plan, workloads=(replace(chat, slo=slo), *plan.workloads[1:]))
    count = sum(len(w.slo) for w in plan.workloads)
    assert f"{count - 1} of {count} promises (not chat ttft_p95)" in headline(broken)
    cells = [row[-1] for row in slo_table(broken).rows]
    assert (cells[0].text, cells[0].note) == ("no", "")
    others = [check for workload in plan.workloads[1:] for check in workload.slo]
    notes = ["" if check.replayed else "predicted" for check in others]
    assert [cell.note for cell in cells[len(chat.slo) :]] == notes


def test_traffic_of_less_than_a_request_an_hour_is_replayed_too(
    tmp_path: Path, catalog: Catalog
) -> None:
    path = tmp_path / "rare.yaml"
    text = served.INVENTORY.replace("peak_requests_per_s: 20", "peak_requests_per_s: 0.0002")
    path.write_text(text, encoding="utf-8")
    rare = planner.plan(read_inventory(path, catalog, date(2026, 11, 24)), catalog).plan
    proof = rare.workloads[0].replay
    assert proof is not None
    assert proof.requests > 0
    assert all(0.0 < slo.week_s <= slo.limit_s for slo in proof.slo)


def test_rare_long_prompts_are_planned_as_they_are_simulated(catalog: Catalog) -> None:
    """Case p14: 2 H100, at most 3; one breaks the pace."""
    folder = Path(__file__).resolve().parents[1] / "cases/known/p14-rare-long-prompts"
    (rag,) = planner.plan(
        read_inventory(folder / "plan.yaml", catalog, date(2026, 11, 24)), catalog
    ).plan.workloads
    assert 2 <= sum(p.peak_replicas * p.gpus for p in rag.placements) <= 3
    assert rag.replay is not None
    assert all(slo.kept for slo in rag.replay.slo)


def test_kept_means_kept(catalog: Catalog) -> None:
    """Case p15: no promise is called kept whose own replay is over its limit."""
    path = Path(__file__).resolve().parents[1] / "cases/known/p15-kept-means-kept/plan.yaml"
    (chat,) = planner.plan(
        read_inventory(path, catalog, date(2026, 11, 24)), catalog
    ).plan.workloads
    assert chat.replay is not None
    for check, slo in zip(chat.slo, chat.replay.slo, strict=True):
        assert check.kept
        assert slo.kept
        assert slo.worst_s <= slo.limit_s
