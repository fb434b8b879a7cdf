"""The dollars that rest on what nobody has confirmed: they close, and a confirmation moves them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.domain.evidence import Assumption, Basis, Confirmation
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan.assumptions import assumptions, with_owner
from gpumix.plan.choose import cycle_for
from gpumix.plan.confirmed import rests_on, unknown_assumptions
from gpumix.plan.effort import NORMAL
from gpumix.plan.interpret import Answer, answer_of, entries_of
from gpumix.plan.search import search
from ledger_check import present_cost

TEAM = """
name: owners
horizon: {start: 2027-03, years: 3}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 1000, output_tokens: 200, requests_per_s: 60, growth_per_year: 0.2}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
supply:
"""
DHAKA = """
  on_prem:
    dhaka:
      country: BD
      racks: 4
      kw_per_rack: 12
      gpus: [l40s-48gb]
      room: {usd_per_kw_month: 100, minimum_kw: 20, fit_out_usd: 5000}
      tariff: {energy: 11.7, fixed_per_day: 100, currency: BDT,
               demand: {price: 90, unit: kVA, power_factor: 0.95}}
      generator: {rated_kw: 60, litres_per_hour: {per_rated_kw: 0.04, per_load_kw: 0.23},
                  diesel_price: 104, currency: BDT}
"""
LICENCE = "\nlicences: {nvidia-ai-enterprise: {on: all}}\n"
RENTED = """
  cloud: {providers: [lambda], gpus: [h100-sxm-80gb], purchase: [on_demand]}
"""
PRICE = "pcie-l40s-8: purchase price"
NO_PRICE = "cost of capital"
"""An assumed figure of a site that makes no amount: it is how amounts are discounted."""
Read = Callable[[str], Inventory]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Read:
    def inventory(supply: str) -> Inventory:
        file = tmp_path_factory.mktemp("team") / "team.yaml"
        file.write_text(TEAM + supply, encoding="utf-8")
        return read_inventory(file, catalog, date(2026, 11, 24))

    return inventory


@pytest.fixture(scope="module")
def owned(read: Read, catalog: Catalog) -> Answer:
    """The accounts of the mix found on a site of one's own, without replay."""
    choice = chosen(read(DHAKA + LICENCE), catalog)
    return answer_of(search(choice, cycle_for(choice), NORMAL.plan))


def confirmed(answer: Answer, *names: str, day: date | None = date(2026, 11, 1)) -> Answer:
    """The same accounts, with owners for some assumptions."""
    stated = tuple(Confirmation(name, "Ana", day) for name in names)
    choice = answer.choice
    choice = replace(choice, inventory=replace(choice.inventory, confirmations=stated))
    return replace(answer, found=replace(answer.found, choice=choice))


def of_items(answer: Answer, *items: str) -> float:
    """The present cost of some items of the ledger."""
    own = [entry for entry in entries_of(answer) if entry.item in items]
    return present_cost(own, answer.formulation.rate_per_year)


def test_what_nobody_confirmed_is_what_is_assumed(owned: Answer) -> None:
    found = rests_on(owned)
    assumed = [entry for entry in entries_of(owned) if entry.basis == "assumed"]
    rate = owned.formulation.rate_per_year
    assert found.unconfirmed_usd == pytest.approx(present_cost(assumed, rate), abs=0.005)
    assert found.unconfirmed_usd > 0.0
    assert found.confirmed_usd == 0.0


@pytest.mark.parametrize(
    "names", [(), (PRICE,), ("dhaka: *",), (PRICE, "dhaka: *"), ("*",)], ids=str
)
def test_the_three_parts_add_up_to_the_cost(owned: Answer, names: tuple[str, ...]) -> None:
    answer = confirmed(owned, *names)
    found, nobody = rests_on(answer), rests_on(owned)
    parts = (found.known_usd, found.confirmed_usd, found.unconfirmed_usd)
    assert math.fsum(parts) == pytest.approx(answer.usd, abs=0.005)
    assert found.known_usd == nobody.known_usd


def test_a_confirmed_price_moves_what_it_alone_makes(owned: Answer) -> None:
    found = rests_on(confirmed(owned, PRICE))
    assert found.confirmed_usd == pytest.approx(of_items(owned, "server"), abs=0.005)


