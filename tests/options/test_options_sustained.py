"""Options get the rates that simulation bears out."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.plan import plan as planner
from gpumix.serving.simulated_capacity import Sustained


def test_options_get_simulated_rates(inventory: Inventory, tried: dict[str, list[Option]]) -> None:
    found = sustained.simulated(inventory, tried).options
    able = [(o, n) for o, n in zip(tried["chat"], found["chat"], strict=True) if n.serves]
    assert able
    for old, new in able:
        assert new.units_per_hour != old.units_per_hour
        assert 0.2 < new.units_per_hour / old.units_per_hour < 2.5
        assert all(c.predicted.value <= c.limit_s for c in new.slos)
        assert new.rate is not None
        assert new.rate.low < new.rate.value < new.rate.high
    assert {o.gpu for o, _ in able} == {"h100-sxm-80gb", "l40s-48gb"}


def test_simulated_rates_are_repeatable(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    assert sustained.simulated(inventory, tried) == sustained.simulated(inventory, tried)


def test_an_option_that_no_load_suits_keeps_its_closed_form(
    inventory: Inventory, tried: dict[str, list[Option]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Sustained(0.0, (math.inf, math.inf), 0.0, 3)
    monkeypatch.setattr(sustained, "capacity_by_simulation", lambda *_, **__: nothing)
    found = sustained.simulated(inventory, tried)
    assert found.unproven == ("chat",)
    assert found.options["chat"] == tried["chat"]


def test_runs_are_as_long_as_the_crowd_is_large(tried: dict[str, list[Option]]) -> None:
    option = replace(tried["chat"][0], batch=100.0)
    assert sustained.requests_for(option, 1) == sustained.STAYS * 100
    assert sustained.requests_for(option, 2) == sustained.STAYS * 200
    assert sustained.requests_for(replace(option, batch=1.0), 1) == 1_500
    assert sustained.requests_for(replace(option, batch=None), 1) == 1_500
    assert sustained.requests_for(replace(option, batch=900.0), 4) == 20_000


def test_the_figures_of_the_traffic_reach_the_simulation(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    """Burstiness, correlation of lengths and shared prefixes change what is sustained."""
    chat = inventory.workloads[0]
    option = next(o for o in tried["chat"] if o.serves)
    assert chat.demand is not None

    def rate(**changes: float) -> float:
        own = replace(chat, demand=replace(chat.demand, **changes))
        return sustained.sustained_by(own, option, 1).requests_per_s

    assert rate(prefix_share=0.5) > 1.05 * rate(prefix_share=0.0)
    assert rate(length_correlation=0.9) != rate(length_correlation=-0.9)
    assert rate(arrival_cv=3.0) < 0.95 * rate(arrival_cv=1.0)


# -- pools -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("demand", "closed", "pool", "rate"),
    [
        (0.9, 1.0, 1, 1.0),  # one is enough
        (0.9, 0.1, 1, 1.0),  # the closed form would have taken nine
        (1.2, 5.0, 2, 2.4),  # and here one: n - 1 at 2.0 each would seem enough
        (3.9, 5.0, 2, 4.0),
        (4.5, 5.0, 3, 6.75),
        (9.5, 5.0, 4, 12.0),
        (99.0, 5.0, 4, 12.0),  # more than the largest pool: its replicas, side by side
        (0.0, 5.0, 1, 1.0),
    ],
)
def test_a_pool_is_the_fewest_replicas_that_carry_the_demand(
    inventory: Inventory,
    tried: dict[str, list[Option]],
    monkeypatch: pytest.MonkeyPatch,
    demand: float,
    closed: float,
    pool: int,
    rate: float,
) -> None:
    """Pools of 1 to 4 sustain 1, 4, 7.5 and 12 requests/s."""
    rates = {1: 1.0, 2: 4.0, 3: 7.5, 4: 12.0}
    monkeypatch.setattr(
        sustained,
        "sustained_by",
        lambda _w, _o, replicas, **_: Sustained(rates[replicas], (0.1, 0.1), 1.0, 1),
    )
    option = replace(tried["chat"][0], units_per_hour=closed * 3600.0)
    found, replicas = sustained.pool_for(inventory.workloads[0], option, demand)
    assert (replicas, found.requests_per_s) == (pool, pytest.approx(rate, rel=1e-5))
    # a mix that divides by the rate of one replica takes so many, and they carry the demand
    taken = max(math.ceil(demand / (found.requests_per_s / replicas)), 1)
    assert rates[min(taken, 4)] * max(taken / 4, 1.0) >= demand


BATCH = """
name: nights
horizon: {start: 2027-01, years: 1}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-70B-Instruct
    precision: [bf16, fp8]
    tokens_per_day: {input: 500M, output: 40M}
    window: "22:00-06:00"
supply:
  cloud: {gpus: [b200-sxm-180gb], purchase: [on_demand]}
"""


def test_work_that_may_wait_is_rated_at_what_other_runs_bear(
    tmp_path: Path, catalog: Catalog
) -> None:
    """The closed form is too fast; a longer run of other requests does what is planned."""
    path = tmp_path / "team.yaml"
    path.write_text(BATCH, encoding="utf-8")
    inventory = read_inventory(path, catalog, date(2026, 11, 24))
    tried = planner.options(inventory, catalog, planner.supply(inventory, catalog))
    found = sustained.simulated(inventory, tried).options["nightly"]
    (nightly,) = inventory.workloads
    assert nightly.demand is not None
    able = [(o, n) for o, n in zip(tried["nightly"], found, strict=True) if n.serves]
    assert {n.gpu for _, n in able} == {"b200-sxm-180gb"}
    for closed, rated in able:
        ratio = rated.units_per_hour / closed.units_per_hour
        assert 0.93 < ratio < 1.005
        gap = sustained.flat_out(rated, nightly.demand, 50_000, seed=5)
        assert 3600.0 / gap.seconds >= rated.units_per_hour
        assert rated.output_tokens_per_s == pytest.approx((closed.output_tokens_per_s or 0) * ratio)
    assert min(n.units_per_hour / o.units_per_hour for o, n in able) < 0.99


def test_workloads_alike_in_all_but_amount_are_asked_about_once(
    inventory: Inventory, tried: dict[str, list[Option]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    honest = sustained.capacity_by_simulation

    def counted(*args: Any, **named: Any) -> Sustained:
        asked.append(named["replicas"])
        return honest(*args, **named)

    monkeypatch.setattr(sustained, "capacity_by_simulation", counted)
    chat = inventory.workloads[0]
    assert chat.demand is not None
    busier = [units * 1.0001 for units in chat.demand.units_per_hour]
    twin = replace(chat, id="twin", demand=replace(chat.demand, units_per_hour=tuple(busier)))
    one = sustained.simulated(replace(inventory, workloads=(chat,)), tried).options
    once = len(asked)
    both = sustained.simulated(
        replace(inventory, workloads=(chat, twin)), {**tried, "twin": tried["chat"]}
    ).options
    assert len(asked) == 2 * once
    assert both["chat"] == one["chat"]
