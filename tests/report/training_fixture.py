"""A TrainingComparison with every kind of line: three GPUs, spot, a late run, a misfit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gpumix.domain.comparison import PriceUsed
from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.job import ParetoRun
from gpumix.domain.training_comparison import (
    ComparedRun,
    PriceRatio,
    PurchasedRun,
    TrainingComparison,
)

AS_OF = date(2026, 7, 1)
DAY_S = 86400.0
H100, A100, L40S, L4 = "h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "l4-24gb"


def _bought(
    purchase: str, usd: float, days: float, usd_per_run: float, kept: bool = True
) -> PurchasedRun:
    return PurchasedRun(
        purchase=purchase,
        price=PriceUsed(usd, usd * 0.8, usd * 1.3, 5, AS_OF, AS_OF),
        goodput=0.99 if purchase == "on_demand" else 0.87,
        availability=1.0 if purchase == "on_demand" else 0.8,
        finish_expected_s=days * DAY_S,
        finish_p50_s=days * DAY_S,
        finish_p90_s=days * 1.25 * DAY_S,
        kept=kept,
        usd_gpus=usd_per_run - 300.0,
        usd_storage_egress=300.0,
        usd_per_run=usd_per_run,
        calendar_usd=2000.0 * days,
    )


def _run(gpu: str, tokens_per_s: float, within: float, *bought: PurchasedRun) -> ComparedRun:
    return ComparedRun(
        gpu=gpu,
        gpus=64,
        precision="bf16",
        layout="TP4 PP1 CP1 EP1 DP16 VP1 micro-batch 1, zero1, checkpointing selective",
        fits=True,
        reason="",
        fix="",
        tokens_per_s=Estimate(
            tokens_per_s, tokens_per_s * 0.9, tokens_per_s * 1.1, Basis.CALIBRATED, "perf.training"
        ),
        limit="interconnect" if within > 0.3 else "compute",
        within_share=within,
        between_share=0.02,
        bubble_share=0.0,
        mem_gib=61.0,
        undisturbed_s=5.0 * DAY_S,
        runs_per_week=1.1,
        purchases=bought,
        spot_ceiling=0.84,
        note="",
    )


def comparison(calendar_usd_per_day: float = 2000.0) -> TrainingComparison:
    """Pre-training of 30B parameters on 64 GPUs; A100 is cheapest, H100 wins from 1,630 USD a day.

    (60,200 - 52,050) / (11 - 6) = 1,630 USD of cash a day saved.
    """
    h100 = _run(H100, 61000.0, 0.08, _bought("on_demand", 2.49, 6.0, 60200.0),
                _bought("spot", 1.9, 8.4, 71000.0))  # fmt: skip
    a100 = _run(A100, 28000.0, 0.07, _bought("on_demand", 1.2, 11.0, 52050.0))
    l40s = _run(L40S, 9000.0, 0.61, _bought("on_demand", 0.99, 34.0, 98000.0, kept=False))
    misfit = replace(
        _run(L4, 1.0, 0.0),
        fits=False,
        precision=None,
        layout="",
        tokens_per_s=None,
        limit="",
        within_share=None,
        between_share=None,
        bubble_share=None,
        mem_gib=None,
        undisturbed_s=None,
        runs_per_week=None,
        spot_ceiling=None,
        reason="the leanest layout needs 31 GiB of 22 GiB usable per GPU",
        fix="128 GPUs",
        status="does not fit",
    )
    return TrainingComparison(
        model="example/dense-30b",
        method="pretrain",
        tokens=3e10,
        seq_len=4096,
        global_batch=512,
        stack="megatron-bridge",
        finish_within_s=20.0 * DAY_S,
        calendar_usd_per_day=calendar_usd_per_day,
        programme_factor=1.5,
        price_rule="median over providers of current on-demand and spot offers",
        as_of=AS_OF,
        runs=(h100, a100, l40s, misfit),
        pareto=(
            ParetoRun(A100, 64, "on_demand", 11.0 * DAY_S, 13.75 * DAY_S, 52050.0, 0.0),
            ParetoRun(H100, 64, "on_demand", 6.0 * DAY_S, 7.5 * DAY_S, 60200.0, 1630.0),
        ),
        ratios=(
            PriceRatio(H100, A100, 64, 2.18, 2.18, 3.48, 2.08, True),
            PriceRatio(L40S, A100, 64, 0.32, 0.32, 0.0, 0.83, False),
        ),
        why=(
            "64 x l40s-48gb: 15% of h100-sxm-80gb's speed, 35% by arithmetic and memory alone; "
            "all-reduce within a replica over PCIe takes 61% of a step (there 8%)",
        ),
        counts_stated=True,
        defaults=(),
        warnings=("spot: interruptions rest on traces of older GPUs",),
    )
