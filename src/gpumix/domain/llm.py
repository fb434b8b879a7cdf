"""Shapes of models: language models, encoders, image and video denoisers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Model:
    """One model's shape; parameters in billions, as `params_*_b` says. None = does not apply.

    `kv_bytes_per_token_16bit` is the KV cache of one token at 16 bits over all layers on one GPU
    (the compressed cache for MLA); `full_context_layers` are the layers whose cache grows with
    the whole context; `published_rounded`: the source gives one decimal of its size.
    `tflop_per_pass`, `passes_per_step`, `default_steps` describe one sample
    of an image or video denoiser. `precision` is that of the published weights.
    """

    id: str
    family: str
    kind: str
    params_total_b: float
    params_active_b: float
    published_rounded: bool
    layers: int | None
    hidden: int | None
    heads: int | None
    kv_heads: int | None
    head_dim: int | None
    ffn_hidden: int | None
    vocab: int | None
    experts: int | None
    top_k: int | None
    shared_experts: int | None
    moe_ffn_hidden: int | None
    attention: str
    mla_kv_lora_rank: int | None
    mla_rope_dim: int | None
    tied_embeddings: bool
    context: int | None
    full_context_layers: int | None
    kv_bytes_per_token_16bit: float | None
    computed_total_b: float | None
    computed_active_b: float | None
    tflop_per_pass: float | None
    passes_per_step: float | None
    default_steps: float | None
    source: str
    note: str
    precision: str = "bf16"

    @property
    def is_moe(self) -> bool:
        """Whether tokens are routed to a few of many experts."""
        return bool(self.experts)

    @property
    def is_denoiser(self) -> bool:
        """Whether one answer is an image or a video made in denoising steps."""
        return self.kind in ("image-diffusion", "video-diffusion")

    @property
    def generates_text(self) -> bool:
        """Whether it can serve chat and batch workloads."""
        return self.kind.startswith("llm-")

    @property
    def embeds_text(self) -> bool:
        """Whether it can serve embedding workloads (decoders can, too)."""
        return self.kind in ("embedding", "encoder") or self.kind.startswith("llm-")


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What a model's name means: a shape, and what the name states of the weights.

    `name` as it was written; `precision` of the checkpoint of this name; `stated` says by which
    word the name states it, empty = as published. `kv_precision` empty = the engine's choice.
    `context` is the longest request [tokens] where this checkpoint has another than its shape.
    `notes` are sentences on what was taken for what.
    """

    name: str
    model: Model
    precision: str
    stated: str
    kv_precision: str = ""
    context: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def longest(self) -> int | None:
        """Longest request [tokens]; None = not known."""
        return self.context or self.model.context

    def with_context(self, stated: int | None) -> NamedModel:
        """The model with the longest request [tokens] that a user states, if one does."""
        return self if stated is None else replace(self, context=stated)

    def precisions(self, asked: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """The precisions to run at, and a sentence where they were assumed or overrule the name.

        What is asked for wins over the name, and is told.
        """
        if not asked:
            why = f"stated by the name ({self.stated})" if self.stated else "as published"
            return (self.precision,), f"precision {self.precision}, {why}"
        if self.stated and tuple(asked) != (self.precision,):
            wanted = ", ".join(asked)
            return tuple(asked), f"precision {wanted} as asked for; the name says {self.stated}"
        return tuple(asked), ""


SHORTER = "shorten the requests, or name a model with a longer context"
"""What to do about requests that are too long."""


def too_long(
    model: Model, input_tokens: float, output_tokens: float, context: int | None = None
) -> str:
    """Why a model can never serve requests of this size; empty where it can, or is not known.

    `context` [tokens] stands in the place of the model's own.
    """
    longest = context or model.context
    if longest is None or not input_tokens + output_tokens > longest:
        return ""
    return (
        f"a request of {input_tokens:,.0f} + {output_tokens:,.0f} tokens is longer than the "
        f"context of {model.id}, {longest:,} tokens"
    )
