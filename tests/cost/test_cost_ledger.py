"""The ledger against sums made by hand, the case that its description works out, and an oracle."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy_financial as npf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.cost.finance import annuity_factor, level_cost_per_year
from gpumix.domain.evidence import Basis
from gpumix.domain.ledger import Entry
from ledger_check import cash, cash_after, cash_by_year, present_cost


def entry(month: float, price: float, **fields: Any) -> Entry:
    known = {
        "option": "own", "category": "hardware", "item": "server", "quantity": 1.0,
        "unit": "server", "source": "quotation 4711", "basis": Basis.MEASURED,
        "as_of": date(2026, 11, 2),
    }  # fmt: skip
    return Entry(month=month, price=price, **(known | fields))


def bought(month: int, usd: float) -> list[Entry]:
    """A server with its duty, and the advance and income taxes that come back."""
    duty = 0.05 * usd
    advance, income = 0.075 * (usd + duty), 0.05 * usd
    return [
        entry(month, usd),
        entry(month, duty, category="tax"),
        entry(month, advance, category="tax"),
        entry(month, income, category="tax"),
        entry(month + 12, -advance, category="tax refund"),
        entry(month + 24, -income, category="tax refund", closes=month + 24 >= 36),
    ]


def test_the_worked_example_of_two_servers_with_taxes_and_a_falling_currency() -> None:
    """100,000 now and 80,000 a year later in Dhaka; a room in taka, which loses a fifth; resale of
    27.5 % after 36 months, straight from the price before."""
    room = [
        entry(m, 100_000.0, category="room", currency="BDT", rate=0.008 if m <= 12 else 0.0064,
              closes=True)
        for m in range(1, 37)
    ]  # fmt: skip
    sold = [
        entry(36, -share * usd, category="residual", closes=True)
        for usd, share in ((100_000.0, 0.275), (80_000.0, 1.0 - 0.725 * 2.0 / 3.0))
    ]
    entries = [*bought(0, 100_000.0), *bought(12, 80_000.0), *room, *sold]
    years = cash_by_year(entries, 3)
    assert years == pytest.approx((127_475.0, 94_105.0, -76_453.3333))
    assert cash(entries) == pytest.approx(145_126.6667) == pytest.approx(sum(years))
    assert cash_after(entries, 36) == 0.0


def test_amount_is_quantity_price_and_rate() -> None:
    assert entry(0, 100.0, quantity=3.0, rate=0.5).amount == 150.0


def test_a_month_that_closes_belongs_to_the_year_before() -> None:
    pair = [entry(12, 1.0, closes=True), entry(12, 10.0)]
    assert cash_by_year(pair, 2) == (1.0, 10.0)
    assert (cash_by_year(pair, 1), cash_after(pair, 12)) == ((1.0,), 10.0)


def test_what_a_commitment_owes_past_the_horizon() -> None:
    rent = [entry(m, 100.0, category="rent", closes=True) for m in range(25, 37)]
    assert cash_by_year(rent, 2) == (0.0, 0.0)
    assert (cash_after(rent, 24), cash_after(rent, 30)) == (1_200.0, 600.0)


@given(
    amounts=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
    rate=st.floats(-0.2, 0.5),
)
def test_present_cost_is_a_spreadsheets(amounts: list[float], rate: float) -> None:
    entries = [entry(12 * year, usd) for year, usd in enumerate(amounts)]
    assert present_cost(entries, rate) == pytest.approx(npf.npv(rate, amounts), abs=1e-3)


@given(
    capex=st.floats(1e3, 1e7), share=st.floats(0.0, 1.0),
    rate=st.one_of(st.just(0.0), st.floats(1e-6, 0.5)), years=st.floats(1.0, 15.0),
    longer=st.floats(0.0, 5.0),
)  # fmt: skip
def test_a_purchase_costs_a_year_its_loan_less_what_its_resale_saves(
    capex: float, share: float, rate: float, years: float, longer: float
) -> None:
    """Payments of a loan of the price, less those into a sinking fund that the resale fills."""

    def level(price: float, resale: float, years: float) -> float:
        stay = [entry(0, price), entry(12.0 * years, -resale, closes=True)]
        return level_cost_per_year(present_cost(stay, rate), rate, years, payments_per_year=1)

    sinking = float(annuity_factor(rate, years)) - rate
    charge = level(capex, share * capex, years)
    # as npf.pmt, without its cancellation at small rates (1e-10 of the price at 1e-6)
    loan = capex * rate / -math.expm1(-years * math.log1p(rate)) if rate else capex / years
    assert loan == pytest.approx(-float(npf.pmt(rate, years, capex)), rel=1e-8, abs=1e-3)
    assert charge == pytest.approx(loan - share * capex * sinking, rel=1e-9, abs=1e-5)
    assert level(capex, share * capex, years + longer) <= charge * (1.0 + 1e-12) + 1e-5
    assert level(capex, 0.0, years) >= charge - 1e-9


def test_level_monthly_cost_is_a_loans_payment() -> None:
    monthly = 1.12 ** (1.0 / 12.0) - 1.0
    level = level_cost_per_year(present_cost([entry(0, 10_000.0)], 0.12), 0.12, 3.0)
    assert level == pytest.approx(-12.0 * npf.pmt(monthly, 36, 10_000.0))
    assert level_cost_per_year(present_cost([entry(0, 900.0)], 0.0), 0.0, 3.0) == pytest.approx(
        300.0
    )
