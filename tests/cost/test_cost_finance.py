"""Time value of money against published answers and two independent libraries."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy_financial as npf
import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost import finance
from gpumix.cost.cloud import commitment_break_even_utilisation
from gpumix.errors import NoEstimate

CASES = Path(__file__).parent.parent / "cases" / "tco"
PRIMITIVES = json.loads((CASES / "finance_primitives.json").read_text())
LENOVO = json.loads((CASES / "lenovo_lp2225_breakeven.json").read_text())

rates = st.floats(-0.5, 2.0)
flows = st.lists(st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 1e-2), min_size=2, max_size=24)


def test_npv_published():
    given_, want = PRIMITIVES["inputs"]["npv"], PRIMITIVES["published_outputs"]["npv"]
    assert finance.npv(given_["rate"], given_["cashflows"]) == pytest.approx(want, abs=1e-4)


@pytest.mark.parametrize(
    ("cashflows", "published"),
    list(zip(PRIMITIVES["inputs"]["irr"], PRIMITIVES["published_outputs"]["irr"], strict=True)),
)
def test_irr_published_is_the_root_nearest_zero(cashflows, published):
    nearest = min(finance.irr_all(cashflows), key=abs)
    assert nearest == pytest.approx(published, abs=6e-5)
    assert nearest == pytest.approx(npf.irr(cashflows), abs=1e-9)


def test_irr_is_single_or_says_why():
    assert finance.irr([-100, 0, 0, 74]) == pytest.approx(pyxirr.irr([-100, 0, 0, 74]), abs=1e-9)
    with pytest.raises(NoEstimate, match=r"2 internal rates of return \(-0.6789, -0.0833\)"):
        finance.irr([-100, 100, 0, -7])
    with pytest.raises(NoEstimate, match="no rate"):
        finance.irr([100, 20, 30])
    with pytest.raises(NoEstimate, match="no rate"):
        finance.irr([1, -1, 1])  # 1 - x + x^2 has no real root, though its signs change
    with pytest.raises(NoEstimate):
        finance.irr([])


def test_irr_finds_close_roots():
    wanted = (-0.02, 0.01, 0.0102, 0.35)
    coefficients = np.poly([1.0 / (1.0 + rate) for rate in wanted])[::-1]
    assert finance.irr_all(coefficients) == pytest.approx(wanted, abs=1e-6)


def test_irr_of_a_long_horizon_does_not_overflow():
    months = [-1e6] + [9000.0] * 720
    assert finance.irr(months) == pytest.approx(pyxirr.irr(months), abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(flows)
def test_every_irr_is_a_root_and_none_is_missed(cashflows):
    roots = finance.irr_all(cashflows)
    for rate in roots:
        terms = np.abs(cashflows) * (1.0 + rate) ** -np.arange(len(cashflows), dtype=float)
        assert abs(finance.npv(rate, cashflows)) <= 1e-7 * terms.max()
    grid = np.exp(np.linspace(-3.0, 3.0, 400)) - 1.0
    values = [finance.npv(rate, cashflows) for rate in grid]
    for (low, at_low), (high, at_high) in pairwise(zip(grid, values, strict=True)):
        if at_low * at_high < 0.0:
            assert any(low <= rate <= high for rate in roots)


@settings(deadline=None, max_examples=50)
@given(rates, flows)
def test_npv_agrees_with_both_oracles(rate, cashflows):
    ours = finance.npv(rate, cashflows)
    assert ours == pytest.approx(npf.npv(rate, cashflows), rel=1e-9, abs=1e-6)
    assert ours == pytest.approx(pyxirr.npv(rate, cashflows), rel=1e-9, abs=1e-6)


def test_pmt_and_nper_published():
    inputs, outputs = PRIMITIVES["inputs"], PRIMITIVES["published_outputs"]
    loan = inputs["pmt"]
    paid = finance.pmt(loan["rate_per_period"], float(loan["nper"]), float(loan["pv"]))
    assert paid == pytest.approx(outputs["pmt"], abs=1e-6)
    loan = inputs["nper"]
    periods = finance.nper(loan["rate"], loan["pmt"], loan["pv"])
    assert periods == pytest.approx(outputs["nper"], abs=1e-4)
    assert finance.nper(0.0, -50.0, 1000.0) == 20.0


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-4, 0.5), st.floats(1.0, 80.0), st.floats(1.0, 1e7))
def test_pmt_and_nper_invert_each_other_and_agree_with_oracles(rate, periods, principal):
    paid = finance.pmt(rate, periods, principal)
    assert paid == pytest.approx(float(npf.pmt(rate, periods, principal)), rel=1e-9)
    assert paid == pytest.approx(pyxirr.pmt(rate, periods, principal), rel=1e-9)
    if rate * periods < 20.0:  # beyond, the payment is all interest and n is lost in rounding
        assert finance.nper(rate, paid, principal) == pytest.approx(periods, rel=1e-4)


@pytest.mark.parametrize(("payment", "principal"), [(-10.0, 1000.0), (150.0, 8000.0)])
def test_nper_refuses_a_loan_that_is_never_repaid(payment, principal):
    with pytest.raises(NoEstimate, match="never repays"):
        finance.nper(0.01, payment, principal)


@pytest.mark.parametrize(
    ("arguments", "printed"),
    list(
        zip(
            PRIMITIVES["inputs"]["annuity"], PRIMITIVES["published_outputs"]["annuity"], strict=True
        )
    ),
)
def test_annuity_published(arguments, printed):
    rate, years = map(float, arguments)
    assert finance.annuity_factor(rate, years) == pytest.approx(printed, abs=5e-4)


def test_annuity_limits_and_arrays():
    assert finance.annuity_factor(0.07, np.inf) == pytest.approx(0.07)
    assert finance.annuity_factor(1e-12, 20.0) == pytest.approx(0.05)
    both = finance.annuity_factor(np.array([0.0, 0.07]), np.array([20.0, 25.0]))
    assert both == pytest.approx([0.05, finance.annuity_factor(0.07, 25.0)])
    assert isinstance(finance.annuity_factor(0.0, 20.0), float)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(1e3, 1e7),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.5),
    st.floats(1.0, 15.0),
    st.floats(0.0, 5.0),
)
def test_capital_charge(capex, residual, rate, years, longer):
    charge = finance.capital_charge_per_year(capex, residual * capex, rate, years)
    flow = finance.pmt(rate, years, capex) + residual * capex * (
        finance.annuity_factor(rate, years) - rate  # sinking fund factor
    )
    assert charge == pytest.approx(-flow, rel=1e-9, abs=1e-6)
    later = finance.capital_charge_per_year(capex, residual * capex, rate, years + longer)
    assert later <= charge * (1.0 + 1e-12) + 1e-9
    assert finance.capital_charge_per_year(capex, 0.0, rate, years) >= charge - 1e-9


def test_lenovo_break_even():
    given_, want, within = LENOVO["inputs"], LENOVO["published_outputs"], LENOVO["tolerance"]
    capex, own = given_["capex_usd"], given_["onprem_opex_usd_per_hour"]
    for plan in ("on_demand", "reserved_1y", "reserved_3y"):
        hours = finance.break_even_hours(capex, given_["cloud_usd_per_hour"][plan], own)
        slack = within[f"hours_{plan}_abs"]
        assert hours == pytest.approx(want[f"breakeven_hours_{plan}"], abs=slack)
    on_demand = given_["cloud_usd_per_hour"]["on_demand"]
    months = finance.break_even_months(capex, on_demand, own, 0.0, given_["months_per_hours"])
    assert months == pytest.approx(want["breakeven_months_on_demand"], abs=within["months_abs"])
    assert finance.break_even_hours(capex, 33.0, own) == pytest.approx(25951, abs=1)


def test_lenovo_commitment_break_even():
    cloud = LENOVO["inputs"]["cloud_usd_per_hour"]
    year = commitment_break_even_utilisation(cloud["reserved_1y"], cloud["on_demand"])
    three = commitment_break_even_utilisation(cloud["reserved_3y"], cloud["on_demand"])
    assert (round(year, 3), round(three, 3)) == (0.788, 0.549)


def test_break_even_months_counts_capital():
    free = finance.break_even_months(833806.0, 98.32, 0.87, 0.0)
    dear = finance.break_even_months(833806.0, 98.32, 0.87, 0.13)
    assert dear > free
    monthly = 1.13 ** (1.0 / 12.0) - 1.0
    flows = [-833806.0] + [(98.32 - 0.87) * 730.0] * 13
    assert npf.npv(monthly, flows[:13]) < 0.0 < npf.npv(monthly, flows)


def test_break_even_without_a_saving_is_an_answer_not_a_number():
    with pytest.raises(NoEstimate, match="no break-even"):
        finance.break_even_hours(1e5, 1.0, 1.0)
    with pytest.raises(NoEstimate, match="never repays"):
        finance.break_even_months(1e6, 1.1, 1.0, 0.1)
