"""Planted fleets of tools/plant_fleet.py, observed, attributed and audited."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpumix.audit.audit import audit, read_rules
from gpumix.audit.gather import gather
from gpumix.catalog import load
from gpumix.domain.fleet import AuditAnswer
from gpumix.telemetry import store
from gpumix.telemetry.attribute import Attributed, attribute
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.declared import read_declared
from gpumix.telemetry.price_book import read_price_book
from gpumix.telemetry.sources import plain, sacct

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
import plant_fleet  # noqa: E402, F401  from tools/


@dataclass(frozen=True)
class Planted:
    """What was planted, and what came out."""

    expected: dict[str, Any]
    attributed: Attributed
    answer: AuditAnswer


def audited(folder: Path, *, with_samples_of: tuple[str, ...] | None = None) -> Planted:
    """Observe, attribute and audit a planted folder; nodes may be left without telemetry."""
    declared = read_declared(folder / "declare.json")
    seen = plain.read(folder / "samples.parquet", declared)
    if with_samples_of is not None:
        kept = [node in with_samples_of for node in seen.samples.column("node").to_pylist()]
        seen = type(seen)(seen.samples.filter(kept))
    observed = [
        (store.source_of("plain", "samples://planted"), seen),
        (store.source_of("sacct", "sacct://planted"), sacct.read(folder / "sacct.txt", declared)),
    ]
    fleet = store.write(folder / "fleet", observed, declared)
    bill = read_bills([folder / "bill.csv"])
    attributed = attribute(fleet, bill, load())
    prices = read_price_book(folder / "prices.csv", load())
    found = audit(gather(fleet, attributed, bill, prices, read_rules()), attributed.notes)
    expected = json.loads((folder / "expected.json").read_text())
    return Planted(expected, attributed, found)
