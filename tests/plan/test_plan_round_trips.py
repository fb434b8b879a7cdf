"""Users far away: the round trip is part of what they wait for, in the plan and in its replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.evidence import Basis
from gpumix.domain.plan import Placement, Plan
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, message_of
from gpumix.inventory import read_inventory
from gpumix.plan.choose import supply
from gpumix.plan.plan import plan
from gpumix.report.views.demand import demand_words
from gpumix.verbs.compare import _from_nearest

TEAM = """
name: far
horizon: {{start: 2027-01, years: 1}}
workloads:
  chat: {{kind: chat, model: Qwen/Qwen3-8B, {users}, slo: {{ttft_p95: {ttft}, tpot_p95: 60 ms}},
    traffic: {{requests_per_s: 0.5, input_tokens: 500, output_tokens: 100}}}}
supply:
  cloud: {{providers: [aws], regions: [{regions}], gpus: [l40s-48gb], purchase: [on_demand]}}
"""
IMAGES = """
name: far
horizon: {{start: 2027-01, years: 1}}
workloads:
  art: {{kind: media, model: black-forest-labs/FLUX.1-dev, steps: 4, latency: 10 s, {users},
    images_per_day: 500}}
supply:
  cloud: {{providers: [aws], regions: [{regions}], gpus: [l40s-48gb], purchase: [on_demand]}}
"""
BOTH = "us-east-1, ap-south-1"
Team = Callable[..., Inventory]


@pytest.fixture
def team(tmp_path: Path, catalog: Catalog) -> Team:
    """A chat for users in Bangladesh, rented in regions of one provider."""

    def read(
        regions: str = BOTH, ttft: str = "300 ms", users: str = "users_at: [BD]", text: str = TEAM
    ) -> Inventory:
        file = tmp_path / "team.yaml"
        file.write_text(text.format(regions=regions, ttft=ttft, users=users), encoding="utf-8")
        return read_inventory(file, catalog, date(2026, 11, 24))

    return read


def only(found: Plan) -> Placement:
    [placement] = found.workloads[0].placements
    return placement


def trips(inventory: Inventory, catalog: Catalog) -> Mapping[str, float]:
    """Region -> planned round trip of the first workload [s]."""
    first = inventory.workloads[0].id
    return {s.region: s.planned_rtt_s(first) for s in supply(inventory, catalog).of}


def test_a_near_region_keeps_what_a_far_cheaper_one_cannot(team: Team, catalog: Catalog) -> None:
    found = plan(team(), catalog).plan
    placement, chat = only(found), found.workloads[0]
    assert placement.resource.endswith("ap-south-1")
    assert placement.rtt_ms == pytest.approx(40, abs=5)  # 1,900 km
    assert placement.rtt_basis == Basis.ASSUMED
    ttft = next(slo for slo in chat.slo if slo.name == "ttft_p95")
    assert ttft.kept
    assert ttft.limit_s == 0.3
    assert ttft.predicted.low > 0.039
    assert chat.replay is not None
    assert 0.039 < chat.replay.slo[0].worst_s <= 0.3
    assert any("40 ms (assumed)" in words for words in demand_words(found))
    assert any("Dhaka (BD) to Mumbai (IN)" in a.source for a in found.assumptions)


def test_a_far_region_alone_cannot_keep_it(team: Team, catalog: Catalog) -> None:
    with pytest.raises(Infeasible) as caught:
        plan(team("us-east-1", "280 ms"), catalog)
    assert "round trip of" in message_of(caught.value)


def test_a_loose_promise_goes_where_it_is_cheap(team: Team, catalog: Catalog) -> None:
    placement = only(plan(team(ttft="3 s"), catalog).plan)
    assert placement.resource.endswith("us-east-1")
    assert placement.rtt_ms == pytest.approx(273, abs=10)


def test_a_stated_round_trip_counts_as_it_is(team: Team, catalog: Catalog) -> None:
    found = plan(team(users="users_at: BD, rtt_ms: {aws us-east-1: 30, US: 900}"), catalog).plan
    placement = only(found)
    assert placement.resource.endswith("us-east-1")
    assert (placement.rtt_ms, placement.rtt_basis) == (pytest.approx(30.0), Basis.MEASURED)


def test_of_several_countries_the_farthest_counts(team: Team, catalog: Catalog) -> None:
    near, far, brazil = (
        trips(team("ap-south-1", "3 s", f"users_at: {users}"), catalog)["ap-south-1"]
        for users in ("BD", "[BD, BR, IN]", "BR")
    )
    assert far == brazil > 4.0 * near


def test_a_place_no_nearer_and_no_cheaper_is_left_out(team: Team, catalog: Catalog) -> None:
    assert set(trips(team(users="users_at: BR"), catalog)) == {"us-east-1"}
    assert set(trips(team(users="users_at: BD"), catalog)) == {"us-east-1", "ap-south-1"}


def test_no_users_no_round_trip(team: Team, catalog: Catalog) -> None:
    found = plan(team(users="confidence: 0.8"), catalog).plan
    assert only(found).resource.endswith("us-east-1")
    assert only(found).rtt_ms is None
    assert not any("round trip" in words for words in demand_words(found))


def test_an_unknown_place_is_as_far_as_can_be(team: Team, catalog: Catalog) -> None:
    text = TEAM.replace("[aws]", "[vultr, crusoe]").replace("[l40s-48gb]", "any")
    found = supply(team("unspecified, us", "3 s", text=text), catalog).of
    told = {s.region: trip for s in found if (trip := s.round_trip("chat"))}
    assert told["unspecified"].seconds > told["us"].seconds > 0.25
    assert "not known" in told["unspecified"].source
    assert "taken to be New York City" in told["us"].source


def test_images_wait_for_the_way_too(team: Team, catalog: Catalog) -> None:
    near, far = (
        plan(team("us-east-1", users=users, text=IMAGES), catalog).plan.workloads[0]
        for users in ("rtt_ms: 0", "rtt_ms: 2000")
    )
    assert near.replay is not None
    assert far.replay is not None
    assert far.slo[0].limit_s == near.slo[0].limit_s == 10.0
    assert far.replay.slo[0].worst_s == pytest.approx(near.replay.slo[0].worst_s + 2.0)
    assert far.slo[0].predicted.value == pytest.approx(near.slo[0].predicted.value + 2.0)


def test_a_comparison_takes_the_nearest_place(team: Team, catalog: Catalog) -> None:
    inventory = team()
    near, [told] = _from_nearest(inventory.workloads[0], supply(inventory, catalog).of)
    assert near.slos[0].limit_s == pytest.approx(0.26, abs=0.005)
    assert near.slos[1].limit_s == 0.06
    assert told.startswith("40 ms of each limit")
    assert told.endswith("ap-south-1")
