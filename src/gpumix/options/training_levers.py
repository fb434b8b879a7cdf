"""What to change about a training run before buying GPUs: runs for the engine to predict anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gpumix.domain.workload import TrainingRun, Workload
from gpumix.units import HOURS_PER_DAY

LOOSER_DEADLINE = 1.5
TUNED_STACK = {
    "full": "fsdp",
    "dpo": "fsdp",
    "lora": "torchtune",
    "qlora": "torchtune",
    "pretrain": "megatron",
}
"""A tuned stack of each method; where a plain one is stated it is what to try first."""

PLAIN_STACKS = frozenset({"hf-deepspeed", "hf-peft", "litgpt", "megatron-deepspeed"})
_OTHER_METHODS = {
    "full": ("lora", "qlora"),
    "dpo": ("lora", "qlora"),
    "lora": ("qlora",),
    "qlora": ("lora",),
}
_NAMES = {"full": "full", "dpo": "DPO", "lora": "LoRA", "qlora": "QLoRA", "pretrain": "full"}
_METHOD_CAVEATS = {
    "lora": "trains adapters, not the model: check the quality",
    "qlora": "trains adapters on a 4-bit base: check the quality",
}


@dataclass(frozen=True, slots=True)
class JobChange:
    """A workload with one thing changed. `anywhere`: another GPU may become the cheapest by it,
    so all must be asked, not only those that are cheap now."""

    name: str
    workload: Workload
    caveat: str
    anywhere: bool = False


def changes_of(workload: Workload) -> Iterator[JobChange]:
    """Every change worth trying on a training workload; none where it is no job."""
    run = workload.run
    if run is None:
        return
    for method in _OTHER_METHODS.get(run.method, ()):
        name = f"{_NAMES[method]} instead of {_NAMES[run.method]}"
        changed = replace(workload, run=replace(run, method=method))
        yield JobChange(name, changed, _METHOD_CAVEATS[method], anywhere=True)
    if "fp8" not in workload.precisions and run.method != "qlora":
        changed = replace(workload, precisions=("fp8",))
        yield JobChange("FP8 training", changed, "watch the loss: not every recipe converges")
    for name, other, caveat in _of_run(run):
        yield JobChange(name, replace(workload, run=other), caveat)


def _of_run(run: TrainingRun) -> Iterator[tuple[str, TrainingRun, str]]:
    """Changes of the run alone: name, run, caveat."""
    if run.token_fill < 1.0:
        yield (
            "Packed sequences",
            replace(run, token_fill=1.0),
            f"{1.0 - run.token_fill:.0%} of the tokens computed are padding now",
        )
    if run.stack in PLAIN_STACKS:
        tuned = TUNED_STACK[run.method]
        yield (f"Stack {tuned} instead of {run.stack}", replace(run, stack=tuned), "same training")
    if run.activation_ckpt is not None:
        yield (
            f"Activation checkpointing where needed instead of {run.activation_ckpt}",
            replace(run, activation_ckpt=None),
            "same training",
        )
    if run.checkpoint == "sync":
        yield (
            "Asynchronous checkpoints",
            replace(run, checkpoint="async"),
            "same training, host memory for a copy of the states",
        )
    if run.gpus is not None:
        yield (
            f"Another count than {run.gpus} GPUs",
            replace(run, gpus=None),
            "keeps the deadline, if there is one",
        )
    if run.finish_within_h is not None:
        days = run.finish_within_h * LOOSER_DEADLINE / HOURS_PER_DAY
        yield (
            f"{LOOSER_DEADLINE:g} x the time to finish ({days:,.1f} d)",
            replace(run, finish_within_h=run.finish_within_h * LOOSER_DEADLINE),
            "the team waits longer",
        )
