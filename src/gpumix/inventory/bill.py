"""A cloud bill -> what ran, for how long and at what rate: FOCUS 1.0 to 1.2, and AWS's CUR.

Amounts are decimals, so that the groups add up to the invoice to the cent. A group is a machine, a
place and a kind of purchase; all that is no hour of a GPU machine is listed apart, by what it is.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gpumix.catalog.importers.names import Names, Unmapped
from gpumix.domain.offer import Purchase
from gpumix.domain.quantities import shown
from gpumix.errors import InputError, Problem
from gpumix.files import read_numbered_columns
from gpumix.units import HOURS_PER_DAY, HOURS_PER_MONTH, SECONDS_PER_HOUR

MOST_PROBLEMS = 10
_LARGEST = Decimal("1e12")
_FOCUS = ("chargecategory", "billedcost", "pricingquantity")
_CUR = ("line_item_line_item_type", "line_item_unblended_cost", "line_item_usage_amount")
_HOURS = {"hours": 1.0, "hour": 1.0, "hrs": 1.0, "hr": 1.0, "h": 1.0, "instance-hours": 1.0,
          "seconds": 1 / SECONDS_PER_HOUR, "minutes": 1 / 60}  # fmt: skip
_TERM = re.compile(r"\b([13])[ -]?y(?:ea)?r", re.IGNORECASE)
_BOX = re.compile(r"(?:^|-)(?:BoxUsage|SpotUsage|HeavyUsage|DedicatedUsage):([A-Za-z0-9.-]+)$")
_COVERED = ("savingsplancoveredusage", "discountedusage")
_CENT = Decimal("0.01")


@dataclass(slots=True)
class Group:
    """Hours of one machine in one place under one kind of purchase; `rate_usd` per GPU-hour.

    `is_counted` is whether anything says how many GPUs the machine has; else 1 is assumed.
    """

    provider: str
    instance: str
    gpu: str
    gpus: int
    region: str
    purchase: Purchase
    hours: float = 0.0
    billed_usd: Decimal = Decimal(0)
    cost_usd: Decimal = Decimal(0)
    is_counted: bool = True

    @property
    def rate_usd(self) -> float:
        """What a GPU-hour cost, commitments spread over their hours."""
        return float(self.cost_usd) / (self.hours * self.gpus)


@dataclass(slots=True)
class Bill:
    """A bill: groups of GPU hours, and the other charges by what they are."""

    name: str
    months: int = 1
    hours_per_month: float = HOURS_PER_MONTH
    invoice_usd: Decimal = Decimal(0)
    groups: list[Group] = field(default_factory=list)
    others: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line in common words; `hours` None where it is no time of a machine."""

    provider: str
    instance: str
    gpus: str
    region: str
    purchase: Purchase
    hours: float | None
    billed: Decimal
    cost: Decimal
    what: str


def is_bill(path: Path) -> bool:
    """Whether a file is named as a table; what is in it, `read_bill` tells."""
    return path.name.removesuffix(".gz").endswith(".csv")


def read_bill(path: Path, names: Names) -> Bill:
    """The bill in a file.

    Raises: InputError where it is no bill, in another currency than USD, holds no hours of a GPU
    machine, or amounts that are none.
    """
    columns, lines = read_numbered_columns(path)
    table = {_key(name): cells for name, cells in columns.items()}
    is_focus = all(name in table for name in _FOCUS)
    if not is_focus and not all(name in table for name in _CUR):
        needed = "FOCUS (ChargeCategory, BilledCost, PricingQuantity) or AWS CUR columns"
        raise InputError(Problem(str(path), "is no bill that gpumix can read", needed))
    _refuse_currencies(path, table)
    problems: list[Problem] = []
    terms = _terms(table)
    bill = Bill(path.name)
    _period(bill, table)
    groups: dict[tuple[object, ...], Group] = {}
    for i, number in enumerate(lines):
        row = {name: cells[i].strip() for name, cells in table.items()}
        try:
            line = _focus(row, terms) if is_focus else _cur(row)
        except ValueError as error:
            problems.append(Problem(f"{path} line {number}", str(error)))
            continue
        bill.invoice_usd += line.billed
        _add(bill, groups, line, names)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        if more > 0:
            problems[MOST_PROBLEMS:] = [Problem(str(path), f"and {more} more lines")]
        raise InputError(problems)
    bill.groups = sorted(groups.values(), key=lambda g: -g.cost_usd)
    if not bill.groups:
        raise InputError(Problem(str(path), "bills no hours of a machine with GPUs"))
    return bill


def _key(name: str) -> str:
    """A column's name in one spelling: `lineItem/UsageType` is line_item_usage_type."""
    if "/" not in name:
        return name.strip().lower()
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().replace("/", "_")).lower()


def _refuse_currencies(path: Path, table: Mapping[str, Sequence[str]]) -> None:
    cells = table.get("billingcurrency", table.get("line_item_currency_code", ()))
    other = sorted({cell.strip().upper() for cell in cells} - {"", "USD"})
    if other:
        said = shown(", ".join(other))
        raise InputError(Problem(str(path), f"is in {said}, not in USD", "export it in USD"))


def _period(bill: Bill, table: Mapping[str, Sequence[str]]) -> None:
    """How many months the bill covers, and the mean hours of one."""
    starts = table.get("billingperiodstart", table.get("bill_billing_period_start_date", ()))
    months = sorted({cell[:7] for cell in starts if re.match(r"\d{4}-\d\d", cell)})
    if months:
        bill.months = len(months)
        days = sum(_days(month) for month in months) / len(months)
        bill.hours_per_month = days * HOURS_PER_DAY


def _days(month: str) -> int:
    return calendar.monthrange(max(int(month[:4]), 1), min(max(int(month[5:]), 1), 12))[1]


