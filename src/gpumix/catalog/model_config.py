"""A Hugging Face `config.json` as a shape: dense, mixture of experts, latent attention, hybrids
with recurrent layers, sliding windows, and the text part of a multimodal model with its encoder.

Parameters are counted from the shape, as no config states them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gpumix import formats
from gpumix.domain.llm import Model
from gpumix.errors import InputError, Problem
from gpumix.reading import read_json
from gpumix.units import GIGA

_TEXT_PARTS: Final = ("text_config", "llm_config", "language_config", "thinker_config")
_UNGATED: Final = frozenset(
    ("gpt2", "opt", "falcon", "bloom", "gptj", "gpt_neox", "phi", "starcoder2", "mpt",
     "gpt_bigcode", "nemotron", "nemotron_h")
)  # fmt: skip
"""Model types whose feed-forward block has two matrices, not three."""
_TIED: Final = frozenset(("gemma", "gemma2", "gemma3_text", "gpt2", "opt", "falcon", "bloom"))
"""Model types that share input and output embeddings where the config does not say."""
_LAYER_KINDS: Final = {
    "full_attention": "full", "attention": "full", "sliding_attention": "window",
    "chunked_attention": "window", "linear_attention": "linear", "mamba": "mamba",
    "mamba2": "mamba",
}  # fmt: skip
_PATTERN: Final = {"M": "mamba", "*": "full", "-": "mlp", "E": "moe"}
"""Letters of `hybrid_override_pattern`."""
_LARGEST: Final = 10**9


class _Keys:
    """The keys of a config: the first of several spellings that is there, whole and positive."""

    def __init__(self, cells: Mapping[str, Any], place: str) -> None:
        self.cells = cells
        self.place = place
        self.problems: list[Problem] = []

    def get(self, *names: str) -> Any:
        """The first of these keys that is stated, else None."""
        return next((self.cells[n] for n in names if self.cells.get(n) is not None), None)

    def whole(self, *names: str, default: int | None = None) -> int:
        """A whole number of at least 1, or 0 with a default; a problem where it is none."""
        value = self.get(*names)
        if value is None and default is not None:
            return default
        least = 1 if default is None else 0
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST:
            what = "is missing" if value is None else f"is no whole number of at least {least}"
            self.problems.append(Problem(self.place, f"{' or '.join(names)} {what}"))
            return 1
        return value

    def part(self, *names: str) -> Mapping[str, Any]:
        """A nested object, empty where there is none."""
        value = self.get(*names)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class _Experts:
    """Routed experts of a model: layers that have them, their number, and widths."""

    layers: int
    count: int
    top_k: int
    width: int
    shared: int
    shared_width: int


def read_config(path: Path, name: str) -> Model:
    """The shape that a config states, called `name`.

    Raises: InputError naming every key that is missing or not understood.
    """
    return model_of(_cells(path), path.name, name)


def own_name(path: Path) -> str:
    """What a config calls its model; else the name of its folder or file.

    Raises: InputError where it cannot be read.
    """
    own = _cells(path).get("_name_or_path")
    if own and isinstance(own, str):
        return own
    return path.absolute().parent.name if path.stem == "config" else path.stem


def _cells(path: Path) -> dict[str, Any]:
    cells = read_json(path, "name the config.json of a model")
    if not isinstance(cells, dict):
        raise InputError(Problem(str(path), "is no config of a model", "name its config.json"))
    return cells


def model_of(cells: Mapping[str, Any], place: str, name: str) -> Model:
    """The shape of a config. Raises: InputError, as `read_config`."""
    whole = _Keys(cells, place)
    text = _Keys({**cells, **whole.part(*_TEXT_PARTS)}, place)
    layers = text.whole("num_hidden_layers", "n_layer", "n_layers", "num_layers")
    hidden = text.whole("hidden_size", "n_embd", "d_model")
    heads = text.whole("num_attention_heads", "n_head", "n_heads")
    vocab = text.whole("vocab_size")
    kv_heads = text.whole("num_key_value_heads", "num_kv_heads", "n_head_kv", default=heads)
    if text.get("multi_query") and text.get("num_key_value_heads") is None:
        kv_heads = 1
    head_dim = text.whole("head_dim", default=max(hidden // max(heads, 1), 1))
    kinds = _layer_kinds(text, layers)
    experts = _experts(text, layers, kinds)
    ffn = text.whole(
        "intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner",
        default=experts.width if experts else 4 * hidden if _type(text) in _UNGATED else None,
    )  # fmt: skip
    if text.problems:
        raise InputError(text.problems)
    tied = text.get("tie_word_embeddings")
    is_tied = bool(tied) if tied is not None else _type(text) in _TIED
    mixers = _mixer_params(text, hidden, heads, kv_heads, head_dim, kinds)
    matrices = 2 if _type(text) in _UNGATED else 3
    dense_layers = kinds["mlp"] if kinds["mlp"] or kinds["moe"] else layers
    dense_layers -= experts.layers if experts and not kinds["moe"] else 0
    block = mixers + matrices * hidden * ffn * dense_layers + vocab * hidden * (2 - is_tied)
    total = active = block
    if experts:
        one = matrices * hidden * experts.width
        always = matrices * hidden * experts.shared_width + hidden * experts.count
        total += experts.layers * (one * experts.count + always)
        active += experts.layers * (one * experts.top_k + always)
    vision, note = _vision(whole)
    latent = text.whole("kv_lora_rank", default=0)
    rope = text.whole("qk_rope_head_dim", default=0)
    attending = kinds["full"] + kinds["window"]
    per_layer = 2 * (latent + rope) if latent else 4 * kv_heads * head_dim
    return Model(
        id=name,
        family=_type(text),
        kind=_kind(kinds, experts, bool(vision)),
        params_total_b=(total + vision) / GIGA,
        params_active_b=(active + vision) / GIGA,
        published_rounded=False,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        ffn_hidden=ffn,
        vocab=vocab,
        experts=experts.count if experts else None,
        top_k=experts.top_k if experts else None,
        shared_experts=experts.shared if experts else None,
        moe_ffn_hidden=experts.width if experts else None,
        attention=_attention(text, kinds, heads, kv_heads, layers),
        mla_kv_lora_rank=latent or None,
        mla_rope_dim=rope if latent else None,
        tied_embeddings=is_tied,
        context=_context(text),
        full_context_layers=kinds["full"],
        kv_bytes_per_token_16bit=float(per_layer * attending),
        computed_total_b=None,
        computed_active_b=None,
        tflop_per_pass=None,
        passes_per_step=None,
        default_steps=None,
        source=place,
        note=note,
        precision=_precision(whole, text),
    )


def _type(text: _Keys) -> str:
    return str(text.get("model_type") or "")


def _layer_kinds(text: _Keys, layers: int) -> Counter[str]:
    """How many layers attend to the whole context, to a window, or keep a state."""
    listed, pattern = (
        text.get("layer_types", "layers_block_type"),
        text.get("hybrid_override_pattern"),
    )
    for name in ("attn_layer_period", "expert_layer_period"):
        if text.whole(name, default=1) > 1:
            message = f"{name} is not understood: the kinds of its layers must be listed"
            text.problems.append(Problem(text.place, message, "state layer_types"))
    if isinstance(pattern, str):
        return Counter(_PATTERN.get(letter, "mlp") for letter in pattern[:layers])
    if isinstance(listed, list):
        unknown = sorted({str(one) for one in listed} - set(_LAYER_KINDS))
        if unknown:
            message = f"layer_types holds {', '.join(unknown)[:60]}, which is not understood"
            text.problems.append(Problem(text.place, message))
        return Counter(_LAYER_KINDS.get(str(one), "full") for one in listed[:layers])
    interval = text.whole("full_attention_interval", default=0)
    if interval and text.get("linear_num_value_heads") is not None:
        full = layers // interval
        return Counter(full=full, linear=layers - full)
    window = text.get("sliding_window", "attention_chunk_size")
    if not window or text.get("use_sliding_window") is False:
        return Counter(full=layers)
    every = text.whole("sliding_window_pattern", "_sliding_window_pattern", default=0)
    if not every and _type(text) == "gemma2":
        every = 2
    full = layers // every if every else 0
    return Counter(full=full, window=layers - full)


def _experts(text: _Keys, layers: int, kinds: Counter[str]) -> _Experts | None:
    count = text.whole(
        "num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", default=0
    )
    if count < 2:
        return None
    width = text.whole("moe_intermediate_size", "intermediate_size")
    shared = text.whole(
        "n_shared_experts", "num_shared_experts", "moe_num_shared_experts", default=0
    )
    shared_width = text.whole(
        "moe_shared_expert_intermediate_size", "shared_expert_intermediate_size",
        default=width * shared,
    )  # fmt: skip
    dense = text.whole("first_k_dense_replace", default=0)
    only = text.get("mlp_only_layers")
    dense += len(only) if isinstance(only, Sequence) else 0
    step = text.whole("decoder_sparse_step", "interleave_moe_layer_step", default=1) or 1
    routed = kinds["moe"] or max(layers // step - dense, 0)
    top_k = text.whole("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k")
    return _Experts(routed, count, top_k, width, shared or int(shared_width > 0), shared_width)


def _mixer_params(
    text: _Keys, hidden: int, heads: int, kv_heads: int, head_dim: int, kinds: Counter[str]
) -> int:
    """Parameters of attention and recurrent layers."""
    latent = text.whole("kv_lora_rank", default=0)
    if latent:
        nope, rope = text.whole("qk_nope_head_dim"), text.whole("qk_rope_head_dim")
        values, rank = text.whole("v_head_dim"), text.whole("q_lora_rank", default=0)
        queries = heads * (nope + rope)
        asked = hidden * rank + rank * queries if rank else hidden * queries
        held = hidden * (latent + rope) + latent * heads * (nope + values)
        attention = asked + held + heads * values * hidden
    else:
        attention = hidden * head_dim * (2 * heads + 2 * kv_heads)
    linear = 0
    if kinds["linear"]:
        keys = text.whole("linear_num_key_heads") * text.whole("linear_key_head_dim")
        values = text.whole("linear_num_value_heads") * text.whole("linear_value_head_dim")
        linear = hidden * (2 * keys + 3 * values)
    mamba = 0
    if kinds["mamba"]:
        expand = text.whole("expand", "mamba_expand", default=2)
        inner = text.whole("mamba_num_heads", "mamba_n_heads", default=0) * text.whole(
            "mamba_head_dim", "mamba_d_head", default=0
        )
        inner = inner or expand * hidden
        state = text.whole("ssm_state_size", "mamba_d_state")
        groups = text.whole("n_groups", "mamba_n_groups", default=1)
        mamba = hidden * (3 * inner + 2 * groups * state)
    if text.problems:
        raise InputError(text.problems)
    full = kinds["full"] + kinds["window"]
    return attention * full + linear * kinds["linear"] + mamba * kinds["mamba"]


def _attention(text: _Keys, kinds: Counter[str], heads: int, kv_heads: int, layers: int) -> str:
    """Attention in the words of models.csv, which the formulas read."""
    if kinds["mamba"] or kinds["linear"]:
        state, name = kinds["mamba"], "Mamba-2"
        if kinds["linear"]:
            state, name = kinds["linear"], "linear-attention"
        return f"hybrid: {kinds['full']} full GQA + {state} {name} layers"
    if text.get("kv_lora_rank"):
        return "MLA + sparse indexer (DSA)" if text.get("index_topk") else "MLA"
    words = "MHA" if kv_heads == heads else "MQA" if kv_heads == 1 else "GQA"
    window = text.get("sliding_window", "attention_chunk_size")
    return (
        f"{words}, sliding {window} on {kinds['window']} of {layers} layers"
        if kinds["window"]
        else words
    )


def _kind(kinds: Counter[str], experts: _Experts | None, sees: bool) -> str:
    if kinds["mamba"] or kinds["linear"]:
        return "llm-hybrid-moe" if experts else "llm-hybrid"
    if sees:
        return "llm-multimodal"
    return "llm-moe" if experts else "llm-dense"


def _context(text: _Keys) -> int | None:
    """Longest request [tokens], extended positions included."""
    stated = text.get("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
    scaling = text.part("rope_scaling", "rope_parameters")
    factor, original = scaling.get("factor"), scaling.get("original_max_position_embeddings")
    known = [stated] if isinstance(stated, int) else []
    if isinstance(factor, int | float) and isinstance(original, int):
        known.append(int(factor * original))
    return max(known) if known else None


def _vision(whole: _Keys) -> tuple[int, str]:
    """Parameters of a vision encoder, and what to tell of it and of its tokens an image."""
    cells = whole.part("vision_config")
    if not cells:
        return 0, ""
    vision = _Keys(cells, f"{whole.place} vision_config")
    hidden = vision.whole("hidden_size", "embed_dim", "width")
    layers = vision.whole("num_hidden_layers", "depth", "layers")
    ffn = vision.whole("intermediate_size", default=4 * hidden)
    size, patch = vision.whole("image_size", default=0), vision.whole("patch_size", default=0)
    merge = vision.whole("spatial_merge_size", default=1) or 1
    if vision.problems:
        raise InputError(vision.problems)
    params = layers * (4 * hidden * hidden + 2 * hidden * ffn)
    note = f"vision encoder of {params / GIGA:.2f}B"
    tokens = whole.get("mm_tokens_per_image", "image_seq_length")
    if tokens is None and size and patch:
        tokens = (size // patch // merge) ** 2
    return params, f"{note}, {tokens} tokens an image" if tokens else note


def _precision(whole: _Keys, text: _Keys) -> str:
    """The precision of the weights: `quantization_config`, else the type of the tensors."""
    cells = whole.part("quantization_config") or text.part("quantization_config")
    word = _quantised(cells) if cells else str(text.get("torch_dtype", "dtype") or "bf16")
    if word == "float32":
        return "bf16"
    found = formats.canonical(word)
    if found is None:
        raise InputError(formats.unknown_precision(whole.place, word))
    return found


def _quantised(cells: Mapping[str, Any]) -> str:
    method = str(cells.get("quant_algo") or cells.get("quant_method") or "")
    if method == "bitsandbytes":
        return "bnb_4_bit" if cells.get("load_in_4bit") else "bnb_8_bit"
    if method in ("awq", "gptq"):
        return f"{method}_{cells.get('bits', 4)}_bit"
    groups = cells.get("config_groups")
    if isinstance(groups, dict) and groups:
        group = next(iter(groups.values()))
        weights = group.get("weights") or {} if isinstance(group, dict) else {}
        acts = group.get("input_activations") if isinstance(group, dict) else None
        bits = weights.get("num_bits")
        if weights.get("type") == "float":
            return f"fp{bits}"
        return "w8a16" if bits == 8 and not acts else f"int{bits}"
    return method
