"""Three totals with three names, sums of one ledger; fixed costs of a site that are fixed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from years_fixture import HARDWARE, HOUR, choice, cycle, planned, rented, server, workload

from gpumix.catalog import load
from gpumix.cost.finance import level_cost_per_year, months_worth
from gpumix.cost.site_charges import ServerDraw, SiteCharges
from gpumix.cost.staff import SiteStaff
from gpumix.domain.case import Demand, Tariff
from gpumix.domain.offer import Purchase
from gpumix.plan.effort import NORMAL
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import (
    Answer,
    answer_of,
    cost_parts,
    entries_of,
    ledger,
    mix_lines,
    proof_of,
)
from gpumix.plan.search import search
from gpumix.supply.supply import Supply
from ledger_check import cash, present_cost

AGEING = load().ageing
RATE = 0.13
HOURLY = rented(Purchase.ON_DEMAND, 3.0)
ONE_YEAR = rented(Purchase.RESERVED_1Y, 2.0, upfront_share=0.5)
THREE_YEARS = rented(Purchase.RESERVED_3Y, 1.5)
STANDING = server(replace(HARDWARE, age_months=12.0, sell_usd=9_000.0), count=3)
LATE = server(replace(HARDWARE, refund_lag_months=12.0), lead_months=5)
STAFF = SiteStaff("room", least=0.5, per_server=0.01, salary_usd=10_000.0)
ALONE = server(replace(HARDWARE, paid=(("hardware", "server", 10_800.0),)), usd_per_year=900.0)


def solved(chosen: Choice) -> Answer:
    return answer_of(search(chosen, cycle(chosen), NORMAL.plan))


def site(supplies: list[Supply], units: float, staff: SiteStaff = STAFF) -> Answer:
    chosen = choice([workload(units=units)], supplies, 3, RATE)
    return solved(replace(chosen, staff=(staff,)))


@pytest.mark.parametrize(
    "supplies",
    [[HOURLY], [ONE_YEAR, HOURLY], [THREE_YEARS], [LATE, HOURLY], [STANDING, LATE, HOURLY]],
    ids=["by the hour", "reserved", "owed", "bought late", "standing"],
)
@pytest.mark.parametrize("rate", [0.0, RATE])
def test_every_sum_of_leaves_is_its_total_to_the_cent(supplies: list[Supply], rate: float) -> None:
    chosen = replace(choice([workload(growth=1.0)], supplies, 3, rate), staff=(STAFF,))
    answer = solved(chosen)
    found, entries = ledger(answer), entries_of(answer)
    options = list(found.options.values())
    assert math.fsum(o.present_cost for o in options) == pytest.approx(answer.usd, abs=0.005)
    assert present_cost(entries, rate) == pytest.approx(answer.usd, abs=0.005)
    assert math.fsum(x.usd_horizon for x in mix_lines(answer, AGEING)) == pytest.approx(answer.usd)
    total = math.fsum(answer.cash_by_year)
    for sums in (
        [leaf.amount for o in options for leaf in o.leaves],
        [leaf.quantity * leaf.price for o in options for leaf in o.leaves],
        [o.cash.total for o in options],
        [usd for o in options for usd in o.by_category.values()],
        [usd for part in cost_parts(answer) for usd in part.usd_by_year],
        [usd for o in options for usd in o.cash.by_month],
    ):
        assert math.fsum(sums) == pytest.approx(total, abs=0.005)
    assert cash(entries) == pytest.approx(total, abs=0.005)
    level = level_cost_per_year(present_cost(entries, rate), rate, 3.0) / 12.0
    assert answer.usd / answer.level_months == pytest.approx(level)
    assert answer.found.solution.cost == pytest.approx(answer.minimised_usd)
    if not rate:
        assert total == pytest.approx(answer.usd)


def test_rent_of_later_years_counts_for_less_in_the_search_too() -> None:
    answer = planned([workload(growth=1.0)], [HOURLY], 3, RATE)
    years = [months_worth(RATE, 12 * y, 12 * y + 12) / 12.0 for y in range(3)]
    by_hand = math.fsum(3.0 * HOUR * n * worth for n, worth in zip((1, 2, 4), years, strict=True))
    assert answer.found.solution.cost == pytest.approx(by_hand)
    assert answer.cash_by_year == pytest.approx([3.0 * HOUR * n for n in (1, 2, 4)])


def test_a_site_pays_its_least_staff_once_however_many_servers_it_has() -> None:
    one, two = site([server()], 10.0), site([server()], 20.0)
    plain = planned([workload(units=10.0)], [server()], 3, RATE)
    posts = 0.5 * 10_000.0 / 12.0 * months_worth(RATE, 0, 36)
    assert one.usd - plain.usd == pytest.approx(posts)
    assert two.usd == pytest.approx(2.0 * plain.usd + posts)
    for answer in (one, two):
        assert answer.found.solution.cost == pytest.approx(answer.usd)
        assert (answer.found.solution.gap or 0.0) < 0.005


def test_staff_that_goes_by_the_server_is_seen_by_the_search() -> None:
    staff = SiteStaff("room", least=0.0, per_server=0.2, salary_usd=10_000.0)
    plain = planned([workload(units=30.0)], [server()], 3, RATE)
    found = site([server()], 30.0, staff)
    posts = 3.0 * 2_000.0 / 12.0 * months_worth(RATE, 0, 36)
    assert found.usd == pytest.approx(plain.usd + posts)
    assert found.found.solution.cost == pytest.approx(found.usd)


def test_an_open_site_is_not_opened_where_its_staff_costs_more_than_rent() -> None:
    dear = replace(STAFF, salary_usd=1_000_000.0)
    found = site([server(), HOURLY], 10.0, dear)
    assert [line.supply.id for line in found.lines] == [HOURLY.id]


@pytest.mark.parametrize(("capex_usd", "bought"), [(12_499.0, False), (12_500.0, True)])
def test_the_budget_pays_for_the_fit_out_too(capex_usd: float, bought: bool) -> None:
    chosen = choice([workload()], [server(), HOURLY], 3, RATE)
    limits = replace(chosen.inventory.limits, capex_usd=capex_usd)
    fitted = SiteCharges("room", fit_out_usd=500.0)
    inventory = replace(chosen.inventory, limits=limits)
    found = solved(replace(chosen, inventory=inventory, sites=(fitted,)))
    assert found.capex_usd == pytest.approx(12_500.0 if bought else 0.0)
    assert [line.supply.purchase is Purchase.BUY for line in found.lines] == [bought]
    assert found.found.solution.cost == pytest.approx(found.usd)


def test_a_second_server_adds_its_draw_and_not_the_standing_charge() -> None:
    draw = ServerDraw(idle_kw=1.0, load_kw=2.0, nameplate_kw=3.0)
    tariff = Tariff(energy={"all": 0.1}, fixed_per_day=1.0, demand=Demand(price=(10.0,)))
    chosen = choice([workload(units=20.0)], [server(draw=draw)], 3, RATE)
    found = solved(replace(chosen, sites=(SiteCharges("room", tariff=tariff),)))
    plain = planned([workload(units=20.0)], [server()], 3, RATE)
    monthly = 365.0 / 12.0 + 2.0 * 2.0 * 10.0
    assert found.usd - plain.usd == pytest.approx(monthly * months_worth(RATE, 0, 36))
    assert found.found.solution.cost == pytest.approx(found.usd)


def test_the_bound_is_lowered_by_what_the_search_counts_too_dear() -> None:
    """Two servers fill the least of a room, which the search counts beside the second."""
    draw = ServerDraw(idle_kw=0.0, load_kw=0.0, nameplate_kw=3.0)
    room = SiteCharges("room", rent_usd_per_kw_month=50.0, minimum_kw=6.0)
    chosen = choice([workload(units=20.0)], [server(draw=draw)], 3, RATE)
    found = solved(replace(chosen, sites=(room,)))
    plain = planned([workload(units=20.0)], [server()], 3, RATE)
    too_dear = 3.0 * 50.0 * months_worth(RATE, 0, 36)
    assert found.usd == pytest.approx(plain.usd)  # rent is a part of each server, here left out
    assert found.found.solution.cost == pytest.approx(found.usd + too_dear)
    proof = proof_of(found)
    assert proof.bound is not None
    assert proof.bound <= found.usd
    assert proof.bound == pytest.approx((found.found.solution.bound or 0.0) - too_dear)


def test_the_only_server_of_a_site_has_no_network_and_two_have() -> None:
    networked = replace(server(), alone=ALONE)
    one, two = site([networked], 10.0), site([networked], 20.0)
    by_hand = planned([workload()], [replace(ALONE, capex_usd=0.0)], 3, RATE)
    posts = 0.5 * 10_000.0 / 12.0 * months_worth(RATE, 0, 36)
    assert one.capex_usd == pytest.approx(10_800.0)
    assert one.usd == pytest.approx(by_hand.usd + posts)
    assert one.found.solution.cost == pytest.approx(one.usd)
    assert two.capex_usd == pytest.approx(24_000.0)
    assert two.usd == pytest.approx(site([server()], 20.0).usd)
