"""Bills in the FOCUS format (1.0 to 1.4) or in a cloud's own, line by line, in micro-units.

Costs are read as decimals and rounded once a line, half to even; what a file's lines lack to its
rounded sum is `Bill.residue_micro`. Columns that FOCUS does not name are passed over.
Source: FOCUS specification 1.2, github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec@04f8bb3d.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from gpumix.errors import InputError, Problem
from gpumix.reading import refuse_unplain
from gpumix.telemetry.native_bills import focus_lines, provider_of
from gpumix.telemetry.samples import MOST_TABLE_BYTES

_NEEDED: Final = (
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "EffectiveCost",
)
_USED: Final = (
    *_NEEDED,
    "CapacityReservationStatus",
    "ChargeClass",
    "ChargeDescription",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "ListCost",
    "PricingCategory",
    "ProviderName",
    "RegionId",
    "ResourceId",
    "ResourceName",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "Tags",
)
CATEGORIES: Final = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
"""Of charges."""
_MICRO: Final = Decimal(1_000_000)
_LARGEST = Decimal(10) ** 12
"""The largest cost of a line that is believed, either way [units of its currency]."""
_NULLS: Final = frozenset({"", "null", "none", "nan", "\\n"})


@dataclass(frozen=True, slots=True)
class BillLine:
    """One charge. Costs are in micro-units; `start` and `end` in seconds since 1970 UTC, `end`
    excluded; texts that are absent are None. `place` is the file and line it came from."""

    category: str
    charge_class: str | None
    description: str | None
    start: int
    end: int
    effective_micro: int
    billed_micro: int
    list_micro: int | None
    resource_id: str | None
    resource_name: str | None
    service_category: str | None
    service_name: str | None
    sku_id: str | None
    sku_meter: str | None
    sku_details: str | None
    pricing_category: str | None
    commitment_id: str | None
    commitment_status: str | None
    reservation_status: str | None
    provider: str | None
    region: str | None
    tags: str | None
    place: str


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of one or more files in one currency.

    `residue_micro` and `billed_residue_micro` are the files' exact sums, rounded, less their
    rounded lines. `has_tax` says whether there is a line of tax.
    """

    currency: str
    lines: tuple[BillLine, ...]
    residue_micro: int
    billed_residue_micro: int

    @property
    def effective_micro(self) -> int:
        """Sum of EffectiveCost."""
        return sum(line.effective_micro for line in self.lines) + self.residue_micro

    @property
    def billed_micro(self) -> int:
        """Sum of BilledCost: the invoice."""
        return sum(line.billed_micro for line in self.lines) + self.billed_residue_micro

    @property
    def has_tax(self) -> bool:
        """Whether a line of tax is among them."""
        return any(line.category == "Tax" for line in self.lines)


def read_bills(paths: Sequence[Path]) -> Bill:
    """The lines of FOCUS files: CSV, CSV.gz or Parquet.

    Raises: InputError with all problems: a file that cannot be read, a needed column missing or
    twice, a cell of another kind (with its line), two currencies.
    """
    reader = _Reader()
    for path in paths:
        reader.read(path)
    if len(reader.currencies) > 1:
        named = ", ".join(sorted(reader.currencies))
        fix = "give bills of one currency; nothing is converted"
        reader.problems.append(Problem("--bill", f"is in {named}", fix))
    if not reader.problems and not reader.lines:
        reader.problems.append(Problem("--bill", "holds no lines"))
    if reader.problems:
        raise InputError(reader.problems)
    return Bill(
        currency=next(iter(reader.currencies)),
        lines=tuple(reader.lines),
        residue_micro=reader.residue["EffectiveCost"],
        billed_residue_micro=reader.residue["BilledCost"],
    )


def is_bill(header: Iterable[str]) -> bool:
    """Whether a table's columns are those of a bill: FOCUS, or a cloud's own export.

    >>> is_bill(["BilledCost", "EffectiveCost", "ChargePeriodStart"]), is_bill(["t", "gpu"])
    (True, False)
    """
    names = list(header)
    return {"EffectiveCost", "ChargePeriodStart"} <= set(names) or provider_of(names) is not None


def tags_of(line: BillLine) -> dict[str, str]:
    """The tags of a line by name; empty where it has none, or none that can be read."""
    try:
        found = json.loads(line.tags or "{}")
    except (ValueError, RecursionError):
        return {}
    found = _pairs(found) if isinstance(found, list) else found
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


