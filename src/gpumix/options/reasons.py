"""Why predictions are what they are: the step behind each, and the nearest measurement.

Only for what a reader is shown; everything of one workload in one vectorised call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gpumix.domain.evidence import Estimate, NearestMeasurement, Speed, StepPart
from gpumix.domain.workload import Demand, Kind, TrainingRun, Workload
from gpumix.options.media import ENGINE as MEDIA_ENGINE
from gpumix.options.option import Option, Replica
from gpumix.options.runs import TASKS, Run
from gpumix.perf.inference.loads import closed_loop, mean_step
from gpumix.perf.inference.memory import memory
from gpumix.predict.nearest import nearest_serving, nearest_training
from gpumix.serving.queueing import crowd_quantile
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

FULL = 0.98
"""Share of the sequences that fit in memory from which memory is what binds."""

KERNELS: Final = {
    "linear_s": ("dense products", "gpumix.perf.inference.kernels.linear"),
    "experts_s": ("expert products", "gpumix.perf.inference.kernels.experts"),
    "head_s": ("logits", "gpumix.perf.inference.kernels.head"),
    "activations_s": ("norms, elementwise", "gpumix.perf.inference.kernels.activations"),
    "launches_s": ("launches of special layers", "gpumix.perf.inference.steps.step_kernels"),
    "attention_decode_s": ("attention: decode", "gpumix.perf.inference.kernels.attention_decode"),
    "attention_prefill_s": (
        "attention: prefill",
        "gpumix.perf.inference.kernels.attention_prefill",
    ),
    "all_reduce_s": ("all-reduce", "gpumix.perf.inference.kernels.all_reduce"),
    "all_to_all_s": ("all-to-all", "gpumix.perf.inference.kernels.all_to_all"),
    "host_s": ("host, not hidden", "gpumix.perf.inference.steps.step_kernels"),
}
"""Parts of a serving step in words, and their formulas."""

TERMS: Final = {
    "matmul": ("matrix products", "gpumix.perf.training.terms.matmul_time"),
    "attention": ("attention", "gpumix.perf.training.terms.attention_flops"),
    "elementwise": ("norms, elementwise", "gpumix.perf.training.terms.elementwise_time"),
    "tp": ("tensor-parallel exchange", "gpumix.perf.training.terms.tensor_parallel_time"),
    "cp": ("context-parallel exchange", "gpumix.perf.training.step.step"),
    "ep": ("expert-parallel exchange", "gpumix.perf.training.terms.expert_parallel_time"),
    "host": ("host, not hidden", "gpumix.perf.training.terms.overlapped"),
    "fsdp": ("gathering of weights", "gpumix.perf.training.terms.shard_time"),
    "pipeline": ("pipeline bubble", "gpumix.perf.training.terms.bubble_share"),
    "dp": ("reduction of gradients", "gpumix.perf.training.terms.shard_time"),
    "optimizer": ("optimizer", "gpumix.perf.training.terms.optimizer_time"),
}
"""The same of a training step."""


Way: TypeAlias = tuple[str, int, int, str, str]
"""GPU, number of GPUs, tensor parallelism, precision, part of the GPU ('' = whole ones)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What stands behind one option's speed; None where nothing can be said."""

    speed: Speed | None
    nearest: NearestMeasurement | None


def reasons(workload: Workload, options: Sequence[Option], catalog: Catalog) -> list[Reason]:
    """What stands behind options of a workload, in order."""
    if not options:
        return []
    if workload.kind is Kind.CUSTOM:  # the team's own measurement: no formula, no step
        return [Reason(_measured(option), None) for option in options]
    if workload.run is not None:
        found = [o.run for o in options]
        nearest = nearest_runs(workload.model, workload.run, found, catalog)
        speeds = [None if run is None else run_speed(run) for run in found]
    else:
        nearest = nearest_serving(_points(workload, options), catalog)
        speeds = _speeds(workload, options)
    return [
        Reason(speed, None if option.slice else point)  # nobody measured a part of a GPU
        for option, speed, point in zip(options, speeds, nearest, strict=True)
    ]


def _measured(option: Option) -> Speed | None:
    return Speed("units_per_hour", option.rate, "", "", None, ()) if option.rate else None


def reasons_by_way(
    workload: Workload, tried: Sequence[Option], shown: Sequence[Option], catalog: Catalog
) -> dict[Way, Reason]:
    """What stands behind every option that is shown, asked of those that were tried alike: what is
    shown may be planned at a lower rate than was predicted."""
    wanted = dict.fromkeys(map(way_of, shown), Reason(None, None))
    asked = [option for option in tried if option.serves and way_of(option) in wanted]
    return wanted | dict(zip(map(way_of, asked), reasons(workload, asked, catalog), strict=True))


def way_of(option: Option) -> Way:
    """What tells options of one workload apart."""
    part = option.slice.name if option.slice else ""
    return option.gpu, option.gpus, option.tp, option.precision, part


# -- serving ---------------------------------------------------------------------------------


