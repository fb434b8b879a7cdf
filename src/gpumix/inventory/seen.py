"""Images and sound in a chat's requests -> tokens of its prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from gpumix.domain.encoder import Encoder
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.llm import Model
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Kind
from gpumix.inventory.schema_work import TrafficSpec, WorkloadSpec
from gpumix.inventory.yaml import KeyPath
from gpumix.units import SECONDS_PER_MINUTE

KEYS = ("images_per_request", "audio_minutes_per_request")
_UNKNOWN = "how many tokens that takes of {} is not known"
_MEASURE = "measure it and plan it as kind custom"


def with_what_is_seen(
    path: KeyPath,
    spec: WorkloadSpec,
    demand: Demand,
    model: Model,
    encoders: Mapping[str, Encoder],
    say: Callable[..., None],
) -> Demand:
    """The demand with the tokens of images and sound in its prompts.

    Each takes tokens of the prompt, and the encoder's work on it counts as prompt tokens of the
    same FLOPs, in the cache as well, which errs on the safe side. None of them is found in a prefix
    cache. `say` reports a problem: place, problem and fix.
    """
    traffic = spec.traffic
    if traffic is None or not any(getattr(traffic, key) for key in (*KEYS, "tokens_per_image")):
        return demand
    here = (*path, "traffic")
    if spec.kind is not Kind.CHAT:
        say(here, f"images and sound in requests do not go with kind {spec.kind}", "leave them out")
        return demand
    if spec.classes:
        say(here, "states images or sound beside classes", "add their tokens to input_tokens")
    if traffic.tokens_per_image and not traffic.images_per_request:
        say((*here, "tokens_per_image"), "goes with images", "add images_per_request: 1")
    encoder = encoders.get(model.id)
    words, added = [], 0.0
    for key, count, each, fix in _parts(traffic, encoder, model):
        if each is None:
            say((*here, key), _UNKNOWN.format(model.id), fix)
            continue
        tokens = count * each
        work = encoder.work_tokens(tokens, model.params_active_b) if encoder else 0.0
        added += tokens + work
        words.append(f"{key} {count:g}: {tokens:,.0f} tokens, {work:,.0f} more for the encoder")
    if not added:
        return demand
    share = demand.prefix_share * demand.input.mean / (demand.input.mean + added)
    source = f"{encoder.source}, {encoder.verified}" if encoder else "stated in the inventory"
    told = Assumption("images and sound in prompts", "; ".join(words), Basis.ASSUMED, source)
    return replace(
        demand,
        input=_longer(demand.input, added),
        prefix_share=share,
        evidence=(*demand.evidence, told),
    )


def _parts(
    traffic: TrafficSpec, encoder: Encoder | None, model: Model
) -> Iterator[tuple[str, float, float | None, str]]:
    """What a request holds: its key, how many, tokens of each (None = not known), and what to do
    about that."""
    if traffic.images_per_request:
        known = encoder.tokens_per_image if encoder else None
        fix = "add tokens_per_image" if model.kind == "llm-multimodal" else _MEASURE
        stated = traffic.tokens_per_image
        yield KEYS[0], traffic.images_per_request, stated or known, fix
    if traffic.audio_minutes_per_request:
        per_s = encoder.tokens_per_audio_s if encoder else None
        each = None if per_s is None else per_s * SECONDS_PER_MINUTE
        yield KEYS[1], traffic.audio_minutes_per_request, each, _MEASURE


def _longer(lengths: Lengths, by: float) -> Lengths:
    """Lengths with as many more tokens in every request [tokens]."""
    mean = lengths.mean + by
    quantiles = tuple((p, tokens + by) for p, tokens in lengths.quantiles)
    return Lengths(mean, lengths.cv * lengths.mean / mean, quantiles)
