"""Terms, renewals and rents."""

from datetime import date

import pytest

from gpumix.cost.cloud import rental_usd, term_fits, term_note
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Offer, Purchase


def _offer(purchase, usd=10.0):
    return Offer(
        "cloud", "8xgpu", "r1", "US", "h100-sxm-80gb", 8, purchase, usd,
        date(2026, 9, 1), "day", Basis.MEASURED, "a page", "",
    )  # fmt: skip


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


def test_commitments_are_paid_for_all_hours_others_for_those_they_run():
    assert rental_usd(_offer(Purchase.RESERVED_1Y), 3.0, 100.0) == 10.0 * 3 * 8760
    assert rental_usd(_offer(Purchase.ON_DEMAND), 3.0, 100.0) == 1000.0
    assert rental_usd(_offer(Purchase.SPOT), 3.0, 100.0, tax_share=0.15) == pytest.approx(1150.0)


def test_lenovo_cloud_year():
    year = rental_usd(_offer(Purchase.ON_DEMAND, 98.32), 1.0, 8760.0)
    assert year == pytest.approx(861283, abs=1)
