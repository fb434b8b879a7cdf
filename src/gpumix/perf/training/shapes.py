"""What a training step needs of a model's shape, as one struct of numpy arrays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from gpumix.domain.llm import Model
from gpumix.units import GIGA
from gpumix.values import FloatArray

_BLOCKS = re.compile(r"(\d+) attention \+ (\d+) Mamba-2 \+ (\d+) (MoE|MLP) layers")

STATE_WIDTH = 10.0
"""Activations of a Mamba-2 layer in hidden widths, at an inner width of 2 h: gate and input of the
scan (4 h), convolution (2 h), scan (2 h), gated norm (2 h). Source: arXiv 2405.21060 section 8;
derived."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """Model shapes, one value a row. Parameter counts in units, widths in elements.

    `matmul_params` are those a token multiplies with (no input embedding, LM head in);
    `expert_params` and `active_expert_params` the routed experts' share of all and of those;
    `attention_width` is query heads x head dimension over the layers that attend to the whole
    context, summed; `causal` halves attention FLOPs; `activation_width` the elements one token
    keeps for the backward pass, summed over layers (see `training_memory`): `norm_width` of it is
    split by sequence parallelism alone, `copied_width` are a token's copies to its experts and
    back, `state_width` is of Mamba-2 layers. `moe_layers` have experts; `exchange_width` is the
    width in which a token goes to them, summed over layers, `expert_hidden` that of one layer.
    """

    total_params: FloatArray
    matmul_params: FloatArray
    expert_params: FloatArray
    active_expert_params: FloatArray
    layers: FloatArray
    hidden: FloatArray
    heads: FloatArray
    kv_heads: FloatArray
    head_dim: FloatArray
    ffn: FloatArray
    vocab: FloatArray
    experts: FloatArray
    top_k: FloatArray
    expert_ffn: FloatArray
    attention_width: FloatArray
    activation_width: FloatArray
    norm_width: FloatArray
    moe_layers: FloatArray
    exchange_width: FloatArray
    expert_hidden: FloatArray
    copied_width: FloatArray
    state_width: FloatArray
    state_layers: FloatArray
    embedding_params: FloatArray
    lora_width: FloatArray
    causal: FloatArray
    encoder: FloatArray


def shapes_of(models: Sequence[Model]) -> Shapes:
    """The shapes of models, a value each."""
    rows = [_shape(m) for m in models]
    return Shapes(**{f.name: np.array([r[f.name] for r in rows]) for f in fields(Shapes)})


def _shape(m: Model) -> dict[str, float]:
    """One model's numbers; what a record lacks becomes 0, and its width the square law's."""
    total = (m.computed_total_b or m.params_total_b) * GIGA
    active = (m.computed_active_b or m.params_active_b) * GIGA
    layers, hidden = float(m.layers or 1), float(m.hidden or 1)
    heads = float(m.heads or max(1.0, hidden / 128))
    kv_heads = float(m.kv_heads or heads)
    head_dim = float(m.head_dim or hidden / heads)
    ffn, expert_ffn = float(m.ffn_hidden or 4 * hidden), float(m.moe_ffn_hidden or 0)
    vocab, experts, top_k = float(m.vocab or 0), float(m.experts or 0), float(m.top_k or 0)
    expert = (total - active) / (experts - top_k) if experts > top_k else 0.0
    input_embedding = 0.0 if m.tied_embeddings and m.kind != "encoder" else vocab * hidden
    matrices = _ffn_matrices(active, layers, hidden, heads, kv_heads, head_dim, ffn, vocab, m)
    full = float(layers if m.full_context_layers is None else m.full_context_layers)
    blocks = _blocks(m, layers)
    exchange = _exchange_width(expert, 2 if blocks.apart else 3, expert_ffn, hidden, blocks.ffn)
    token_ffn = (top_k + (m.shared_experts or 0)) * expert_ffn if expert else ffn
    mlp = 2.0 * token_ffn if matrices == 2 or blocks.apart else 4.0 * token_ffn
    norms = (2.0 if blocks.apart else 4.0) * hidden * layers
    attention = 2.0 * heads * head_dim + 2.0 * kv_heads * head_dim
    adapted = (2 * heads + 2 * kv_heads) * head_dim + 4 * hidden + matrices * (ffn + hidden)
    return {
        "total_params": total,
        "matmul_params": active - input_embedding,
        "expert_params": expert * experts,
        "active_expert_params": expert * top_k,
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": head_dim,
        "ffn": ffn,
        "vocab": vocab,
        "experts": experts,
        "top_k": top_k,
        "expert_ffn": expert_ffn,
        "attention_width": heads * head_dim * full,
        "activation_width": norms
        + blocks.attention * attention
        + blocks.state * STATE_WIDTH * hidden
        + blocks.ffn * mlp
        + 2.0 * top_k * exchange,
        "norm_width": norms,
        "moe_layers": blocks.ffn if expert else 0.0,
        "exchange_width": exchange,
        "expert_hidden": exchange / blocks.ffn if expert else hidden,
        "copied_width": 2.0 * top_k * exchange,
        "state_width": blocks.state * STATE_WIDTH * hidden,
        "state_layers": blocks.state,
        "embedding_params": vocab * hidden * (1.0 if m.tied_embeddings else 2.0),
        "lora_width": layers * adapted,
        "causal": 1.0 if m.kind == "encoder" else 0.5,
        "encoder": float(m.kind == "encoder"),
    }


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Layers with attention, with a Mamba-2 state and with an MLP or experts; `apart` where each
    layer is one of the three."""

    attention: float
    state: float
    ffn: float
    apart: bool


def _blocks(m: Model, layers: float) -> _Blocks:
    found = _BLOCKS.search(m.attention)
    if not found:
        return _Blocks(layers, 0.0, layers, apart=False)
    attention, state, ffn = (float(found[i]) for i in (1, 2, 3))
    return _Blocks(attention, state, ffn, apart=True)


def _exchange_width(
    expert: float, matrices: int, expert_ffn: float, hidden: float, layers: float
) -> float:
    """Width of a token at its experts, summed over layers: what one expert's size leaves.

    expert = matrices x expert_ffn x width x layers: smaller than the hidden width where experts
    work on a latent one, on fewer layers where some have none.
    """
    if not expert:
        return 0.0
    whole = hidden * layers
    return min(expert / (matrices * expert_ffn), whole) if expert_ffn else whole


def _ffn_matrices(
    active: float,
    layers: float,
    hidden: float,
    heads: float,
    kv_heads: float,
    head_dim: float,
    ffn: float,
    vocab: float,
    m: Model,
) -> int:
    """2 for a plain MLP, 3 for a gated one: what the parameter count leaves for the MLP."""
    if m.is_moe or not m.layers:
        return 3
    embeddings = vocab * hidden * (1 if m.tied_embeddings else 2)
    attention = hidden * head_dim * (2 * heads + 2 * kv_heads)
    return 2 if (active - embeddings) / layers - attention < 2.5 * hidden * ffn else 3
