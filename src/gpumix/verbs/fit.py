"""`gpumix fit`: does a model fit a GPU, how much of its cache is left, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from gpumix.catalog import load
from gpumix.compare.fit import FitQuestion, fit_model
from gpumix.compare.fit_training import TrainingFitQuestion, fit_training
from gpumix.compare.market import compared_gpus, gpu_notes
from gpumix.domain import defaults as assumed
from gpumix.domain.fit import Fit, TrainingFit
from gpumix.domain.training_words import (
    BASES,
    GRADIENT_BYTES,
    LOSSES,
    OFFLOADS,
    OPTIMIZERS,
    PREPARED,
    library_of,
)
from gpumix.domain.workload import Adapters, Kind
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.options.runs import TASKS
from gpumix.perf.inference.deployment import EngineSettings
from gpumix.perf.training.constants import stack_family
from gpumix.perf.training.job import CHECKPOINTS
from gpumix.predict.training_rows import has_tokens
from gpumix.verbs.calibrate import find_store
from gpumix.verbs.words import NO_CONFIGS, names_of, precisions_of

if TYPE_CHECKING:
    from gpumix.catalog import Catalog
    from gpumix.domain.gpu import Gpu
    from gpumix.domain.llm import NamedModel

UNKNOWN_CONTEXT = 8192


@dataclass(frozen=True, slots=True)
class FitWords:
    """The options of `gpumix fit` on how a model is served, as typed."""

    context: int | None = None
    users: int = 1
    tp: int | None = None
    precision: str | None = None
    kv_precision: str = ""
    engine: str = assumed.ENGINE
    engine_version: str = ""
    gpu_memory_utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    graphs: bool = True
    adapters: Adapters | None = None


@dataclass(frozen=True, slots=True)
class FitTrainWords:
    """The options of `gpumix fit --train`, as typed."""

    method: str = "full"
    seq_len: int | None = None
    micro_batch: int = 1
    n_gpus: int | None = None
    stack: str | None = None
    optimizer: str = ""
    offload: str = ""
    base_precision: str = ""
    loss: str = ""
    activation_ckpt: str = "full"
    lora_rank: int = 16
    base_prepared: str = ""
    stack_version: str = ""
    gradient_precision: str = ""


_FLAGS = {"graphs": "--no-cuda-graphs"}


def refuse_strays(words: FitWords | FitTrainWords, what: str) -> None:
    """Options that were typed and count for nothing here.

    Args:
        words: of the kind of fit that is not asked for.
        what: why they count for nothing.

    Raises: InputError with each of them.
    """
    strays = [
        _FLAGS.get(field.name, f"--{field.name.replace('_', '-')}")
        for field in fields(words)
        if getattr(words, field.name) != field.default
    ]
    if strays:
        raise InputError([Problem(flag, what) for flag in strays])


def fit_names(
    model: str,
    gpus: str | None,
    words: FitWords,
    measured: Path | None = None,
    configs: Mapping[str, Path] = NO_CONFIGS,
) -> Fit:
    """Whether a model fits the GPUs named, by default the data-centre parts most asked for.

    Raises: InputError for unknown names and numbers that cannot be.
    """
    catalog = load(measured=find_store(measured), configs=configs)
    named, parts, problems = _named(model, gpus, catalog)
    found = None if named is None else named.model
    if found is not None and not found.generates_text:
        problems.append(Problem("MODEL", f"{found.id} is {found.kind}: it keeps no KV cache"))
    problems += _outside(
        ("--context", words.context, 1, 100_000_000), ("--users", words.users, 1, 1_000_000),
        ("--tp", words.tp, 1, 64), ("--max-num-seqs", words.max_num_seqs, 1, 100_000),
        ("--max-num-batched-tokens", words.max_num_batched_tokens, 1, 10_000_000),
        ("--gpu-memory-utilization", words.gpu_memory_utilization, 0.01, 1.0),
    )  # fmt: skip
    asked: tuple[str, ...] = ()
    cache: tuple[str, ...] = ()
    try:
        asked = precisions_of(words.precision)
        cache = precisions_of(words.kv_precision or None, "--kv-precision")
    except InputError as error:
        problems += error.problems
    if len(asked) > 1 or len(cache) > 1:
        problems.append(Problem("--precision, --kv-precision", "each name one precision"))
    longest = None if named is None else named.longest
    if words.context is not None and longest is not None and words.context > longest:
        fix = f"at most {longest:,}"
        problems.append(Problem("--context", f"is longer than the model's {longest:,} tokens", fix))
    if words.tp and found is not None and (heads := found.heads or 1) % words.tp:
        problems.append(Problem("--tp", f"{words.tp} does not divide the {heads} heads"))
    if problems or found is None or named is None:
        raise InputError(problems)
    (precision, *_), assumption = named.precisions(asked)
    context = words.context or longest or UNKNOWN_CONTEXT
    told = [
        *gpu_notes(names_of("--gpus", gpus), catalog),
        *named.notes,
        *([assumption] if assumption else []),
    ]
    told += [f"a context of {context:,} tokens"] if words.context is None else []
    if words.gpu_memory_utilization is None:
        told.append("the engine's own share of memory")
    settings = EngineSettings(
        words.gpu_memory_utilization, words.max_num_seqs, words.max_num_batched_tokens,
        context, words.graphs,
    )  # fmt: skip
    question = FitQuestion(
        found, parts, context, words.users, precision, "".join(cache) or named.kv_precision,
        words.engine, words.engine_version, settings, words.tp, words.adapters, tuple(told),
    )  # fmt: skip
    return fit_model(question, catalog)


def fit_training_names(
    model: str,
    gpus: str | None,
    words: FitTrainWords,
    measured: Path | None = None,
    configs: Mapping[str, Path] = NO_CONFIGS,
) -> TrainingFit:
    """The memory of a training job on the GPUs named.

    Raises: InputError for unknown names and numbers that cannot be.
    """
    catalog = load(measured=find_store(measured), configs=configs)
    named, parts, problems = _named(model, gpus, catalog)
    found = None if named is None else named.model
    problems += _outside(
        ("--seq-len", words.seq_len, 1, 10_000_000),
        ("--micro-batch", words.micro_batch, 1, 100_000),
        ("--n-gpus", words.n_gpus, 1, 100_000), ("--lora-rank", words.lora_rank, 1, 4096),
    )  # fmt: skip
    if found is not None and not has_tokens(found):
        problems.append(Problem("MODEL", f"{found.id} is {found.kind}: fit --train is for text"))
    stacks = list(catalog.coefficients.training["stack"])
    kind = Kind.PRETRAIN if words.method == "pretrain" else Kind.FINETUNE
    usual = assumed.STACK["pretrain"] if kind is Kind.PRETRAIN else "hf-peft"
    stack = stack_family(words.stack or usual)
    problems += [
        unknown_name(option, option.strip("-").replace("-", " "), word, [w for w in known if w])
        for option, word, known in (
            ("--method", words.method, list(TASKS)), ("--stack", stack, stacks),
            ("--optimizer", words.optimizer, list(OPTIMIZERS)),
            ("--offload", words.offload, list(OFFLOADS)),
            ("--base-precision", words.base_precision, list(BASES)),
            ("--base-prepared", words.base_prepared, list(PREPARED)),
            ("--gradient-precision", words.gradient_precision, list(GRADIENT_BYTES)),
            ("--loss", words.loss, list(LOSSES)),
            ("--activation-ckpt", words.activation_ckpt, list(CHECKPOINTS)),
        )
        if word not in known
    ]  # fmt: skip
    library = library_of(words.stack_version)
    if library is None:
        wrong = f"{words.stack_version!r} holds no release"
        problems.append(Problem("--stack-version", wrong, "such as 4.48.1"))
    if problems or found is None or library is None:
        raise InputError(problems)
    seq_len = words.seq_len or assumed.SEQ_LEN[kind]
    told = [f"sequences of {seq_len:,} tokens"] if words.seq_len is None else []
    told += [f"stack {stack}"] if words.stack is None else []
    question = TrainingFitQuestion(
        found, parts, words.method, seq_len, words.micro_batch, stack, words.n_gpus,
        words.optimizer, words.offload, words.base_precision, words.loss,
        words.activation_ckpt, words.lora_rank, words.base_prepared, library,
        GRADIENT_BYTES[words.gradient_precision], tuple(told),
    )  # fmt: skip
    return fit_training(question, catalog)


def _named(
    model: str, gpus: str | None, catalog: Catalog
) -> tuple[NamedModel | None, tuple[Gpu, ...], list[Problem]]:
    """The model and the GPUs of these names, and what is wrong with the names."""
    problems: list[Problem] = []
    found: NamedModel | None = None
    parts: tuple[Gpu, ...] = ()
    try:
        found = catalog.named_model(model, "MODEL")
    except InputError as error:
        problems += error.problems
    try:
        parts = tuple(compared_gpus(names_of("--gpus", gpus) or assumed.FIT_GPUS, catalog))
    except InputError as error:
        problems += error.problems
    return found, parts, problems


def _outside(*checks: tuple[str, float | None, float, float]) -> list[Problem]:
    return [
        Problem(option, f"must be between {low:,g} and {high:,g}, got {value:,g}")
        for option, value, low, high in checks
        if value is not None and not low <= value <= high
    ]
