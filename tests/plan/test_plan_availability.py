"""A promise of being up: what is dark too long does not do, and a plan says how often it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import WorkloadPlan
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, message_of
from gpumix.fields import field, format_value
from gpumix.inventory import read_inventory
from gpumix.plan.availability import expected_served
from gpumix.plan.choose import supply
from gpumix.plan.plan import plan
from gpumix.report.views.availability import availability_words
from gpumix.supply.allowed import may_run

TEAM = """
name: dark
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: Qwen/Qwen3-8B
    tier: TIER
    traffic: {users: 40, input_tokens: 500, output_tokens: 150}
    slo: {SLO ttft_p95: 2 s, tpot_p95: 60 ms}
supply:
  CLOUD
  on_prem:
    dhaka: {country: BD, racks: 2, kw_per_rack: 20, gpus: [l40s-48gb],
            outage_hours_per_year: 500, generator: GENERATOR}
"""
CLOUD = "cloud: {providers: [verda, aws], gpus: [l40s-48gb], purchase: [on_demand, spot]}"
Team = Callable[..., Inventory]


@pytest.fixture
def team(tmp_path: Path, catalog: Catalog) -> Team:
    """A chat on a site that is dark 500 hours a year."""

    def read(
        slo: str = "", tier: str = "standard", cloud: str = "", generator: str = "false"
    ) -> Inventory:
        text = TEAM.replace("SLO", slo and f"availability: {slo},").replace("TIER", tier)
        text = text.replace("CLOUD", cloud).replace("GENERATOR", generator)
        file = tmp_path / "team.yaml"
        file.write_text(text, encoding="utf-8")
        return read_inventory(file, catalog, date(2026, 11, 20))

    return read


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.9429, "94.3 %"), (0.995, "99.5 %"), (0.9999, "99.99 %"), (0.99999999, "99.9999 %"),
     (1.0, "100 %")],
)  # fmt: skip
def test_what_is_not_always_up_never_prints_as_100(share: float, shown: str) -> None:
    assert format_value(field("availability", WorkloadPlan), share) == shown
    assert format_value("promised_availability", share) == shown


def test_a_dark_site_is_said_to_be_dark(team: Team, catalog: Catalog) -> None:
    found = plan(team(tier="premium"), catalog).plan
    (chat,) = found.workloads
    assert chat.availability == pytest.approx(1.0 - 500.0 / 8760.0)
    words = availability_words(found)
    assert words[0] == "chat: available 94.3 %."
    # a second server is bought for nothing but the loss of the first, and a network between them
    assert found.surviving_share == pytest.approx(0.55, abs=0.05)
    assert "Surviving the loss of an instance costs $" in words[1]


def test_a_promise_binds_and_the_reason_is_in_the_users_words(team: Team, catalog: Catalog) -> None:
    with pytest.raises(Infeasible) as refused:
        plan(team("99.5 %"), catalog)
    told = message_of(refused.value)
    assert "workloads.chat.slo.availability: 99.5 %" in told
    assert "nothing on offer is up 99.5 % of the time, at best 94.29 %" in told
    assert "supply.on_prem.dhaka.generator: true" in told


@pytest.mark.parametrize(
    ("slo", "tier", "generator", "places"),
    [
        ("99.5 %", "standard", "false", {"on_demand"}),  # a cloud's instance, at its price
        ("99.5 %", "standard", "true", {"on_demand", "buy"}),
        ("99.9 %", "standard", "true", {"buy"}),  # one instance of a cloud is not up so long
        ("99.9 %", "premium", "false", {"on_demand"}),  # its region is, and a loss is survived
        ("90 %", "standard", "false", {"on_demand", "buy"}),
        ("", "standard", "false", {"on_demand", "spot", "buy"}),
    ],
)
def test_what_is_up_too_little_does_not_do(
    team: Team, catalog: Catalog, slo: str, tier: str, generator: str, places: set[str]
) -> None:
    inventory = team(slo, tier, CLOUD, generator)
    (chat,) = inventory.workloads
    can = {s.purchase.value for s in supply(inventory, catalog).of if may_run(chat, s)}
    assert can == places


Place = tuple[float, float]


@pytest.mark.parametrize(
    ("places", "share"),
    [
        ([(100.0, 0.9)], 0.9),
        ([(50.0, 0.9), (50.0, 0.9)], 0.9),  # half of the work each: no help to one another
        ([(100.0, 0.9), (100.0, 0.9)], 0.99),  # a second site that carries all
        ([(100.0, 0.9), (50.0, 0.9)], 0.9 + 0.1 * 0.9 * 0.5),  # one that carries half
        ([(80.0, 1.0)], 0.8),
    ],
)
def test_a_second_place_helps_as_far_as_it_has_room(places: list[Place], share: float) -> None:
    assert expected_served(100.0, places) == pytest.approx(100.0 * share)


def test_an_unknown_availability_keeps_no_promise(team: Team, catalog: Catalog) -> None:
    inventory = team("90 %")
    (chat,) = inventory.workloads
    (bought, *_) = supply(inventory, catalog).of
    api = replace(bought, purchase=Purchase.API, availability=None, availability_after_loss=None)
    assert not may_run(chat, api)
    assert may_run(replace(chat, availability=None), api)
