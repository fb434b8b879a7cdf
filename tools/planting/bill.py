"""The FOCUS bill of a planned fleet, and the price book beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from planting.fleet import HOUR_S, START, Fleet, Node

BILL = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodStart", "ChargePeriodEnd",
    "CommitmentDiscountId", "CommitmentDiscountStatus", "ConsumedQuantity", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "ResourceId", "ResourceName",
    "ServiceCategory", "ServiceName", "SkuId", "Tags",
)  # fmt: skip
Lines = list[dict[str, str]]
PRICES = (
    ("h100-sxm-80gb", "on_demand", 3.6), ("h100-sxm-80gb", "commit_1y", 2.45),
    ("l40s-48gb", "on_demand", 1.86), ("l40s-48gb", "commit_1y", 1.17),
    ("a100-sxm-80gb", "on_demand", 3.67), ("a100-sxm-80gb", "commit_1y", 2.2),
)  # fmt: skip


def bill(fleet: Fleet, line_hours: int = 1, currencies: Sequence[str] = ("USD",)) -> Lines:
    """The FOCUS lines: `line_hours` hours of every node, and what belongs to no GPU."""
    lines: Lines = []
    for number, node in enumerate(n for n in fleet.nodes if n.billed):
        currency = {"BillingCurrency": currencies[number % len(currencies)]}
        hours = range(0, fleet.minutes // 60, line_hours)
        lines += [_line(node, hour, line_hours) | currency for hour in hours]
    for hour in range(fleet.minutes // 60):
        unused = 2.410251 if hour % 5 == 0 else 0.0
        if unused:
            lines.append(
                _other(
                    hour, "Usage", unused, "", CommitmentDiscountId="ri-9", BilledCost="0",
                    CommitmentDiscountStatus="Unused", PricingCategory="Committed",
                )
            )  # fmt: skip
    days = fleet.minutes // 1440
    for day in range(days):
        storage = {"ServiceCategory": "Storage", "ServiceName": "Object storage"}
        lines.append(_other(24 * day, "Usage", 0.123457, "bucket-1", **storage))
    bought = {"CommitmentDiscountId": "ri-9", "BilledCost": "12000"}
    lines.append(_other(0, "Purchase", 0.0, "", **bought))
    lines.append(_other(0, "Tax", 61.234567, ""))
    lines.append(_other(0, "Credit", -50.0, ""))
    lines.append(_other(0, "Adjustment", -0.000012, ""))
    return lines


def _when(hour: int) -> str:
    moment = datetime.fromtimestamp(START.timestamp() + HOUR_S * hour, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(node: Node, hour: int, hours: int) -> dict[str, str]:
    committed = node.bought == "committed"
    more = {
        "ListCost": f"{hours * node.list_usd_per_hour:.6f}",
        "ChargePeriodEnd": _when(hour + hours),
        "PricingCategory": "Committed" if committed else "Standard",
        "ResourceName": node.name,
        "SkuId": f"vm.{node.kind.id}.{node.gpus}x",
        "ServiceCategory": "Compute",
        "ServiceName": "Virtual Machines",
    }
    if committed:
        more |= {"CommitmentDiscountId": "ri-1", "CommitmentDiscountStatus": "Used"}
        more["BilledCost"] = "0"
    return _other(hour, "Usage", hours * node.usd_per_hour, node.resource, **more)


def _other(hour: int, category: str, usd: float, resource: str, **more: str) -> dict[str, str]:
    first = dict.fromkeys(BILL, "") | {
        "BilledCost": f"{usd:.6f}",
        "BillingAccountId": "acme",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-09-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargeCategory": category,
        "ChargePeriodStart": _when(hour),
        "ChargePeriodEnd": _when(hour + 1),
        "ContractedCost": f"{usd:.6f}",
        "EffectiveCost": f"{usd:.6f}",
        "InvoiceIssuerName": "Cloud Inc",
        "ListCost": f"{usd:.6f}",
        "ConsumedQuantity": "1" if category == "Usage" and more.get(
            "CommitmentDiscountStatus") != "Unused" else "",
        "PricingQuantity": "1",
        "PricingUnit": "Hours",
        "PricingCategory": "Standard" if category == "Usage" else "",
        "ProviderName": "Cloud Inc",
        "PublisherName": "Cloud Inc",
        "ResourceId": resource,
    }  # fmt: skip
    return first | more