def test_an_amount_is_confirmed_where_every_figure_of_it_is(owned: Answer) -> None:
    network_alone = rests_on(confirmed(owned, "dhaka: network"))
    assert network_alone.confirmed_usd == 0.0
    both = rests_on(confirmed(owned, PRICE, "dhaka: network"))
    assert both.confirmed_usd == pytest.approx(of_items(owned, "server", "network"), abs=0.005)
    staff = rests_on(confirmed(owned, "dhaka: salary of a post", "dhaka: *posts*"))
    assert staff.confirmed_usd == pytest.approx(of_items(owned, "staff"), abs=0.005)


def test_everything_confirmed_leaves_nothing(owned: Answer) -> None:
    found = rests_on(confirmed(owned, PRICE, "dhaka: *", "pcie-*"))
    assert found.unconfirmed_usd == 0.0
    assert found.confirmed_usd == pytest.approx(rests_on(owned).unconfirmed_usd, abs=0.005)


def test_an_owner_without_a_day_confirms_nothing(owned: Answer, catalog: Catalog) -> None:
    answer = confirmed(owned, "dhaka: *", PRICE, day=None)
    assert rests_on(answer) == rests_on(owned)
    row = next(a for a in assumptions(answer, catalog, ()) if a.subject == PRICE)
    assert (row.owner, row.confirmed_on) == ("Ana", None)


def test_every_assumed_figure_of_a_site_is_one_of_some_amount(owned: Answer) -> None:
    """Each assumed figure matters: without it something stays unconfirmed."""
    (line,) = owned.lines
    sites = (*owned.choice.staff, *owned.choice.sites)
    every = (*line.supply.assumptions, *(a for site in sites for a in site.assumptions))
    subjects = {a.subject for a in every if a.basis is Basis.ASSUMED}
    assert len(subjects) > 20
    for left_out in subjects:
        found = rests_on(confirmed(owned, *(subjects - {left_out})))
        moves = found.unconfirmed_usd != 0.0
        assert moves is not left_out.endswith(NO_PRICE), left_out


def test_rent_rests_on_its_price(read: Read, catalog: Catalog) -> None:
    choice = chosen(read(RENTED), catalog)
    supplies = tuple(replace(s, basis=Basis.ASSUMED) for s in choice.supplies)
    choice = replace(choice, supplies=supplies)
    answer = answer_of(search(choice, cycle_for(choice), NORMAL.plan))
    assert rests_on(answer).unconfirmed_usd == pytest.approx(answer.usd)
    names = (f"price: {line.supply.id}" for line in answer.lines)
    assert rests_on(confirmed(answer, *names)).confirmed_usd == pytest.approx(answer.usd)


def test_a_name_goes_before_a_pattern_and_the_first_pattern_before_others() -> None:
    stated = (
        Confirmation("dhaka: *", "Ana"),
        Confirmation("dhaka: e*", "Bo"),
        Confirmation("dhaka: electricity", "Cy", note="bill of October"),
    )
    power = Assumption("dhaka: electricity", "0.1 USD/kWh", Basis.ASSUMED, "countries.csv")
    staff = replace(power, subject="dhaka: salary of a post")
    assert with_owner(power, stated).owner == "Cy"
    assert with_owner(power, stated).note == "bill of October"
    assert with_owner(power, stated[:2]).owner == "Ana"
    assert with_owner(staff, stated).owner == "Ana"
    assert with_owner(replace(power, subject="lagos: electricity"), stated).owner == ""


def test_unknown_names_come_out_together_with_the_nearest(read: Read, catalog: Catalog) -> None:
    def problems(*names: str) -> list[str]:
        stated = tuple(Confirmation(name, "Ana") for name in names)
        return list(map(str, unknown_assumptions(replace(site, confirmations=stated), catalog)))

    site = read(DHAKA)
    assert problems("dhaka: electricity", "dhaka: *", "chat: growth", PRICE) == []
    wrong, rule, none = problems("dhaka: electrcity", "rule: time", "chat: growth", "lagos: *")
    assert wrong.startswith("assumptions.dhaka: electrcity: unknown assumption")
    assert "did you mean dhaka: electricity" in wrong
    assert "is a rule of gpumix" in rule
    assert none.startswith("assumptions.lagos: *: unknown assumption")


def test_all_that_a_plan_assumes_but_rules_may_have_an_owner(
    owned: Answer, catalog: Catalog
) -> None:
    inventory = owned.choice.inventory
    listed = [a.subject for a in assumptions(owned, catalog, inventory.notes)]
    stated = tuple(Confirmation(s, "Ana") for s in listed if not s.startswith("rule: "))
    assert len(stated) > 20
    assert unknown_assumptions(replace(inventory, confirmations=stated), catalog) == []
