"""What a workload states of its model: which it is, at which precisions, for how long requests."""

from __future__ import annotations

from collections.abc import Callable

from gpumix import formats
from gpumix.domain import defaults
from gpumix.domain.llm import SHORTER, Model, NamedModel, too_long
from gpumix.domain.workload import Demand, Kind
from gpumix.errors import Problem
from gpumix.inventory.schema_work import WorkloadSpec
from gpumix.inventory.yaml import KeyPath

_TRAINS = (Kind.FINETUNE, Kind.PRETRAIN)


def can_do(model: Model, kind: Kind) -> bool:
    """Whether a model can do work of a kind."""
    return {
        Kind.CHAT: model.generates_text,
        Kind.BATCH: model.generates_text,
        Kind.EMBEDDING: model.embeds_text,
        Kind.MEDIA: model.is_denoiser,
    }.get(kind, True)


def weights_of(
    spec: WorkloadSpec,
    named: NamedModel | None,
    place: Callable[..., str],
    problems: list[Problem],
    notes: Callable[[str], None],
) -> tuple[tuple[str, ...], str]:
    """The precisions of a workload's weights, and that of its cache; what is assumed is noted.

    What the workload states wins over what the model's name says. Training is at 16 bits unless
    it is stated otherwise, whatever the published weights are.
    """

    def meant(word: str, *keys: str) -> str:
        found = formats.canonical(word)
        if found is None:
            problems.append(formats.unknown_precision(place(*keys), word))
        return found or word

    asked = dict.fromkeys(
        meant(word, "precision", str(i)) for i, word in enumerate(spec.precision or [])
    )
    cache = meant(spec.kv_precision, "kv_precision") if spec.kv_precision else ""
    if named is None or (not asked and spec.kind in _TRAINS):
        return tuple(asked) or (defaults.PRECISION,), cache
    precisions, told = named.precisions(tuple(asked))
    if told:
        notes(told)
    return precisions, cache or named.kv_precision


def refuse_long(
    path: KeyPath,
    spec: WorkloadSpec,
    named: NamedModel,
    asked: Demand,
    say: Callable[..., None],
) -> None:
    """Note requests that are longer on average than the model's context."""
    message = too_long(named.model, asked.input.mean, asked.output.mean, named.context)
    if message:
        say((*path, "tokens_per_day" if spec.traffic is None else "traffic"), message, SHORTER)
