"""The plan is proven by replay, and made anew where a promise breaks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import served
from gpumix.catalog import Catalog
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory, Slo
from gpumix.inventory import read_inventory
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.plan import interpret, replay
from gpumix.plan import plan as planner
from gpumix.plan.effort import NORMAL
from gpumix.plan.search import search
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.views.plan import hour_words, replay_table, replay_words, traffic_words


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
    part = replay._Part(0, 1.0, option, 1, 0.5 * option.units_per_hour, 0)
    replayer = replay.Replayer()
    first = replayer.outcome(demand, part)
    assert replayer.outcome(demand, replace(part, hour=5, weight=2.0)) is first
    assert replayer.outcome(demand, replace(part, stream=1)) is not first


def test_what_sustains_more_than_it_is_planned_at_keeps_its_rate(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    """A correction lowers rates and never raises one."""
    chat = inventory.workloads[0]
    option = next(o for o in tried["chat"] if o.serves)
    calm, wrong = (
        replace(option, units_per_hour=option.units_per_hour * factor) for factor in (0.2, 3.0)
    )
    calm_part, wrong_part = (
        replay._Part(0, 1.0, one, 2, one.units_per_hour, 0) for one in (calm, wrong)
    )
    assert replay._lowered(chat, calm_part) is calm
    assert replay._lowered(chat, wrong_part).units_per_hour < wrong.units_per_hour


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


def test_a_quantile_over_hours_weighs_each_run_by_the_requests_it_stands_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A short run of the busy hour counts more than a long one of the quiet hour."""
    monkeypatch.setattr(replay, "latency_of", lambda outcome, _: outcome)
    monkeypatch.setattr(replay, "settled", lambda _: slice(None))
    busy, quiet = np.full(10, 2.0), np.full(1000, 1.0)

    def median(busy_weight: float, quiet_weight: float) -> float:
        weights = ((busy_weight, busy), (quiet_weight, quiet))
        ran: list[Any] = [(SimpleNamespace(weight=w), times) for w, times in weights]
        return replay._quantile_s(Slo("ttft", 0.5, 1.0), ran)

    assert median(3.0, 2.0) == 2.0
    assert median(2.0, 3.0) == 1.0


@pytest.mark.parametrize(("kept", "is_broken"), [(0.90, True), (0.947, False), (0.96, False)])
def test_a_promise_is_broken_beyond_the_replays_own_doubt(kept: float, is_broken: bool) -> None:
    """Of 10,000 requests that do not know of each other, a share is known to about 0.4 %."""
    requests = (np.arange(10_000) < kept * 10_000).astype(float)
    share = replay._Share.of(1.0, np.random.default_rng(3).permutation(requests))
    assert share.mean == pytest.approx(kept)
    assert math.sqrt(share.variance) == pytest.approx(math.sqrt(kept * (1 - kept) / 1e4), rel=0.5)
    assert (share.highest < 0.95) is is_broken


def test_requests_that_queue_together_count_for_less() -> None:
    """Five bad spells leave more doubt than as many bad requests strewn evenly."""
    together, strewn = np.ones(10_000), np.ones(10_000)
    together[:1000] = 0.0
    strewn[::10] = 0.0
    assert replay._Share.of(1.0, together).highest > 0.95
    assert replay._Share.of(1.0, strewn).highest < 0.91


def test_shares_of_several_runs_add_by_their_weight() -> None:
    one, other = replay._Share(0.9, 0.04, 3.0), replay._Share(0.5, 0.08, 1.0)
    both = replay._together([one, other])
    assert both.mean == pytest.approx(0.8)
    assert both.variance == pytest.approx(0.04 * 0.75**2 + 0.08 * 0.25**2)
    assert both.weight == 4.0
    nothing = replay._together([])
    assert (nothing.mean, nothing.variance, nothing.weight) == (1.0, 0.0, 0.0)


def test_a_promise_that_nothing_ran_under_is_kept_without_a_figure() -> None:
    empty = replay._check(Slo("ttft", 0.95, 1.0), [])
    assert (empty.week_s, empty.worst_s, empty.worst_hour, empty.kept) == (0.0, 0.0, 0, True)
