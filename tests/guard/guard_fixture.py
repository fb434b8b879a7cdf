"""A plan made by hand that has a part of every kind: owned GPUs cut into slices, a commitment that
grows, GPUs by the hour and spot of another vendor; premium, standard, batch and training work."""

from __future__ import annotations

from datetime import date

from gpumix.catalog import load
from gpumix.domain.evidence import Basis
from gpumix.domain.launch import EngineFlags, Launch
from gpumix.domain.plan import GpuCut, HourlyGpus, MixLine, Placement, Plan, WorkloadPlan
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import (
    CloudSupply,
    Demand,
    Inventory,
    Kind,
    Limits,
    Slo,
    Tier,
    TrainingRun,
    Workload,
)
from gpumix.guard.holding import Holding, Stamp, holding

HOSTILE = "Chat/\u20ac {{ $labels.x }} `id` $(id) 'q' \"q\" \n- key: [x]"
STAMP = Stamp(HOSTILE, "team", "ab" * 32, date(2026, 11, 24), "0.1.0")
NIGHT = (3,) * 6 + (0,) * 16 + (2,) * 2
FLAGS = EngineFlags(64, 8192, 2048, 0.9, False)


def workload(
    id: str, kind: Kind, tier: Tier = Tier.STANDARD, slos: tuple[Slo, ...] = (), rate: float = 3600
) -> Workload:
    """One that asks for `rate` units an hour, each 100 tokens in and 50 out."""
    is_job = kind is Kind.FINETUNE
    demand = Demand((rate,) * 168, 0.0, Lengths(100.0, 1.0), Lengths(50.0, 1.0), 1.0, 0.0, "flat")
    run = TrainingRun("lora", 1e8, 2048, None, 12.0, 12.0, "trl", 16, None) if is_job else None
    return Workload(
        id, kind, "m/8b", ("bf16",), "bf16", "vllm", tier, None if is_job else demand, run,
        slos, tuple(range(168)), (), (),
    )  # fmt: skip


def line(
    resource: str, gpu: str, each: int, count: int, purchase: str, provider: str,
    region: str, instance: str = "", by_year: tuple[int, ...] = (), usd: float = 2.0,
) -> MixLine:  # fmt: skip
    """A line of the mix."""
    return MixLine(
        resource, gpu, each, purchase, provider, region, None, count, count, usd, 0.0, 0.0, 0.5, (),
        None, Basis.ASSUMED, "", instance, counts_by_year=by_year,
    )  # fmt: skip


