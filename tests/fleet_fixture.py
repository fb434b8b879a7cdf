"""Small fleets for tests: samples, a bill, and both of them given to owners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gpumix.catalog import load
from gpumix.telemetry.attribute import Attributed, attribute
from gpumix.telemetry.bill import Bill, read_bills
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.samples import JOBS, NODES, Observed, as_samples
from gpumix.telemetry.store import Fleet, Source, write

SAMPLES = Path(__file__).parent / "telemetry" / "samples"
START = 1792281600
"""2026-10-18T00:00:00Z."""
HOUR = 3600
CATALOG = load()


def sample(minute: int, slot: int = 0, **values: Any) -> dict[str, Any]:
    """A sample of an H100 of node k1, owned by team a unless told otherwise."""
    usual = {
        "t": START + 60 * minute,
        "gpu": f"GPU-{slot}",
        "index": slot,
        "gpu_name": "NVIDIA H100 80GB HBM3",
        "node": "k1",
        "team": "a",
        "workload": "w",
        "engine_active": 0.9,
        "power_w": 500.0,
        "scraper": "s",
    }
    return usual | values


def nobody(minute: int, slot: int = 0, **values: Any) -> dict[str, Any]:
    """A sample of a GPU without owner."""
    free = {"team": None, "workload": None, "engine_active": 0.0, "power_w": 70.0}
    return sample(minute, slot, **(free | values))


def fleet_of(
    folder: Path,
    samples: Sequence[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]] = (),
    jobs: Sequence[Mapping[str, Any]] = (),
    declared: Declared | None = None,
) -> Fleet:
    """A fleet's folder with these rows."""
    seen = as_samples(pa.Table.from_pylist([dict(s) for s in samples])) if samples else None
    observed = Observed(
        samples=seen,
        nodes=pa.Table.from_pylist([dict(n) for n in nodes], schema=NODES) if nodes else None,
        jobs=pa.Table.from_pylist([dict(j) for j in jobs], schema=JOBS) if jobs else None,
    )
    return write(folder, [(Source("plain", "made", None), observed)], declared or Declared())


def bill_of(path: Path, lines: Sequence[Mapping[str, Any]]) -> Bill:
    """A bill of lines: Usage of node k1 in USD for the first hour unless told otherwise."""
    path.write_text(bill_text(lines), encoding="utf-8")
    return read_bills([path])


def bill_text(lines: Sequence[Mapping[str, Any]]) -> str:
    """The same as the text of a CSV file."""
    usual = {
        "BilledCost": "0",
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargePeriodEnd": "2026-10-18T01:00:00Z",
        "ChargePeriodStart": "2026-10-18T00:00:00Z",
        "EffectiveCost": "1",
        "ResourceId": "k1",
        "ChargeClass": "",
        "CommitmentDiscountId": "",
        "CommitmentDiscountStatus": "",
        "SkuPriceDetails": "",
    }
    rows = [usual | dict(line) for line in lines]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [
        ",".join('"' + str(row.get(n, "")).replace('"', '""') + '"' for n in names) for row in rows
    ]
    return "\n".join([",".join(names), *cells]) + "\n"


def given(fleet: Fleet, bill: Bill | None) -> Attributed:
    """A fleet and a bill, given to owners."""
    return attribute(fleet, bill, CATALOG)


def by_kind(found: Attributed, column: str = "usd_micro") -> dict[tuple[str, str | None], Any]:
    """Sums of a column by kind and team."""
    sums: dict[tuple[str, str | None], Any] = {}
    for row in found.hours.to_pylist():
        key = row["kind"], row["team"]
        sums[key] = sums.get(key, 0) + row[column]
    return sums
