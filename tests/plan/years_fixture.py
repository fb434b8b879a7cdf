"""Small choices made by hand: one GPU that does 10 units an hour, and ways to have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from gpumix.cost.hardware import Hardware
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Purchase
from gpumix.domain.site import Site
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Inventory, Kind, Limits, Slo, Tier, Workload
from gpumix.options.option import Option
from gpumix.plan.cohorts import changes_of
from gpumix.plan.cycle import Cycle, cycle_of
from gpumix.plan.effort import NORMAL
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.search import search
from gpumix.supply.supply import Supply
from offer_fixture import offer

HOUR = 8760.0
DEMAND = Demand((10.0,) * 168, 0.0, Lengths(100.0, 0.0), Lengths(10.0, 0.0), 1.0, 0.0, "test")


def workload(name: str = "chat", units: float = 10.0, growth: float = 0.0, **more: Any) -> Workload:
    """Flat demand, which `units / 10` GPUs serve."""
    demand = replace(DEMAND, units_per_hour=(units,) * 168, growth_per_year=growth)
    plain = Workload(
        id=name, kind=Kind.CHAT, model="m", precisions=("bf16",), kv_precision="", engine="vllm",
        tier=Tier.STANDARD, demand=demand, run=None, slos=(Slo("ttft", 0.95, 1.0),),
        window=tuple(range(168)), countries=(), gpus=(),
    )  # fmt: skip
    return replace(plain, **more)


def rented(purchase: Purchase, usd_per_hour: float, months: int = 0, **more: Any) -> Supply:
    """One GPU by the hour, or for a term."""
    upfront = more.pop("upfront_share", 0.0)
    own = offer(
        usd_per_hour, gpu="x", gpus_per_instance=1, purchase=purchase,
        term_months=months or purchase.term_months, upfront_share=upfront,
    )  # fmt: skip
    plain = Supply(
        id=f"{purchase.value}{months or ''}", gpu="x", gpus_per_instance=1, purchase=purchase,
        provider="acme", region="", country="FI", usd_per_instance_hour=usd_per_hour,
        as_of=date(2026, 8, 1), basis=Basis.MEASURED, source="test", offer=own,
    )  # fmt: skip
    return replace(plain, **more)


HARDWARE = Hardware(
    new_usd=10_000.0, rate_per_year=0.1, shares=(0.4, 0.2), source="quote", basis=Basis.MEASURED,
    paid=(("hardware", "server", 12_000.0),), refund_usd=500.0,
)  # fmt: skip


def server(
    hardware: Hardware | None = HARDWARE, usd_per_year: float = 1_000.0, **more: Any
) -> Supply:
    """A server of one GPU that may be bought, or stands already (`count`)."""
    owned = bool(more.get("count"))
    plain = Supply(
        id="owned" if owned else "buy", gpu="x", gpus_per_instance=1,
        purchase=Purchase.OWNED if owned else Purchase.BUY, provider="own site", region="room",
        country="FI", usd_per_instance_hour=0.0, as_of=None, basis=Basis.ASSUMED, source="test",
        site="room", usd_per_instance_year=(("capital", 0.0), ("support", usd_per_year)),
        kw=1.0, hardware=hardware, most=more.get("count"),
    )  # fmt: skip
    return replace(plain, **more)


def choice(
    workloads: Sequence[Workload], supplies: Sequence[Supply], years: int = 3, rate: float = 0.0
) -> Choice:
    """Every workload on the one GPU."""
    site = Site("room", "FI", racks=1, kw_per_rack=100.0, cooling="air", gpus=("x",))
    inventory = Inventory(
        name="t", start=date(2027, 1, 1), years=years, timezone="UTC", as_of=date(2026, 11, 1),
        report_currency="USD", workloads=tuple(workloads), cloud=None, sites=(site,),
        limits=Limits(None, 1.0), rates=(), notes=(),
    )  # fmt: skip
    options = {
        w.id: [Option(w.id, "x", gpus=1, tp=1, precision="bf16", units_per_hour=10.0)]
        for w in workloads
    }
    return Choice(inventory, options, tuple(supplies), {"x": 1.0}, rate_per_year=rate)


def cycle(chosen: Choice) -> Cycle:
    weights = [1.0] * len(chosen.inventory.workloads)
    return cycle_of(chosen.inventory, weights, changes=changes_of(chosen.supplies))


def planned(
    workloads: Sequence[Workload], supplies: Sequence[Supply], years: int = 3, rate: float = 0.0
) -> Answer:
    """The accounts of the cheapest mix."""
    chosen = choice(workloads, supplies, years, rate)
    return answer_of(search(chosen, cycle(chosen), NORMAL.plan))


def held(answer: Answer, supply: str) -> list[int]:
    """Instances of a supply by period."""
    line = next(line for line in answer.lines if line.supply.id == supply)
    blocks = answer.formulation.cycle.blocks
    periods = dict.fromkeys(block.period for block in blocks)
    return [
        max(n for n, b in zip(line.at_once, blocks, strict=True) if b.period == p) for p in periods
    ]
