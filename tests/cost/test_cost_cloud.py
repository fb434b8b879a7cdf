"""Terms, renewals and rents."""

import pytest

from gpumix.cost.cloud import term_fits, term_note
from gpumix.domain.offer import Purchase


@pytest.mark.parametrize(
    ("purchase", "years", "fits"),
    [
        (Purchase.ON_DEMAND, 0.5, True),
        (Purchase.SPOT, 0.5, True),
        (Purchase.RESERVED_1Y, 0.5, False),
        (Purchase.RESERVED_1Y, 1, True),
        (Purchase.RESERVED_3Y, 2, False),
        (Purchase.RESERVED_3Y, 5, True),
        (Purchase.BUY, 1, True),
    ],
)
def test_a_term_longer_than_the_horizon_is_not_offered(purchase, years, fits):
    assert term_fits(purchase, years) is fits
    assert term_note(purchase, years).startswith("not offered") is not fits


def test_renewal_is_said_only_where_there_is_one():
    assert "renew at the same price" in term_note(Purchase.RESERVED_1Y, 3)
    assert term_note(Purchase.RESERVED_3Y, 3) == term_note(Purchase.ON_DEMAND, 3) == ""
