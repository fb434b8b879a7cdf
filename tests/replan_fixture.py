"""A team with measured rates, so that nothing is simulated, and prices of its own to change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan

QUICK = WORK["quick"]
START = date(2027, 1, 1)
PRICES = {
    ("acme", "l40s-48gb", "on_demand"): 1.0,
    ("acme", "l40s-48gb", "reserved_1y"): 0.7,
    ("nimbus", "h100-sxm-80gb", "on_demand"): 3.0,
    ("nimbus", "h100-sxm-80gb", "reserved_1y"): 2.0,
}
"""(provider, GPU, purchase) -> USD per GPU-hour."""
TEAM = """
name: renders
horizon: {start: 2027-01, years: YEARS}
as_of: 2026-11-24
workloads:
  frames:
    kind: custom
    unit: frames
    rates: {l40s-48gb: 120, h100-sxm-80gb: 300}
    traffic: {requests_per_s: 0.4, growth_per_year: 0.5}
    latency: 300 s
supply:
  cloud: {providers: [acme, nimbus], purchase: [on_demand, reserved]}
EXTRA
prices: rates.csv
"""
SITE = """
  on_prem: {hq: {country: DE, racks: 2, kw_per_rack: 20, gpus: [l40s-48gb], lead_months: LEAD}}
"""


def sheet(prices: Mapping[tuple[str, str, str], float], as_of: date) -> str:
    """A price sheet."""
    rows = [
        f"{provider},{gpu},1,{purchase},{usd},{as_of}"
        for (provider, gpu, purchase), usd in prices.items()
    ]
    head = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of"
    return "\n".join([head, *rows]) + "\n"


@cache
def catalog() -> Catalog:
    """The shipped one."""
    return load()


def team(
    folder: Path,
    years: int = 2,
    extra: str = "",
    prices: Mapping[tuple[str, str, str], float] = PRICES,
) -> Path:
    """The inventory's file, its price sheet beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rates.csv").write_text(sheet(prices, date(2026, 11, 24)), encoding="utf-8")
    text = TEAM.replace("YEARS", str(years)).replace("EXTRA", extra)
    (folder / "team.yaml").write_text(text, encoding="utf-8")
    return folder / "team.yaml"


def inventory_of(path: Path) -> Inventory:
    """An inventory, read."""
    return read_inventory(path, catalog(), date(2026, 11, 24))


def planned(path: Path) -> Plan:
    """Its plan, with little effort."""
    inventory = inventory_of(path)
    return plan(inventory, catalog().with_rates(inventory.rates), work=QUICK).plan