def launch(
    workloads: tuple[str, ...], resource: str, gpu: str, peak: int, by_hour: tuple[int, ...],
    kind: Kind = Kind.CHAT, tier: Tier = Tier.STANDARD, gpus: int = 1, part: str = "",
) -> Launch:  # fmt: skip
    """Replicas of the first of the workloads; `by_hour` is a day or a week."""
    week = by_hour * 7 if len(by_hour) == 24 else by_hour
    ordered = sorted(week)
    median = ordered[len(ordered) // 2] if ordered else 0
    first = "hostile" if workloads[0] == HOSTILE else workloads[0]
    return Launch(
        f"{first}-{gpu}", workloads, kind, tier, "m/8b", "vllm", resource, gpu, gpus, gpus, part,
        "bf16", "bf16", 100.0, None, week, min(week, default=0), median, peak, FLAGS,
    )  # fmt: skip


WORKLOADS = (
    workload("nightly", Kind.BATCH),
    workload(HOSTILE, Kind.CHAT, Tier.PREMIUM, (Slo("ttft", 0.95, 0.8), Slo("tpot", 0.95, 0.05))),
    workload("copilot", Kind.CHAT, slos=(Slo("ttft", 0.5, 0.3), Slo("ttft", 0.95, 2.0))),
    workload("second", Kind.CHAT, slos=(Slo("ttft", 0.95, 1.0), Slo("e2e", 0.9, 9.0, "vip"))),
    workload("vectors", Kind.EMBEDDING, slos=(Slo("e2e", 0.99, 1.0),)),
    workload("tuning", Kind.FINETUNE),
    workload("art", Kind.MEDIA, slos=(Slo("e2e", 0.95, 20.0),)),
)
MIX = (
    line("site/a100", "a100-sxm-80gb", 8, 1, "owned", "own site", "dhaka", usd=1.0),
    line("aws/h100/1y", "h100-sxm-80gb", 8, 2, "reserved_1y", "aws", "us-east-1", "p5.48xlarge",
         (1, 2)),
    line("aws/l40s", "l40s-48gb", 4, 3, "on_demand", "aws", "us-east-1", "g6e.12xlarge"),
    line("azure/mi300x/spot", "mi300x-192gb", 8, 1, "spot", "azure", "eastus2",
         "Standard_ND96isr_MI300X_v5"),
    line("lambda/l40s", "l40s-48gb", 1, 2, "on_demand", "lambda", "North America", "gpu_1x l40s"),
    line("site/sold", "l40s-48gb", 8, 0, "owned", "own site", "dhaka"),
)  # fmt: skip
CUTS = (GpuCut("site/a100", "a100-sxm-80gb", {"3g.40gb": 2}, 2),)
LAUNCHES = (
    launch((HOSTILE,), "aws/h100/1y", "h100-sxm-80gb", 4, (2,) * 14 + (4,) * 10, tier=Tier.PREMIUM,
           gpus=2),
    launch((HOSTILE,), "aws/l40s", "l40s-48gb", 6, (0,) * 20 + (6,) * 4, tier=Tier.PREMIUM),
    launch(("copilot", "second"), "aws/h100/1y", "h100-sxm-80gb", 6, (3,) * 14 + (6,) * 10),
    launch(("nightly",), "aws/h100/1y", "h100-sxm-80gb", 3, NIGHT, Kind.BATCH, gpus=4),
    launch(("nightly",), "azure/mi300x/spot", "mi300x-192gb", 6, NIGHT, Kind.BATCH),
    launch(("vectors",), "site/a100", "a100-sxm-80gb", 3, (1,) * 18 + (3,) * 6, Kind.EMBEDDING,
           part="3g.40gb"),
    launch(("tuning",), "site/a100", "a100-sxm-80gb", 1, (), Kind.FINETUNE, gpus=4),
    launch(("art",), "lambda/l40s", "l40s-48gb", 2, (1,) * 12 + (2,) * 12, Kind.MEDIA),
)  # fmt: skip


def made_plan(name: str = HOSTILE) -> Plan:
    """The plan as its file would be read."""
    inventory = Inventory(
        name, date(2027, 1, 1), 2, "Asia/Dhaka", date(2026, 11, 24), "USD", WORKLOADS,
        CloudSupply(None, None, None, None, (), None), (), Limits(None, 0.3), (), (),
    )  # fmt: skip
    return Plan(
        name, "optimal", date(2026, 11, 24), date(2027, 1, 1), 2, "Asia/Dhaka", "USD", 1.0, None,
        MIX, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.5, 0.0, (),
        tuple(_planned(one) for one in WORKLOADS), (), (),
        HourlyGpus((), (), ()), (), (), 0.0, inventory=inventory, cuts=CUTS,
    )  # fmt: skip


def _planned(one: Workload) -> WorkloadPlan:
    """`copilot` is 100 ms from its users."""
    rtt_ms = 100.0 if one.id == "copilot" else None
    placement = Placement(
        "aws/h100/1y", "h100-sxm-80gb", 1, 1, "bf16", 1, 1.0, 1.0, None, None, "", rtt_ms=rtt_ms
    )
    usd = 0.25 if one.is_text else None
    return WorkloadPlan(
        one.id, one.kind, one.model, one.tier, "request", (1.0,), 1.0, None, None, usd, None, None,
        (), (placement,), (), "", (), "", (), None,
    )  # fmt: skip


def held(plan: Plan | None = None) -> Holding:
    """What the plan holds, with the packaged GPUs."""
    return holding(STAMP, plan or made_plan(), LAUNCHES, load().gpus)
