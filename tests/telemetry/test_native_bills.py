"""Exports of AWS, Google Cloud and Azure, told as FOCUS."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpumix.errors import InputError
from gpumix.telemetry.bill import BillLine, is_bill, read_bills

AWS = {
    "line_item_usage_start_date": "2026-10-18T00:00:00Z",
    "line_item_usage_end_date": "2026-10-18T01:00:00Z",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "0",
    "line_item_resource_id": "i-0aaa",
    "pricing_public_on_demand_cost": "10",
    "reservation_reservation_a_r_n": "",
}


def written(tmp_path: Path, *rows: Mapping[str, object]) -> Path:
    path = tmp_path / "bill.csv"
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def aws(kind: str, cost: str = "0", **more: str) -> dict[str, str]:
    return AWS | {"line_item_line_item_type": kind, "line_item_unblended_cost": cost} | more


def lines(tmp_path: Path, *rows: Mapping[str, object]) -> tuple[BillLine, ...]:
    return read_bills([written(tmp_path, *rows)]).lines


def costs(found: tuple[BillLine, ...]) -> list[tuple[str, int, int]]:
    return [(one.category, one.effective_micro, one.billed_micro) for one in found]


def test_usage_under_a_savings_plan_costs_its_share_and_its_other_half_is_dropped(tmp_path):
    found = lines(
        tmp_path,
        aws("Usage", "1.25"),
        aws("SavingsPlanCoveredUsage", "10", savings_plan_savings_plan_effective_cost="6.5"),
        aws("SavingsPlanNegation", "-10"),
        aws("DiscountedUsage", "0", reservation_effective_cost="5"),
    )
    assert costs(found) == [
        ("Usage", 1_250_000, 1_250_000), ("Usage", 6_500_000, 0), ("Usage", 5_000_000, 0)
    ]  # fmt: skip
    assert [one.pricing_category for one in found] == ["Standard", "Committed", "Committed"]


def test_what_of_a_commitment_was_not_used_is_a_line_of_its_own(tmp_path):
    unused = {
        "reservation_unused_amortized_upfront_fee_for_billing_period": "1",
        "reservation_unused_recurring_fee": "2.5",
        "reservation_reservation_a_r_n": "arn:1",
    }
    purchase, rest = lines(tmp_path, aws("RIFee", "720", **unused))
    assert costs((purchase, rest)) == [("Purchase", 0, 720_000_000), ("Usage", 3_500_000, 0)]
    assert (rest.commitment_status, rest.commitment_id, rest.resource_id) == (
        "Unused", "arn:1", None
    )  # fmt: skip
    plan = {"savings_plan_total_commitment_to_date": "9", "savings_plan_used_commitment": "9"}
    assert len(lines(tmp_path, aws("SavingsPlanRecurringFee", "9", **plan))) == 1


def test_fees_taxes_credits_and_refunds_have_their_categories(tmp_path):
    found = lines(
        tmp_path,
        aws("Fee", "30"),
        aws("Fee", "900", reservation_reservation_a_r_n="arn:1"),
        aws("Tax", "7"),
        aws("Credit", "-5"),
        aws("Refund", "-2"),
        aws("EdpDiscount", "-1"),
    )
    assert costs(found) == [
        ("Purchase", 30_000_000, 30_000_000),
        ("Purchase", 0, 900_000_000),
        ("Tax", 7_000_000, 7_000_000),
        ("Credit", -5_000_000, -5_000_000),
        ("Usage", -2_000_000, -2_000_000),
        ("Usage", -1_000_000, -1_000_000),
    ]
    assert [one.charge_class for one in found[-2:]] == ["Correction"] * 2


def test_an_unknown_type_of_line_is_named_with_its_line(tmp_path):
    with pytest.raises(InputError, match=r"bill.csv line 3: .*'Gift' is unknown"):
        lines(tmp_path, aws("Usage"), aws("Gift"))


def google(**more: object) -> dict[str, object]:
    return {
        "usage_start_time": "2026-10-18 00:00:00 UTC",
        "usage_end_time": "2026-10-18 01:00:00 UTC",
        "currency": "EUR",
        "cost_type": "regular",
        "cost": "10.5",
        "credits": [{"name": "CUD", "amount": -4.5}, {"name": "SUD", "amount": -1}],
        "resource": {"name": "gke-1", "global_name": "//compute/gke-1"},
        "sku": {"id": "1A2B", "description": "H100"},
    } | more


def test_credits_of_google_lower_the_line_they_stand_on(tmp_path):
    nested = {
        name: json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in google().items()
    }
    (one,) = lines(tmp_path, nested)
    assert costs((one,)) == [("Usage", 5_000_000, 5_000_000)]
    assert (one.resource_id, one.sku_id, one.end - one.start) == ("gke-1", "1A2B", 3600)


def test_parquet_of_google_is_nested(tmp_path):
    path = tmp_path / "bill.parquet"
    pq.write_table(pa.Table.from_pylist([google(), google(cost_type="tax", credits=[])]), path)
    bill = read_bills([path])
    assert costs(bill.lines) == [("Usage", 5_000_000, 5_000_000), ("Tax", 10_500_000, 10_500_000)]
    assert bill.currency == "EUR"


def test_azure_bills_by_the_day(tmp_path):
    azure = {
        "date": "10/18/2026", "billingCurrency": "USD", "costInBillingCurrency": "240",
        "chargeType": "Usage", "ResourceId": "/vm/1", "quantity": "24", "payGPrice": "12.5",
    }  # fmt: skip
    unused = azure | {"chargeType": "UnusedReservation", "date": "2026-10-19"}
    used, rest = lines(tmp_path, azure, unused)
    assert used.end - used.start == 86_400
    assert used.list_micro == 300_000_000
    assert rest.start == used.end
    assert (rest.commitment_status, rest.billed_micro) == ("Unused", 0)


def test_an_export_is_known_by_its_columns():
    assert is_bill(aws("Usage"))
    assert is_bill(google())
    assert not is_bill(["cost", "date"])
