"""Power and energy against wall-meter readings and the bill's own arithmetic."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost import energy
from gpumix.cost.energy import Supply

CASE = json.loads(
    (Path(__file__).parent.parent / "cases/tco/mlperf_measured_server_power.json").read_text()
)
ROWS = CASE["published_outputs"]


def _reading(system, workload):
    (row,) = (r for r in ROWS if r["system"] == system and r["workload"] == workload)
    return row


@pytest.mark.parametrize(
    ("system", "workload", "joules"),
    [
        ("H200x8", "llama2-70b Offline", 0.2436),
        ("H200x8", "llama2-70b Server", 0.2717),
        ("H200x8", "mixtral-8x7b Offline", 0.1256),
        ("B200x8_air", "llama2-70b Offline", 0.1011),
        ("B200x8_air", "llama2-70b Server", 0.1053),
        ("B200x8_water", "llama3.1-8b Offline", 0.0642),
    ],
)
def test_joules_per_token_at_the_wall(system, workload, joules):
    row = _reading(system, workload)
    ours = energy.joules_per_token(row["avg_w"] / 1e3, row["tok_s"])
    assert ours == pytest.approx(joules, abs=1e-4)


def test_h200_server_year():
    it_kw = 2.38 + (6.22 - 2.38) * 0.6
    assert energy.energy_kwh_per_year(it_kw) / 8 == pytest.approx(5.2e3, rel=0.02)
    facility_kw = energy.facility_power_kw(it_kw, 1.55)
    assert energy.energy_kwh_per_year(facility_kw) / 8 == pytest.approx(8e3, rel=0.02)


def test_generator_curve():
    full, quarter = 0.0170 + 0.2483, 4 * 0.0170 + 0.2483
    assert energy.fuel_curve(full, quarter) == pytest.approx((0.0170, 0.2483))
    rated, load = energy.fuel_curve(full, quarter)
    assert (rated * 100.0 + load * 25.0) / 25.0 == pytest.approx(quarter)


def test_bill_with_a_generator_is_grid_hours_plus_fuel():
    diesel, rated_kw, load_kw, outage_h = 0.8444, 15.8, 7.3, 500.0
    supply = Supply(0.103, outage_h, True, 0.2483 * diesel, 0.0170 * diesel)
    fuel_usd = diesel * outage_h * (0.0170 * rated_kw + 0.2483 * load_kw)
    grid_usd = 0.103 * load_kw * (8760.0 - outage_h)
    bill = energy.energy_usd_per_year(supply, load_kw, rated_kw)
    assert bill == pytest.approx(grid_usd + fuel_usd)
    assert supply.availability == 1.0


def test_without_a_generator_the_service_stops():
    supply = Supply(0.103, 876.0, has_generator=False)
    assert supply.availability == pytest.approx(0.9)
    bill = energy.energy_usd_per_year(supply, 10.0, 15.0)
    assert bill == pytest.approx(0.103 * 10.0 * 8760.0 * 0.9)
    assert supply.usd_per_kwh == 0.103


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 8760.0),
    st.booleans(),
    st.floats(0.0, 50.0),
)
def test_dearer_electricity_never_lowers_the_bill(tariff, rise, outage_h, generator, load_kw):
    cheap = Supply(tariff, outage_h, generator, 0.23, 0.03)
    dear = Supply(tariff + rise, outage_h, generator, 0.23, 0.03)
    bill = energy.energy_usd_per_year(cheap, load_kw, 50.0)
    assert energy.energy_usd_per_year(dear, load_kw, 50.0) >= bill
    assert energy.energy_usd_per_year(cheap, load_kw + 1.0, 50.0) >= bill


def test_arrays_go_through_the_same_code():
    power = np.linspace(2.38, 6.22, 5)
    bills = energy.energy_usd_per_year(Supply(0.1, 500.0, True, 0.2, 0.03), power, 10.0)
    assert bills.shape == (5,)
    assert np.all(np.diff(bills) > 0.0)
