"""Bangladesh's customs tariff, line by line, and what of it remains a cost."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost.tax import ImportRates, import_tax_cost, import_taxes, refund_value

CASE = json.loads(
    (Path(__file__).parent.parent / "cases/tco/bangladesh_customs_fy2025_26.json").read_text()
)


def _rates(line):
    order = ("CD", "RD", "SD", "VAT", "AT", "AIT")
    return ImportRates(*(line[column] / 100.0 for column in order))


@pytest.mark.parametrize("line", CASE["inputs"]["lines"], ids=lambda line: line["hs"])
def test_all_taxes_of_a_tariff_line(line):
    due = import_taxes(CASE["inputs"]["assessable_value"], _rates(line))
    published = CASE["published_outputs"][line["hs"]]
    assert due.total == pytest.approx(published, abs=CASE["tolerance"]["abs_percentage_points"])


def test_all_lines_are_there():
    assert len(CASE["inputs"]["lines"]) == 14


def test_of_a_servers_taxes_five_points_are_final():
    (server,) = (line for line in CASE["inputs"]["lines"] if line["hs"] == "84715000")
    due = import_taxes(100.0, _rates(server))
    assert due.advance == pytest.approx(12.875)
    assert import_tax_cost(due.total, due.advance, 1.0, 0.0, 0.13) == pytest.approx(5.0)
    assert import_tax_cost(due.total, due.advance, 0.0, 0.0, 0.13) == pytest.approx(17.875)
    a_year = import_tax_cost(due.total, due.advance, 1.0, 12.0, 0.13)
    assert a_year == pytest.approx(5.0 + 12.875 * (1.0 - 1.0 / 1.13))


@settings(deadline=None, max_examples=50)
@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 0.5),
)
def test_a_refund_is_worth_less_the_later_it_comes(advance, share, lag, longer, rate):
    now = refund_value(advance, share, lag, rate)
    assert 0.0 <= refund_value(advance, share, lag + longer, rate) <= now <= advance
