"""Time value of money against published answers and two independent libraries."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from gpumix.cost import finance
from gpumix.cost.cloud import commitment_break_even_utilisation

CASES = Path(__file__).parent.parent / "cases" / "tco"
PRIMITIVES = json.loads((CASES / "finance_primitives.json").read_text())
LENOVO = json.loads((CASES / "lenovo_lp2225_breakeven.json").read_text())

rates = st.floats(-0.5, 2.0)
flows = st.lists(st.floats(-1e4, 1e4).filter(lambda x: abs(x) > 1e-2), min_size=2, max_size=24)


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


def test_lenovo_commitment_break_even():
    cloud = LENOVO["inputs"]["cloud_usd_per_hour"]
    year = commitment_break_even_utilisation(cloud["reserved_1y"], cloud["on_demand"])
    three = commitment_break_even_utilisation(cloud["reserved_3y"], cloud["on_demand"])
    assert (round(year, 3), round(three, 3)) == (0.788, 0.549)