def _points(workload: Workload, options: Sequence[Option]) -> dict[str, list[object]]:
    """The options as questions in the columns of the points contract."""
    many = len(options)
    points: dict[str, list[object]] = {
        "gpu": [o.gpu for o in options],
        "n_gpus": [o.gpus for o in options],
        "tp": [o.tp for o in options],
        "model": [workload.model] * many,
        "weight_precision": [o.precision for o in options],
        "engine": [workload.engine] * many,
        "load": ["concurrency"] * many,
        "load_value": [o.batch for o in options],
        "metric": ["output_tok_s_total"] * many,
    }
    demand = workload.demand
    if workload.kind is Kind.MEDIA:
        size = workload.resolution or ""
        made = f"{size}, steps {workload.steps or ''}, frames {workload.frames or ''}"
        stated: dict[str, object] = {
            "tp": "", "engine": MEDIA_ENGINE, "load": "static_batch", "load_value": 1,
            "metric": "samples_s", "dataset": made,
        }  # fmt: skip
        return points | {name: [word] * many for name, word in stated.items()}
    if demand is not None:
        points["input_len"] = [demand.input.mean] * many
        points["output_len"] = [demand.output.mean] * many
    if any(o.batch is None for o in options):
        points |= {"load": ["max_throughput"] * many, "metric": ["total_tok_s_total"] * many}
    return points


def _speeds(workload: Workload, options: Sequence[Option]) -> list[Speed | None]:
    demand = workload.demand
    served = [o.replica for o in options if o.replica is not None]
    if demand is None or len(served) < len(options):
        formula = "perf.media.samples_per_s" if workload.kind is Kind.MEDIA else "perf.modes.encode"
        return [
            None
            if o.rate is None
            else Speed("units_per_hour", o.rate, f"gpumix.{formula}", "compute", None, ())
            for o in options
        ]
    found: list[Speed | None] = [None] * len(options)
    for rows in _by_deployment(served):
        own = [options[i] for i in rows]
        steps, limits = _steps(workload, demand, [served[i] for i in rows], own)
        for i, option, step, limit in zip(rows, own, steps, limits, strict=True):
            if option.rate is not None:
                tokens = option.rate.scaled(demand.output.mean / SECONDS_PER_HOUR)
                found[i] = Speed(
                    "output_tokens_per_s", tokens, "gpumix.perf.inference.loads.closed_loop", limit,
                    sum(step.values()), _step_parts(step, KERNELS),
                )  # fmt: skip
    return found


def _by_deployment(replicas: Sequence[Replica]) -> list[list[int]]:
    """Positions of replicas that are rows of the same deployments."""
    groups: dict[int, list[int]] = {}
    for i, replica in enumerate(replicas):
        groups.setdefault(id(replica.dep), []).append(i)
    return list(groups.values())


def _steps(
    workload: Workload, demand: Demand, replicas: Sequence[Replica], options: Sequence[Option]
) -> tuple[list[dict[str, float]], list[str]]:
    """The mean step of each replica, kernel by kernel, and what binds it."""
    dep = replicas[0].dep.take([replica.row for replica in replicas])
    lengths, hit = (demand.input.mean, max(demand.output.mean, 1.0)), demand.prefix_share
    batch = np.array([o.batch or 1.0 for o in options])
    kernels = mean_step(dep, *lengths, batch, prefix_hit=hit)
    columns = {name: np.broadcast_to(getattr(kernels, name), len(batch)) for name in KERNELS}
    limit = closed_loop(dep, *lengths, batch * dep.copies, prefix_hit=hit).limit
    most = np.asarray(memory(dep, *lengths).batch_max) / dep.copies
    full = _crowd(workload, demand, batch) >= FULL * most
    steps = [{n: float(column[i]) for n, column in columns.items()} for i in range(len(batch))]
    return steps, np.where(full, "kv_memory", limit).tolist()


def _crowd(workload: Workload, demand: Demand, batch: FloatArray) -> FloatArray:
    """Sequences that must find room: those of a promise's quantile, or the mean where none is."""
    if workload.is_deferrable:
        return batch
    quantile = max(slo.quantile for slo in workload.slos)
    return np.asarray(crowd_quantile(batch, demand.arrival_cv**2, quantile))


def _step_parts(
    seconds: Mapping[str, float], words: Mapping[str, tuple[str, str]]
) -> tuple[StepPart, ...]:
    """Parts of a step that take time, the longest first."""
    whole = sum(seconds.values())
    parts = [
        StepPart(words[name][0], s, s / whole, words[name][1])
        for name, s in seconds.items()
        if s > 0.0
    ]
    return tuple(sorted(parts, key=lambda part: -part.seconds))


# -- training --------------------------------------------------------------------------------


def run_speed(run: Run) -> Speed:
    """Why a training run is as fast as it is."""
    tokens = Estimate(
        run.tokens_per_s, run.tokens_per_s * run.low, run.tokens_per_s * run.high,
        run.basis, "perf.training",
    )  # fmt: skip
    seconds = dict(run.terms_s)
    return Speed(
        "tokens_per_s", tokens, "gpumix.perf.training.step.step", run.layout.limit,
        sum(seconds.values()), _step_parts(seconds, TERMS),
    )  # fmt: skip


def nearest_runs(
    model: str, run: TrainingRun, found: Sequence[Run | None], catalog: Catalog
) -> list[NearestMeasurement | None]:
    """The measurement nearest to each prediction of a training run; None stays None."""
    rows = [r for r in found if r is not None]
    many = len(rows)
    if not many:
        return [None] * len(found)
    points: dict[str, list[object]] = {
        "gpu": [r.gpu.id for r in rows],
        "n_gpus": [r.gpus for r in rows],
        "model": [model] * many,
        "task": [TASKS[run.method]] * many,
        "precision": [r.precision for r in rows],
        "stack": [run.stack] * many,
        "seq_len": [run.seq_len] * many,
        "global_batch": [run.global_batch or r.layout.micro_batch * r.layout.dp for r in rows],
        "metric": ["tok_s_per_gpu"] * many,
    }
    nearest = iter(nearest_training(points, catalog))
    return [None if r is None else next(nearest) for r in found]