class _Reader:
    """Gathers the lines and problems of several files."""

    def __init__(self) -> None:
        self.lines: list[BillLine] = []
        self.problems: list[Problem] = []
        self.currencies: set[str] = set()
        self.residue = {"EffectiveCost": 0, "BilledCost": 0}

    def read(self, path: Path) -> None:
        exact = {"EffectiveCost": Decimal(0), "BilledCost": Decimal(0)}
        rounded = {"EffectiveCost": 0, "BilledCost": 0}
        try:
            for place, cells in _rows(path):
                line = self._line(place, cells, exact)
                if line is not None:
                    self.lines.append(line)
                    rounded["EffectiveCost"] += line.effective_micro
                    rounded["BilledCost"] += line.billed_micro
        except InputError as error:
            self.problems += error.problems
        for name, sum_of in exact.items():
            self.residue[name] += _micro(sum_of) - rounded[name]

    def _line(
        self, place: str, cells: Mapping[str, str | None], exact: dict[str, Decimal]
    ) -> BillLine | None:
        before = len(self.problems)
        costs = {name: self._cost(place, name, cells) for name in (*exact, "ListCost")}
        start = self._second(place, "ChargePeriodStart", cells)
        end = self._second(place, "ChargePeriodEnd", cells)
        category = self._category(place, cells)
        currency = cells.get("BillingCurrency")
        if currency is None:
            self.problems.append(Problem(place, "BillingCurrency is empty"))
        if start is not None and end is not None and end <= start:
            self.problems.append(Problem(place, "ChargePeriodEnd is not after ChargePeriodStart"))
        effective, billed = costs["EffectiveCost"], costs["BilledCost"]
        if (
            len(self.problems) > before
            or start is None
            or end is None
            or effective is None
            or billed is None
            or currency is None
        ):
            return None
        self.currencies.add(currency)
        exact["EffectiveCost"] += effective
        exact["BilledCost"] += billed
        listed = costs["ListCost"]
        return BillLine(
            category=category,
            charge_class=cells.get("ChargeClass"),
            description=cells.get("ChargeDescription"),
            start=start,
            end=end,
            effective_micro=_micro(effective),
            billed_micro=_micro(billed),
            list_micro=None if listed is None else _micro(listed),
            resource_id=cells.get("ResourceId"),
            resource_name=cells.get("ResourceName"),
            service_category=cells.get("ServiceCategory"),
            service_name=cells.get("ServiceName"),
            sku_id=cells.get("SkuId"),
            sku_meter=cells.get("SkuMeter"),
            sku_details=cells.get("SkuPriceDetails"),
            pricing_category=cells.get("PricingCategory"),
            commitment_id=cells.get("CommitmentDiscountId"),
            commitment_status=cells.get("CommitmentDiscountStatus"),
            reservation_status=cells.get("CapacityReservationStatus"),
            provider=cells.get("ProviderName"),
            region=cells.get("RegionId"),
            tags=cells.get("Tags"),
            place=place,
        )

    def _cost(self, place: str, name: str, cells: Mapping[str, str | None]) -> Decimal | None:
        text = cells.get(name)
        if text is None:
            if name != "ListCost":
                self.problems.append(Problem(place, f"{name} is empty"))
            return None
        try:
            found = Decimal(text)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self.problems.append(Problem(place, f"{name} {text[:40]!r} is not a number"))
            return None
        if abs(found) > _LARGEST:
            self.problems.append(Problem(place, f"{name} {text[:40]} is larger than any bill"))
            return None
        return found

    def _second(self, place: str, name: str, cells: Mapping[str, str | None]) -> int | None:
        text = cells.get(name) or ""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            fix = "such as 2026-10-18T00:00:00Z"
            self.problems.append(Problem(place, f"{name} {text[:40]!r} is no time", fix))
            return None
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())

    def _category(self, place: str, cells: Mapping[str, str | None]) -> str:
        text = cells.get("ChargeCategory") or ""
        for known in CATEGORIES:
            if text.lower() == known.lower():
                return known
        fix = f"one of {', '.join(CATEGORIES)}"
        self.problems.append(Problem(place, f"ChargeCategory {text[:40]!r} is unknown", fix))
        return text


def _micro(cost: Decimal) -> int:
    return int((cost * _MICRO).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Rows of a file by the columns used, each with its place; a null of any spelling is None."""
    refuse_unplain(path, "name a CSV, CSV.gz or Parquet file", most_bytes=MOST_TABLE_BYTES)
    yield from (_parquet_rows(path) if path.suffix == ".parquet" else _csv_rows(path))


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(Problem(str(path), f"is no Parquet file: {error}")) from None
    names = file.schema_arrow.names
    provider = _checked(path, names)
    number = 0
    wanted = names if provider else [name for name in _USED if name in names]
    try:
        for batch in file.iter_batches(columns=wanted):
            for row in batch.to_pylist():
                number += 1
                yield from _told(f"{path} row {number}", row, provider)
    except (pa.lib.ArrowException, OSError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = [name.strip() for name in next(reader, [])]
            provider = _checked(path, header)
            used = [(name, i) for i, name in enumerate(header) if provider or name in _USED]
            for row in reader:
                place = f"{path} line {reader.line_num}"
                if len(row) == len(header):
                    yield from _told(place, {name: row[i] for name, i in used}, provider)
                elif row:
                    what = f"{len(row)} cells where the header has {len(header)}"
                    raise InputError(Problem(place, what))
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None


def _told(
    place: str, row: Mapping[str, Any], provider: str | None
) -> Iterator[tuple[str, dict[str, str | None]]]:
    """A row as lines of FOCUS, each with its place."""
    try:
        for line in focus_lines(provider, row) if provider else (row,):
            yield place, {name: _text(value) for name, value in line.items()}
    except ValueError as error:
        raise InputError(Problem(place, str(error))) from None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value if isinstance(value, dict) else _pairs(value))
    text = str(value).strip()
    return None if text.lower() in _NULLS else text


def _pairs(value: list[Any]) -> Any:
    """A list of tags as a mapping: pairs, or records of a key and its value; else as it is."""
    if all(isinstance(one, dict) and {"key", "value"} <= set(one) for one in value):
        return {one["key"]: one["value"] for one in value}
    if all(isinstance(one, list | tuple) and len(one) == 2 for one in value):
        return dict(value)
    return value


def _checked(path: Path, header: Sequence[str]) -> str | None:
    """Whose own export it is, None for FOCUS.

    Raises: InputError for a needed column that is missing, or a used one that appears twice.
    """
    provider = provider_of(header)
    problems = [
        Problem(str(path), f"has no column {name!r}", "a FOCUS bill has it")
        for name in _NEEDED
        if name not in header and provider is None
    ]
    problems += [
        Problem(str(path), f"column {name!r} appears twice")
        for name in (dict.fromkeys(header) if provider else _USED)
        if header.count(name) > 1
    ]
    if problems:
        raise InputError(problems)
    return provider
