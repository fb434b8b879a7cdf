"""A site's fixed charges are fixed: one server costs the same however many racks are declared."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.inventory import read_inventory
from gpumix.plan.choose import cycle_for
from gpumix.plan.effort import NORMAL
from gpumix.plan.interpret import Answer, answer_of, entries_of
from gpumix.plan.plan import plan
from gpumix.plan.search import search
from ledger_check import cash, present_cost

TEAM = """
name: sites
horizon: {{start: 2027-03, years: 3}}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: {rate}}}
    slo: {{ttft_p95: 2 s, tpot_p95: 80 ms}}
supply:
{supply}
"""
FRANKFURT = """
  on_prem:
    frankfurt:
      country: DE
      racks: {racks}
      kw_per_rack: 12
      gpus: [h200-sxm-141gb]
      room: {{usd_per_kw_month: 180, minimum_kw: 40, fit_out_usd: 50000}}
      tariff: {{energy: 0.2, fixed_per_day: 10, price_change_per_year: 0.1, currency: EUR,
               demand: {{price: 12, ratchet: 0.8, minimum_kw: 30}}}}
"""
DHAKA = """
  on_prem:
    dhaka:
      country: BD
      racks: {racks}
      kw_per_rack: 12
      gpus: [l40s-48gb]
      staff: {{least: 1, per_server: 0.02, salary: 12000, whole: true}}
      tariff: {{energy: 11.7, fixed_per_day: 100, currency: BDT,
               demand: {{price: 90, unit: kVA, power_factor: 0.95}}}}
      generator: {{rated_kw: 60, litres_per_hour: {{per_rated_kw: 0.04, per_load_kw: 0.23}},
                  diesel_price: 104, currency: BDT}}
"""
CLOUD = "  cloud: {{providers: [lambda], gpus: [h100-sxm-80gb], purchase: [on_demand]}}\n"
Answered = Callable[..., Answer]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def answered(tmp_path: Path, catalog: Catalog) -> Answered:
    """The accounts of the mix found, without replay and alternatives."""

    def answer(supply: str, rate: float = 1.0, **more: object) -> Answer:
        file = tmp_path / "team.yaml"
        file.write_text(TEAM.format(rate=rate, supply=supply.format(**more)), encoding="utf-8")
        inventory = read_inventory(file, catalog, date(2026, 11, 24))
        choice = chosen(inventory, catalog)
        return answer_of(search(choice, cycle_for(choice), NORMAL.plan))

    return answer


def item(answer: Answer, name: str) -> float:
    return math.fsum(e.amount for e in entries_of(answer) if e.item == name)


@pytest.mark.parametrize("site", [FRANKFURT, DHAKA], ids=["frankfurt", "dhaka"])
def test_one_server_costs_the_same_with_one_rack_and_a_hundred(
    answered: Answered, site: str
) -> None:
    one, many = answered(site, racks=1), answered(site, racks=100)
    assert [line.most for line in one.lines] == [line.most for line in many.lines] == [1]
    assert many.usd == one.usd
    assert entries_of(many) == entries_of(one)
    assert one.found.solution.cost == pytest.approx(one.usd, rel=0.02)


@pytest.mark.parametrize("site", [FRANKFURT, DHAKA], ids=["frankfurt", "dhaka"])
def test_leaves_add_up_to_the_total_to_the_cent(answered: Answered, site: str) -> None:
    found = answered(site, rate=400.0, racks=100)
    entries, rate = entries_of(found), found.formulation.rate_per_year
    assert max(line.most for line in found.lines) > 1
    assert present_cost(entries, rate) == pytest.approx(found.usd, abs=0.005)
    assert cash(entries) == pytest.approx(math.fsum(found.cash_by_year), abs=0.005)


def test_a_site_pays_its_room_its_tariff_and_its_fit_out_by_hand(answered: Answered) -> None:
    found = answered(FRANKFURT, racks=100)
    (line,) = found.lines
    draw = line.supply.draw
    assert draw is not None
    empty_kw = 40.0 - draw.nameplate_kw
    assert item(found, "room below its minimum") == pytest.approx(180.0 * 36 * empty_kw)
    assert item(found, "fit-out") == 50_000.0
    usd = load().exchange_rates["EUR"][0]
    grown = 12.0 * (1.0 + 1.1 + 1.21)
    assert item(found, "standing charge") == pytest.approx(10 / usd * 8760 / 288 * grown)
    assert item(found, "demand charge") == pytest.approx(12 / usd * 30.0 * grown)
    energy = [e.amount for e in entries_of(found) if e.item == "idle energy"]
    assert np.array(energy)[[12, 24]] == pytest.approx(energy[0] * np.array([1.1, 1.21]), rel=1e-3)


def test_a_generator_that_is_stated_burns_for_its_size_once(answered: Answered) -> None:
    few, many = answered(DHAKA, racks=100), answered(DHAKA, rate=60.0, racks=100)
    per_usd = load().exchange_rates["BDT"][0]
    outage_h = load().countries["BD"].outage_hours_per_year
    by_hand = outage_h * 3.0 * 0.04 * 60.0 * 104.0 / per_usd
    assert item(few, "generator, running idle") == pytest.approx(by_hand)
    assert item(many, "generator, running idle") == pytest.approx(by_hand)


def test_a_site_is_not_opened_for_what_its_room_costs(answered: Answered) -> None:
    cheap = answered(FRANKFURT + CLOUD, racks=1)
    dear = FRANKFURT.replace("minimum_kw: 40", "minimum_kw: 4000")
    assert [line.supply.site for line in answered(dear + CLOUD, racks=1).lines] == [None]
    assert cheap.usd < answered(dear, racks=1).usd


def test_a_whole_plan_says_the_same(answered: Answered, tmp_path: Path, catalog: Catalog) -> None:
    one = answered(DHAKA, racks=1)
    file = tmp_path / "team.yaml"
    file.write_text(TEAM.format(rate=1.0, supply=DHAKA.format(racks=100)), encoding="utf-8")
    found = plan(read_inventory(file, catalog, date(2026, 11, 24)), catalog).plan
    assert found.horizon_usd == pytest.approx(one.usd)
    assert {"standing charge", "demand charge", "staff"} <= {c.name for c in found.costs}
