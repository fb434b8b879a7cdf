"""A plan that may buy, reserve and sell in stated months only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from years_fixture import HARDWARE, HOUR, choice, cycle, held, rented, server, workload

from gpumix.catalog import load
from gpumix.domain.offer import Purchase
from gpumix.plan.choose import supply
from gpumix.plan.cohorts import cohorts_of
from gpumix.plan.effort import NORMAL
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.periods import whole_year
from gpumix.plan.search import search
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.supply import Supply
from gpumix.verbs.plan import open_inventory

YEARS = tuple(whole_year(year) for year in range(3))
HOURLY = rented(Purchase.ON_DEMAND, 3.0)
STANDING = server(replace(HARDWARE, age_months=12.0, sell_usd=5_000.0), count=1)


def answer(supplies: list[Supply], units: float = 10.0, growth: float = 0.0) -> Answer:
    chosen = choice([workload(units=units, growth=growth)], supplies)
    return answer_of(search(chosen, cycle(chosen), NORMAL.plan))


def test_a_term_begins_in_a_phase_only() -> None:
    one_year = rented(Purchase.RESERVED_1Y, 2.0, starts=(0, 24))
    assert [c.start for c in cohorts_of(one_year, YEARS)] == [0, 24]
    found = answer([one_year, HOURLY])
    assert held(found, "reserved_1y") == [1, 0, 1]
    assert held(found, "on_demand") == [0, 1, 0]
    assert found.usd == pytest.approx((2.0 + 3.0 + 2.0) * HOUR, rel=1e-6)


def test_a_phase_within_a_year_starts_a_period() -> None:
    quarter = rented(Purchase.RESERVED_1Y, 2.0, starts=(3,))
    found = answer([quarter, HOURLY])
    assert [p.start for p in found.formulation.cycle.periods] == [0, 3, 12, 24]
    assert [(c.start, c.paid_until) for c in cohorts_of(quarter, found.formulation.cycle.periods)]
    assert held(found, "reserved_1y")[0] == 0


def test_what_holds_for_the_horizon_holds_from_the_first_phase() -> None:
    held_on = rented(Purchase.RESERVED, 1.0, starts=(12,))
    assert held_on.term_months == 0
    assert [(c.start, c.until) for c in cohorts_of(held_on, YEARS)] == [(12, 36)]


def test_a_shorter_term_does_not_push_out_a_longer_one_that_it_cannot_follow() -> None:
    short, long = rented(Purchase.RESERVED_1Y, 1.5), rented(Purchase.RESERVED_3Y, 2.0)
    assert [s.id for s in worthwhile(choice([workload()], [short, long]))] == ["reserved_1y"]
    both = [replace(s, starts=(0,)) for s in (short, long)]
    assert len(worthwhile(choice([workload()], both))) == 2


def test_a_server_that_may_be_bought_in_the_second_year_is_rented_for_until_then() -> None:
    found = answer([server(starts=(12,)), HOURLY])
    assert held(found, "buy") == [0, 1, 1]
    assert held(found, "on_demand") == [1, 0, 0]
    # 12,000 paid, 500 back, at two years 1 - 0.6 x 2 / 3 of 10,000; 1,000 a year; a year of rent.
    assert found.usd == pytest.approx(12_000 - 500 - 6_000 + 2_000 + 3.0 * HOUR, rel=1e-6)


def test_what_stands_is_sold_in_a_phase_at_what_it_fetches_then() -> None:
    late = replace(STANDING, starts=(12,))
    assert [c.until for c in cohorts_of(late, YEARS)] == [12, 36]
    idle = replace(late, hardware=replace(HARDWARE, sell_usd=50_000.0), idle=True)
    found = answer([idle, rented(Purchase.ON_DEMAND, 0.01)])
    (line,) = (one for one in found.lines if one.supply.id == "owned")
    assert [(c.until, n) for c, n in line.cohorts] == [(12, 1)]
    rent = 3.0 * 0.01 * HOUR
    assert found.usd == pytest.approx(line.usd + rent, rel=1e-6)
    assert line.usd == pytest.approx(line.cohorts[0][0].usd)
    assert found.usd < 0.0


INVENTORY = """
horizon: {{start: 2027-01, years: 2}}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  cloud: {{purchase: [on_demand, reserved_1y], gpus: [h100-sxm-80gb]}}
  on_prem:
    room: {{country: DE, racks: 4, kw_per_rack: 12, gpus: [h100-sxm-80gb], lead_months: 2}}
  phases: {phases}
"""


def offered(tmp_path: Path, phases: str) -> list[Supply]:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(phases=phases))
    return list(supply(open_inventory(file).inventory, load()).of)


def test_an_inventory_s_phases_bind_what_is_bought_and_what_is_reserved(tmp_path: Path) -> None:
    starts = {s.purchase: s.starts for s in offered(tmp_path, "[2027-01, 2027-07]")}
    assert starts == {
        Purchase.ON_DEMAND: None,
        Purchase.RESERVED_1Y: (0, 6),
        Purchase.BUY: (2, 8),
    }


def test_an_order_that_arrives_after_the_end_is_not_offered(tmp_path: Path) -> None:
    assert Purchase.BUY not in {s.purchase for s in offered(tmp_path, "[2028-11]")}
