"""A training run as the command line states it; what it leaves out is a default, told first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gpumix.compare.training import TrainQuestion
from gpumix.domain import defaults as assumed
from gpumix.domain.quantities import number, seconds
from gpumix.domain.training_words import BASES, OFFLOADS, OPTIMIZERS
from gpumix.domain.workload import Kind, TrainingRun, Workload
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.options.runs import TASKS
from gpumix.units import SECONDS_PER_HOUR

DEFAULT_TOKENS = {"pretrain": 1e12}
DEFAULT_TUNING_TOKENS = 1e8
MOST_TOKENS, MOST_GPUS = 1e17, 100_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainWords:
    """The options of `gpumix compare --train`, as typed."""

    method: str = "pretrain"
    tokens: str | None = None
    seq_len: int | None = None
    global_batch: int | None = None
    stack: str | None = None
    finish_within: str | None = None
    calendar_usd_per_day: float = 0.0
    counts: str | None = None
    optimizer: str = ""
    offload: str = ""
    base_precision: str = ""


def train_question(
    model: str, words: TrainWords, precisions: tuple[str, ...], gpus: tuple[str, ...] | None
) -> TrainQuestion:
    """The question that the options ask.

    Raises: InputError naming every option that cannot be.
    """
    problems: list[Problem] = []

    def tried(option: str, make: Callable[[], T], default: T) -> T:
        try:
            return make()
        except ValueError as error:
            problems.append(Problem(option, str(error)))
            return default

    method, defaults = words.method, []
    if method not in TASKS:
        problems.append(unknown_name("--method", "method", method, TASKS))
        method = "pretrain"
    kind = Kind.PRETRAIN if method == "pretrain" else Kind.FINETUNE
    tokens = DEFAULT_TOKENS.get(method, DEFAULT_TUNING_TOKENS)
    if words.tokens is None:
        defaults.append(f"{tokens:,.0f} tokens")
    else:
        tokens = tried("--tokens", lambda: _within(number(words.tokens), 1.0, MOST_TOKENS), tokens)
    seq_len = assumed.SEQ_LEN[kind] if words.seq_len is None else words.seq_len
    stack = words.stack or assumed.STACK[method]
    batch = words.global_batch
    if batch is None and kind is Kind.PRETRAIN:
        batch = max(assumed.PRETRAIN_TOKENS_PER_STEP // max(seq_len, 1), 1)
        defaults.append(f"global batch {batch:,}")
    defaults += [f"sequences of {seq_len:,}"] if words.seq_len is None else []
    defaults += [f"stack {stack}"] if words.stack is None else []
    limit = words.finish_within
    limit_h = (
        tried("--finish-within", lambda: seconds(limit) / SECONDS_PER_HOUR, None) if limit else None
    )
    counts = tried("--counts", lambda: _counts(words.counts), None)
    for option, value in (
        ("--seq-len", seq_len),
        ("--global-batch", 1 if batch is None else batch),
    ):
        tried(option, lambda value=value: _within(float(value), 1.0, 1e7), 0.0)  # type: ignore[misc]
    problems += [
        unknown_name(f"--{name.replace('_', '-')}", name, word, [w for w in known if w])
        for name, word, known in (
            ("optimizer", words.optimizer, OPTIMIZERS), ("offload", words.offload, OFFLOADS),
            ("base_precision", words.base_precision, BASES),
        )
        if word not in known
    ]  # fmt: skip
    tried("--calendar-usd-per-day", lambda: _within(words.calendar_usd_per_day, 0.0, 1e9), 0.0)
    if problems:
        raise InputError(problems)
    run = TrainingRun(
        method=method, tokens=tokens, seq_len=seq_len, global_batch=batch,
        finish_within_h=limit_h, runs_per_year=1.0, stack=stack, lora_rank=16, gpus=None,
        calendar_usd_per_day=words.calendar_usd_per_day, optimizer=words.optimizer,
        offload=words.offload, base_precision=words.base_precision,
    )  # fmt: skip
    return TrainQuestion(model, run, precisions, gpus, counts, tuple(defaults))


def question_of(workload: Workload, gpus: tuple[str, ...] | None) -> TrainQuestion:
    """The question that a training workload of an inventory asks. Raises: InputError if none."""
    if workload.run is None:
        raise InputError(Problem(workload.id, "is not a training job"))
    named = gpus or workload.gpus or None
    return TrainQuestion(workload.model, workload.run, workload.precisions, named)


def _counts(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdigit() for part in parts):
        raise ValueError(f"expected GPU counts such as 8,16,64, got {text!r}")
    return tuple(int(_within(float(part), 1.0, MOST_GPUS)) for part in parts)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"must be between {low:,.0f} and {high:,.0f}, got {value:,.6g}")
    return value
