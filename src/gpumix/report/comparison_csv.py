"""A comparison as CSV: a line for each GPU, run or batch, in base units, unrounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from gpumix.domain.comparison import ComparedGpu, Comparison, PriceUsed, WinnerAt
from gpumix.domain.evidence import Estimate
from gpumix.domain.training_comparison import ComparedRun, PurchasedRun, TrainingComparison

Line = Mapping[str, object]


def answer_csv(found: Comparison | TrainingComparison) -> str:
    """The GPUs of a comparison, its batches where it swept them, or the runs of a training
    comparison, one line for each way of paying."""
    if isinstance(found, TrainingComparison):
        return _written([line for run in found.runs for line in _run(run)])
    if found.sweep:
        return _written(
            {
                "gpu": one.gpu, "tp": one.tp, "precision": one.precision, "batch": one.batch,
                "is_largest": one.is_largest,
                **_estimate("output_tokens_per_s_per_gpu", one.output_tokens_per_s_per_gpu),
                **_estimate("tpot_p50_s", one.tpot_p50_s),
                "ratio": one.ratio,
            }
            for one in found.sweep
        )  # fmt: skip
    loads = {one.gpu: one for one in found.at_load}
    return _written(_gpu(row, found, loads.get(row.gpu)) for row in found.rows)


def _gpu(row: ComparedGpu, found: Comparison, load: WinnerAt | None) -> Line:
    predicted = row.output_tokens_per_s_per_gpu or row.sample_s
    return {
        "gpu": row.gpu, "status": row.status, "reason": row.reason, "tp": row.tp,
        "precision": row.precision, "batch": row.batch, "requests_per_s": row.requests_per_s,
        **_estimate("output_tokens_per_s_per_gpu", row.output_tokens_per_s_per_gpu),
        "output_tokens_per_s_per_user": row.output_tokens_per_s_per_user,
        **_estimate("ttft_p95_s", row.ttft_p95_s), **_estimate("tpot_p95_s", row.tpot_p95_s),
        **_estimate("sample_s", row.sample_s),
        "basis": predicted.basis.value if predicted else None, "limit": row.limit,
        **_price(row.price),
        **_at(found.utilisations, "usd_per_mtok", row.usd_per_mtok),
        **_at(found.utilisations, "usd_per_sample", row.usd_per_sample),
        "replicas": load.replicas if load else None,
        "usd_per_hour": load.usd_per_hour if load else None,
        "note": row.note,
    }  # fmt: skip


def _run(run: ComparedRun) -> Iterable[Line]:
    for bought in run.purchases or (None,):
        yield {
            "gpu": run.gpu, "gpus": run.gpus, "status": run.status, "reason": run.reason,
            "fix": run.fix, "precision": run.precision, "layout": run.layout,
            **_estimate("tokens_per_s", run.tokens_per_s),
            "basis": run.tokens_per_s.basis.value if run.tokens_per_s else None,
            "mem_gib": run.mem_gib, **_bought(bought), "note": run.note,
        }  # fmt: skip


def _bought(bought: PurchasedRun | None) -> Line:
    names = (
        "purchase", "goodput", "finish_expected_s", "finish_p50_s", "finish_p90_s", "kept",
        "usd_gpus", "usd_storage_egress", "usd_per_run", "calendar_usd",
    )  # fmt: skip
    told = {name: getattr(bought, name) if bought else None for name in names}
    return {**told, **_price(bought.price if bought else None)}


def _estimate(name: str, found: Estimate | None) -> Line:
    return {
        name: found.value if found else None,
        f"{name}_low": found.low if found else None,
        f"{name}_high": found.high if found else None,
    }


def _price(price: PriceUsed | None) -> Line:
    names = ("usd_per_gpu_hour", "providers", "oldest", "newest")
    return {name: getattr(price, name) if price else None for name in names}


def _at(utilisations: Sequence[float], name: str, costs: Sequence[float]) -> Line:
    shares = [f"{name}_at_{share * 100.0:.0f}_percent" for share in utilisations]
    told: Sequence[float | None] = costs or [None] * len(shares)
    return dict(zip(shares, told, strict=True))


def _written(lines: Iterable[Line]) -> str:
    rows = list(lines)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "" if cell is None else cell for name, cell in row.items()})
    return out.getvalue()
