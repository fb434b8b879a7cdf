"""What the formulas need of a model, worked out once from its record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpumix.domain.llm import Model
from gpumix.errors import NoEstimate
from gpumix.units import GIGA

_WINDOW = re.compile(r"(?:sliding|chunked)\D*(\d+)")
_ATTENTION_LAYERS = re.compile(r"(\d+) (?:full GQA|attention)")
_STATE_LAYERS = re.compile(r"(\d+) (Mamba-2|linear-attention)")

STATE_WIDTH = {"Mamba-2": 256.0, "linear-attention": 128.0}
"""Recurrent state a layer holds for one sequence, in elements per hidden unit.

Source: Mamba-2 keeps 2 h x 128 (arXiv 2405.21060), gated delta networks h x 128
(arXiv 2412.06464).
"""

SPARSE_TOP_TOKENS = 2048.0
SPARSE_INDEX_SHARE = 0.15
"""DeepSeek sparse attention reads its best 2,048 tokens and a narrow index of all the others.

Source: DeepSeek-V3.2 report, section 2 (index of 128 fp8 values beside 576 16-bit ones: 0.11,
and its scales).
"""

MLA_PREFILL_HEAD_DIM = 160.0
"""Mean of the 192 wide keys and 128 wide values of multi-head latent attention in prefill.

Source: DeepSeek-V2, arXiv 2405.04434 table 1.
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """A language model as the kernels see it; parameters and bytes over all layers."""

    layers: float
    hidden: float
    vocab: float
    dense_params: float
    expert_params: float
    experts: float
    top_k: float
    embedding_params: float
    total_params: float
    heads: float
    head_dim: float
    attention_layers: float
    kv_heads: float
    full_kv_bytes: float
    window_kv_bytes: float
    window: float
    state_bytes: float
    sparse_top: float
    latent_rank: float
    latent_layers: float
    sparse_layers: float
    state_layers: float
    ffn: float = 0.0
    expert_ffn: float = 0.0


def shape_of(model: Model) -> Shape:
    """The shape of a language model, embedding model or speech model.

    One expert over all layers holds (total - active) / (experts - top_k) parameters, at most
    what its width says; embeddings are V h, twice where they are not tied; the rest is dense.

    Raises:
        NoEstimate: the catalogue lacks layers, width or heads of this model.
    """
    layers, hidden = model.layers, model.hidden
    if not layers or not hidden or not model.params_total_b:
        raise NoEstimate(f"{model.id}: no shape in the catalogue")
    vocab = float(model.vocab or 0)
    copies = 1.0 if model.tied_embeddings or model.kind == "embedding" else 2.0
    embeddings = vocab * hidden * copies
    total = model.params_total_b * GIGA
    expert = _expert_params(model)
    experts = float(model.experts or 0)
    dense = max(total - expert * experts - embeddings, 0.02 * total)
    heads = float(model.heads or max(1, hidden // 128))
    head_dim = float(model.head_dim or hidden / heads)
    latent = float(model.mla_kv_lora_rank or 0)
    kv_heads = 1.0 if latent else float(model.kv_heads or min(heads, 8.0))
    attention_layers, state_layers, width = _layers_by_kind(model.attention, float(layers))
    kv_bytes = model.kv_bytes_per_token_16bit
    if kv_bytes is None:
        kv_bytes = 4.0 * attention_layers * kv_heads * head_dim if model.generates_text else 0.0
    window, windowed = _windowed_share(model, attention_layers)
    return Shape(
        layers=float(layers),
        hidden=float(hidden),
        vocab=vocab,
        dense_params=dense,
        expert_params=expert,
        experts=max(experts, 1.0),
        top_k=float(model.top_k or 0) if experts else 1.0,
        embedding_params=embeddings,
        total_params=total,
        heads=heads,
        head_dim=MLA_PREFILL_HEAD_DIM if latent else head_dim,
        attention_layers=attention_layers,
        kv_heads=kv_heads,
        full_kv_bytes=kv_bytes * (1.0 - windowed),
        window_kv_bytes=kv_bytes * windowed,
        window=window,
        state_bytes=2.0 * state_layers * width * hidden,
        sparse_top=SPARSE_TOP_TOKENS if "DSA" in model.attention else float("inf"),
        latent_rank=latent,
        latent_layers=float(layers) if latent else 0.0,
        sparse_layers=float(layers) if "DSA" in model.attention else 0.0,
        state_layers=state_layers,
        ffn=float(model.ffn_hidden or 4 * hidden),
        expert_ffn=float(model.moe_ffn_hidden or 0),
    )


def _expert_params(model: Model) -> float:
    experts, top_k = model.experts or 0, model.top_k or 0
    if experts <= top_k or not experts:
        return 0.0
    by_totals = (model.params_total_b - model.params_active_b) * GIGA / (experts - top_k)
    if not model.moe_ffn_hidden or not model.hidden or not model.layers:
        return by_totals
    return min(by_totals, 3.0 * model.hidden * model.moe_ffn_hidden * model.layers)


def _layers_by_kind(attention: str, layers: float) -> tuple[float, float, float]:
    """Layers with attention, layers with a recurrent state, and that state's width."""
    state = _STATE_LAYERS.search(attention)
    if not state:
        return layers, 0.0, 0.0
    full = _ATTENTION_LAYERS.search(attention)
    return float(full[1]) if full else layers, float(state[1]), STATE_WIDTH[state[2]]


def _windowed_share(model: Model, attention_layers: float) -> tuple[float, float]:
    """The window [tokens] and the share of attention layers that keep only it."""
    found = _WINDOW.search(model.attention)
    full = model.full_context_layers
    if not found or full is None or full >= attention_layers:
        return float("inf"), 0.0
    return float(found[1]), 1.0 - full / attention_layers
