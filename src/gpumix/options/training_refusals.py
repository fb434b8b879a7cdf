"""What would make an impossible training job possible: changes, each tried on the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.gpu import Gpu
from gpumix.errors import NoEstimate
from gpumix.fields import compact
from gpumix.options.runs import Job, in_words, lacks, layouts_of, predict_run

MORE_GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
LIGHTER = {"full": ("lora", "qlora"), "dpo": ("lora", "qlora"), "lora": ("qlora",)}
"""Methods that need less memory than another, the nearest first."""

_NAMES = {"lora": "LoRA", "qlora": "QLoRA"}
_SHORT_SEQUENCE = 1024
MOST_DOUBLINGS = 6


def what_would_help(
    job: Job, gpus: Sequence[Gpu], precisions: Sequence[str], shortfall: float | None
) -> tuple[str, ...]:
    """Ways to make the job possible on some of `gpus`, those that the engine confirms.

    `shortfall` is the nearest P90 finish over the limit; None where no layout fits at all.
    """
    limit_h = job.run.finish_within_h
    ways = list(_ways(job, gpus, precisions))
    if shortfall is not None and limit_h is not None:
        ways.append(f"finish_within: {in_words(limit_h * shortfall * 1.01)}")
        ways.append(f"tokens: {compact(job.run.tokens / (shortfall * 1.01))}")
    return tuple(ways) or ("a smaller model, or larger GPUs",)


def why_not(job: Job, gpu: Gpu, most: int, precisions: Sequence[str]) -> str:
    """What would make a job fit on a GPU that holds it at no count up to `most`."""
    if all(lacks(gpu, precision) for precision in precisions):
        return "precision: fp16"
    if job.run.global_batch is not None and _batch_too_small(job, gpu, most, precisions[0]):
        return f"a global_batch of {most} or more, or fewer GPUs"
    counts = tuple(most * 2**doublings for doublings in range(MOST_DOUBLINGS + 1))
    ways = [f"{found[0]} GPUs" for found in [_fewest(job, [gpu], precisions, counts)] if found]
    ways += [way for way, _ in _lighter(job, [gpu], precisions, (most,))]
    return "; or ".join(ways[:2]) or "a larger GPU"


def _ways(job: Job, gpus: Sequence[Gpu], precisions: Sequence[str]) -> Iterator[str]:
    found = _fewest(job, gpus, precisions, MORE_GPUS)
    if found is not None and found[0] != job.run.gpus:
        yield f"n_gpus: {found[0]} ({found[1]})"
    counts = (job.run.gpus,) if job.run.gpus else MORE_GPUS
    for way, (count, gpu) in _lighter(job, gpus, precisions, counts):
        yield f"{way} ({count} x {gpu})"


def _lighter(
    job: Job, gpus: Sequence[Gpu], precisions: Sequence[str], counts: Sequence[int]
) -> Iterator[tuple[str, tuple[int, str]]]:
    """Changes of the run itself that the engine confirms, with the smallest gang that does it."""
    run = job.run
    changes = [(_NAMES[m], replace(run, method=m)) for m in LIGHTER.get(run.method, ())]
    if run.global_batch is not None:
        changes.append(("a larger global_batch", replace(run, global_batch=None)))
    if run.seq_len > _SHORT_SEQUENCE:
        changes.append((f"seq_len: {_SHORT_SEQUENCE}", replace(run, seq_len=_SHORT_SEQUENCE)))
    for name, changed in changes:
        found = _fewest(replace(job, run=changed), gpus, precisions, counts)
        if found is not None:
            yield name, found
    if "fp8" not in precisions:
        found = _fewest(job, [g for g in gpus if g.fp8_tflops], ["fp8"], counts)
        if found is not None:
            yield "precision: fp8", found


def _fewest(
    job: Job, gpus: Sequence[Gpu], precisions: Sequence[str], counts: Sequence[int]
) -> tuple[int, str] | None:
    """The smallest gang of any of the GPUs that fits and is in time."""
    limit_h = job.run.finish_within_h or float("inf")
    for count in counts:
        able = []
        for gpu in gpus:
            for precision in precisions:
                try:
                    run = predict_run(job, gpu, count, GPUS_PER_NODE, precision)
                except NoEstimate:
                    continue
                done_h = run.steady(job).p90_h
                if done_h <= limit_h:
                    able.append((done_h, gpu.id))
        if able:
            return count, min(able)[1]
    return None


def _batch_too_small(job: Job, gpu: Gpu, count: int, precision: str) -> bool:
    found = layouts_of(job, gpu, count, GPUS_PER_NODE, precision)
    reasons = found.rejected
    return not len(found) and found.nearest is None and any("batch" in name for name in reasons)