def _amount(row: Mapping[str, str], *names: str) -> Decimal:
    """The first amount that is stated; 0 where none is. Raises: ValueError."""
    text = next((row[name] for name in names if row.get(name)), "0")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{names[0]} is {shown(text)}, not an amount") from None
    if not value.is_finite() or abs(value) > _LARGEST:
        raise ValueError(f"{names[0]} is {shown(text)}, not an amount of money")
    return value


def _committed(term: str) -> Purchase:
    found = _TERM.search(term)
    if not found:
        return Purchase.RESERVED
    return Purchase.RESERVED_3Y if found[1] == "3" else Purchase.RESERVED_1Y


def _terms(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Words on the term of each commitment, from any of its lines that has them."""
    found: dict[str, str] = {}
    ids = table.get("commitmentdiscountid", ())
    for name in ("commitmentdiscountname", "commitmentdiscounttype", "chargedescription"):
        for commitment, words in zip(ids, table.get(name, ()), strict=False):
            if commitment and _TERM.search(words):
                found.setdefault(commitment, words)
    return found


def _focus(row: Mapping[str, str], terms: Mapping[str, str]) -> _Line:
    category = row["chargecategory"].lower()
    unit = _HOURS.get(row.get("pricingunit", "").lower())
    is_time = category == "usage" and unit is not None and not row.get("chargeclass")
    is_unused = row.get("commitmentdiscountstatus", "").lower() == "unused"
    quantity = float(_amount(row, "pricingquantity"))
    words = (
        f"{row.get('chargedescription', '')} {terms.get(row.get('commitmentdiscountid', ''), '')}"
    )
    pricing = row.get("pricingcategory", "").lower()
    purchase = Purchase.ON_DEMAND
    if pricing == "dynamic":
        purchase = Purchase.SPOT
    elif pricing == "committed" or row.get("commitmentdiscountid") or "reserved" in words.lower():
        purchase = _committed(words)
    details = row.get("skupricedetails", "")
    named = re.search(r'"InstanceType":\s*"([^"]{1,80})"', details, re.IGNORECASE)
    count = re.search(r'"GpuCount":\s*"?(\d{1,4})', details, re.IGNORECASE)
    what = "unused commitment" if is_unused else category or "charge"
    if is_time:
        what = "usage without GPUs"
    return _Line(
        row.get("providername") or row.get("serviceprovidername", ""),
        named[1] if named else row.get("chargedescription", "")[:80],
        count[1] if count else "",
        row.get("regionid") or row.get("regionname", ""),
        purchase,
        quantity * (unit or 0.0) if is_time and not is_unused and quantity > 0.0 else None,
        _amount(row, "billedcost"),
        _amount(row, "effectivecost", "billedcost"),
        "correction" if row.get("chargeclass") else what,
    )


def _cur(row: Mapping[str, str]) -> _Line:
    kind = row["line_item_line_item_type"]
    usage = row.get("line_item_usage_type", "")
    box = _BOX.search(usage)
    is_time = box is not None and kind.lower() in ("usage", *_COVERED)
    cost = _amount(row, "line_item_unblended_cost")
    hours = float(_amount(row, "line_item_usage_amount"))
    purchase = Purchase.SPOT if "SpotUsage" in usage else Purchase.ON_DEMAND
    if kind.lower() in _COVERED:
        plan, held = "savings_plan_savings_plan_effective_cost", "reservation_effective_cost"
        cost = _amount(row, plan if kind.lower() == _COVERED[0] else held)
        purchase = _committed(
            f"{row.get('savings_plan_purchase_term', '')} "
            f"{row.get('pricing_lease_contract_length', '')}"
        )
    return _Line(
        "aws",
        (box[1] if box else "") or row.get("product_instance_type", ""),
        row.get("product_gpu", ""),
        row.get("product_region", "") or row.get("product_region_code", ""),
        purchase,
        hours if is_time and hours > 0.0 else None,
        _amount(row, "line_item_unblended_cost"),
        cost,
        "usage without GPUs" if is_time else kind or "charge",
    )


def _add(bill: Bill, groups: dict[tuple[object, ...], Group], line: _Line, names: Names) -> None:
    """The line to its group of GPU hours, or to what is billed besides."""
    provider = names.provider(line.provider) if line.provider else ""
    gpu, gpus = _machine(line, provider, names) if line.hours else ("", None)
    if not gpu or not line.hours:
        what = re.sub(r"\s+", " ", line.what)[:60]
        bill.others[what] = bill.others.get(what, Decimal(0)) + line.billed
        return
    region = names.region(provider, line.region)
    key = (provider, line.instance, gpu, gpus, region, line.purchase)
    fresh = Group(provider, line.instance, gpu, gpus or 1, region, line.purchase)
    group = groups.setdefault(key, fresh)
    group.is_counted = gpus is not None
    group.hours += line.hours
    group.billed_usd += line.billed
    group.cost_usd += line.cost


def _machine(line: _Line, provider: str, names: Names) -> tuple[str, int | None]:
    """GPU and GPUs of a machine, '' where it has none that is known, None where nobody counts."""
    if known := names.machine(provider, line.instance):
        return known.gpu, known.gpus
    if line.gpus == "0":
        return "", None
    try:
        gpu = names.gpu(provider, line.instance, line.instance, None)[0]
    except Unmapped:
        return "", None
    return gpu, int(line.gpus) if line.gpus.isdigit() and int(line.gpus) else None


def cents(amount: Decimal) -> str:
    """An amount as an invoice writes it.

    >>> cents(Decimal("1234.5"))
    '1,234.50'
    """
    return f"{amount.quantize(_CENT):,}"
