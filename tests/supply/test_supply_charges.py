"""Prices as they will be paid, each worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gpumix.domain.contracts import Contracts, Credit, Discount, Support
from gpumix.domain.offer import Layer, Offer, OwnTerms, Purchase
from gpumix.domain.workload import CloudSupply, Inventory, Limits
from gpumix.supply.charges import CREDIT_ENDED, charged
from offer_fixture import offer

LISTED = offer(
    10.0, provider="aws", instance="p5.48xlarge", region="us-east-1", country="US",
    as_of=date(2026, 11, 1), source="list", tier="hyperscaler",
)  # fmt: skip


def inventory(**terms: object) -> Inventory:
    """Two years from January 2027."""
    contracts = Contracts(**terms)  # type: ignore[arg-type]
    cloud = CloudSupply(None, None, None, None, tuple(Purchase), None, contracts=contracts)
    return Inventory(
        "team", date(2027, 1, 1), 2, "UTC", date(2026, 11, 24), "USD", (), cloud, (),
        Limits(None, 0.3), (), (),
    )  # fmt: skip


def paid(offer: Offer, **terms: object) -> Offer:
    (found,) = charged([offer], inventory(**terms)).offers
    return found


def own_rate(price: float, discount: float, until: date | None, support: float = 0.0) -> Offer:
    own = OwnTerms(discount, support, None, until)
    return replace(LISTED, layer=Layer.SHEET, usd_per_instance_hour=price, own=own)


def test_an_offer_without_terms_is_untouched() -> None:
    bill = charged([LISTED], inventory())
    assert bill.offers == (LISTED,)
    assert bill.words == {}
    assert bill.notes == ()


@pytest.mark.parametrize(
    ("until", "price"),
    [
        (date(2027, 6, 30), 76.0),  # 6 months at 64, 18 at 80
        (date(2027, 6, 15), 76.333333),  # 5.5 months at 64, 18.5 at 80
        (date(2028, 12, 31), 64.0),  # to the last day
        (date(2035, 1, 1), 64.0),
        (date(2026, 12, 31), 80.0),  # the day before the start
    ],
)
def test_a_rows_discount_ends_with_its_credit(until: date, price: float) -> None:
    found = paid(own_rate(64.0, 0.2, until))  # 80 less 20 %
    assert found.usd_per_instance_hour == pytest.approx(price)
    assert (CREDIT_ENDED in found.marks) == (until < date(2027, 1, 1))


def test_support_of_a_row_stays_on_what_is_left_after_its_credit() -> None:
    found = paid(own_rate(80.0 * 0.8 * 1.1, 0.2, date(2027, 12, 31), support=0.1))
    assert found.usd_per_instance_hour == pytest.approx((64.0 + 80.0) / 2 * 1.1)
    assert "its discount 20 % until 2027-12-31, 12 of 24 months" in found.note


@pytest.mark.parametrize(
    ("discount", "price"),
    [
        (Discount("aws", 0.1), 72.0),
        (Discount("gcp", 0.1), 80.0),
        (Discount("aws", 0.1, gpus=("h100-sxm-80gb",)), 72.0),
        (Discount("aws", 0.1, gpus=("l4-24gb",)), 80.0),
        (Discount("aws", 0.1, regions=("us-east-1",)), 72.0),
        (Discount("aws", 0.1, regions=("eu-west-1",)), 80.0),
        (Discount("aws", 0.1, purchases=(Purchase.ON_DEMAND,)), 72.0),
        (Discount("aws", 0.1, purchases=(Purchase.RESERVED, Purchase.SPOT)), 80.0),
        (Discount("aws", 0.1, until=date(2027, 3, 31)), 79.0),  # 3 of 24 months at 72
        (Discount("aws", 0.1, until=date(2026, 3, 31)), 80.0),
    ],
)
def test_a_discount_is_off_the_prices_that_it_names(discount: Discount, price: float) -> None:
    found = paid(LISTED, discounts=(discount,))
    assert found.usd_per_instance_hour == pytest.approx(price)


def test_reserved_means_a_commitment_of_any_length() -> None:
    term = replace(LISTED, purchase=Purchase.RESERVED_3Y, term_months=36)
    off = Discount("aws", 0.5, purchases=(Purchase.RESERVED,))
    assert paid(term, discounts=(off,)).usd_per_instance_hour == 40.0


def test_of_several_discounts_the_largest_over_the_horizon_counts() -> None:
    short = Discount("aws", 0.4, until=date(2027, 3, 31))  # 5 % of two years
    found = paid(LISTED, discounts=(short, Discount("aws", 0.1), Discount("aws", 0.08)))
    assert found.usd_per_instance_hour == pytest.approx(72.0)


def test_discounts_leave_negotiated_and_estimated_prices_alone() -> None:
    off = (Discount("aws", 0.1),)
    own = replace(LISTED, layer=Layer.SHEET)
    imported = replace(LISTED, layer=Layer.IMPORT)
    assert paid(own, discounts=off).usd_per_instance_hour == 80.0
    assert paid(imported, discounts=off).usd_per_instance_hour == pytest.approx(72.0)
    assert paid(replace(imported, own=OwnTerms(discount=0.2)), discounts=off).note == ""
    assert paid(replace(LISTED, derived=True), discounts=off).usd_per_instance_hour == 80.0


def test_support_and_taxes_are_laid_on_what_a_discount_leaves() -> None:
    terms = {
        "discounts": (Discount("aws", 0.1),),
        "support": (Support("aws", 0.03),),
        "tax_share": 0.15,
    }
    ranged = replace(LISTED, low_usd_per_instance_hour=40.0, high_usd_per_instance_hour=120.0)
    found = paid(ranged, **terms)
    # 80 x 0.9 x 1.03 x 1.15, and so for both ends
    assert found.usd_per_instance_hour == pytest.approx(85.284)
    assert found.low_usd_per_instance_hour == pytest.approx(42.642)
    assert found.high_usd_per_instance_hour == pytest.approx(127.926)
    words = "listed at 10 USD per GPU-hour; discount 10 %; support 3 %; taxes 15 %"
    assert found.note == words
    assert charged([ranged], inventory(**terms)).words == {found: words}


def test_a_row_that_states_its_support_pays_no_other() -> None:
    support = (Support("aws", 0.03),)
    stated = own_rate(88.0, 0.0, None, support=0.1)
    assert paid(stated, support=support).usd_per_instance_hour == 88.0
    silent = replace(LISTED, layer=Layer.SHEET)
    assert paid(silent, support=support).usd_per_instance_hour == pytest.approx(82.4)


def test_terms_that_change_nothing_are_named() -> None:
    bill = charged(
        [LISTED],
        inventory(
            discounts=(
                Discount("aws", 0.1, until=date(2026, 12, 31)),
                Discount("aws", 0.25, gpus=("l4-24gb",)),
            ),
            credits=(Credit("aws", 5000.0, date(2026, 12, 1)),),
        ),
    )
    assert bill.notes == (
        "discounts: 10 % of aws ended 2026-12-31, before the plan starts",
        "discounts: 25 % of aws fits no listed price that may be used",
        "credits: 5,000 USD of aws ended 2026-12-01, before the plan starts",
    )
