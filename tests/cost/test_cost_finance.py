"""Time value of money against published answers and two independent libraries."""

import numpy as np
import pytest
from hypothesis import strategies as st

from gpumix.cost import finance
from gpumix.cost.cloud import commitment_break_even_utilisation

LENOVO = {"on_demand": 98.32, "reserved_1y": 77.43, "reserved_3y": 53.95}
"""USD an hour of p5.48xlarge (Lenovo Press LP2225, 23 May 2025)."""

rates = st.floats(-0.5, 2.0)
flows = st.lists(st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 1e-2), min_size=2, max_size=24)


@pytest.mark.parametrize(("rate", "years", "printed"), [(0.07, 25.0, 0.0858), (0.0, 20.0, 0.05)])
def test_annuity_published(rate, years, printed):
    assert finance.annuity_factor(rate, years) == pytest.approx(printed, abs=5e-5)  # PyPSA


def test_annuity_limits_and_arrays():
    assert finance.annuity_factor(0.07, np.inf) == pytest.approx(0.07)
    assert finance.annuity_factor(1e-12, 20.0) == pytest.approx(0.05)
    both = finance.annuity_factor(np.array([0.0, 0.07]), np.array([20.0, 25.0]))
    assert both == pytest.approx([0.05, finance.annuity_factor(0.07, 25.0)])
    assert isinstance(finance.annuity_factor(0.0, 20.0), float)


def test_lenovo_commitment_break_even():
    cloud = LENOVO
    year = commitment_break_even_utilisation(cloud["reserved_1y"], cloud["on_demand"])
    three = commitment_break_even_utilisation(cloud["reserved_3y"], cloud["on_demand"])
    assert (round(year, 3), round(three, 3)) == (0.788, 0.549)
