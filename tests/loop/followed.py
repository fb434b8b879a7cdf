"""A small plan made by hand, and fleets of tools/follow_plan.py that follow it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from gpumix.catalog import Catalog, load
from gpumix.domain.drift import DriftAnswer, DriftCheck
from gpumix.domain.evidence import Basis
from gpumix.domain.launch import Launch
from gpumix.domain.plan import HourlyGpus, MixLine, Plan
from gpumix.domain.timeline import Action, Step
from gpumix.domain.workload import Kind, Tier
from gpumix.inventory import read_inventory
from gpumix.verbs import drift as verb
from gpumix.verbs.launches import ReadPlan

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = """
name: small
horizon: {start: 2026-09, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: servegen-chat, peak_requests_per_s: 8}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  code:
    kind: chat
    model: Qwen/Qwen2.5-32B-Instruct
    precision: fp8
    traffic: {requests_per_s: 0.6, input_tokens: 2000, output_tokens: 300}
    slo: {ttft_p95: 3 s, tpot_p95: 80 ms}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand, reserved_1y]}
"""
H100, L40S = "h100-sxm-80gb", "l40s-48gb"
RESERVED, HOURLY = "reserved_1y:a:2xh100", "on_demand:b:1xl40s"
DAY = 21
"""On which a drift begins, of 28 days: a week of it is seen."""
SINCE = "2026-09-28T00:00:00Z"


def follow_plan() -> ModuleType:
    """The tool."""
    name = "follow_plan"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@cache
def catalog() -> Catalog:
    return load()


def _line(resource: str, gpu: str, gpus: int, price: float, count: int, mean: float) -> MixLine:
    purchase, provider, _ = resource.split(":")
    return MixLine(
        resource, gpu, gpus, purchase, provider, "here", "US", count, mean, price,
        price * gpus * mean * 730.0, 0.0, 0.7, (), date(2026, 9, 1), Basis.MEASURED, "made",
        term_months=12 if purchase == "reserved_1y" else 0,
    )  # fmt: skip


def _launch(
    workload: str, model: str, line: MixLine, precision: str, by_hour: tuple[int, ...]
) -> Launch:
    return Launch(
        f"{workload}-{line.gpu}", (workload,), Kind.CHAT, Tier.STANDARD, model, "vllm",
        line.resource, line.gpu, 1, 1, "", precision, "", 9000.0, None, by_hour, min(by_hour),
        max(by_hour), max(by_hour),
    )  # fmt: skip


@cache
def read(folder: Path) -> ReadPlan:
    """The plan: code on two reserved H100s of one node, chat on an L40S and, by day, another."""
    path = folder / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    inventory = read_inventory(path, catalog(), date(2026, 9, 1))
    chat, code = inventory.workloads
    reserved = _line(RESERVED, H100, 2, 2.0, 1, 1.0)
    hourly = _line(HOURLY, L40S, 1, 0.8, 3, 2.5)
    by_day = tuple(3 if 8 <= hour % 24 < 20 else 2 for hour in range(168))
    reserve = Step(date(2026, 9, 1), Action.RESERVE, RESERVED, 1, 35_040.0, ends=date(2027, 8, 31))
    plan = Plan(
        name="small", status="optimal", as_of=date(2026, 9, 1), start=inventory.start, years=1,
        timezone="UTC", report_currency="USD", fx_per_usd=1.0, fx_as_of=None,
        mix=(reserved, hourly), monthly_usd=4380.0, horizon_usd=52560.0, horizon_low_usd=50000.0,
        horizon_high_usd=55000.0, capex_usd=0.0, bound=52560.0, gap=0.0, utilisation=0.7,
        idle_usd_per_month=0.0, costs=(), workloads=(), regret=(), break_evens=(),
        hourly_gpus=HourlyGpus((), (), ()), assumptions=(), warnings=(), seconds=1.0,
        inventory=inventory, timeline=(reserve,),
    )  # fmt: skip
    launches = (
        _launch("code", code.model, reserved, "fp8", (2,) * 168),
        _launch("chat", chat.model, hourly, "bf16", by_day),
    )
    return ReadPlan(path, plan, catalog(), launches)


def fleet(folder: Path, seed: int, *drifts: str, days: int = 28, step_s: int = 1800) -> Path:
    """A folder of raw sources of a fleet that follows the plan but for the drifts."""
    tool, plan = follow_plan(), read(folder)
    asked = [tool.drift_in(text) for text in drifts]
    made = tool.Follower(plan.plan, plan.launches, plan.catalog, seed, days, asked, step_s)
    out = folder / "-".join(["fleet", str(seed), *(text.replace(":", "_") for text in drifts)])
    tool.write(made, out)
    return out


def held(monkeypatch: Any, folder: Path, sources: Path, **options: Any) -> DriftAnswer:
    """The verb's answer for a fleet, without planning anew unless that is asked."""
    monkeypatch.setattr(verb, "read_launches", lambda _: read(folder))
    return verb.drift(sources, folder, **({"solve": False} | options))


def told(found: DriftAnswer) -> list[tuple[str, str | None]]:
    """What drifted: kind and workload or GPU."""
    return [(f.kind, f.scope.workload or f.scope.gpu) for f in found.findings]


def only(found: DriftAnswer) -> DriftCheck:
    """The one finding."""
    assert len(found.findings) == 1, [replace(f, values={}) for f in found.findings]
    return found.findings[0]
