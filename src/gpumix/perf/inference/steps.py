"""One engine step: the sum of its kernels and the host's work beside them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gpumix.perf.inference import kernels
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import kv_ways
from gpumix.perf.shapes import SPARSE_INDEX_SHARE
from gpumix.values import FloatArray, Values


@dataclass(frozen=True, slots=True)
class StepParts:
    """Where one step's time goes [s]; `overlap` is the share of the host's work hidden."""

    weights_s: FloatArray
    attention_s: FloatArray
    link_s: FloatArray
    host_s: FloatArray
    overlap: FloatArray

    @property
    def total_s(self) -> FloatArray:
        """The whole step [s]: engines that schedule ahead hide part of the host's work.

        t = gpu + host without overlap, sqrt(gpu^2 + host^2) with it.
        """
        gpu = self.weights_s + self.attention_s + self.link_s
        return np.sqrt(gpu * gpu + self.host_s * (self.host_s + 2.0 * (1.0 - self.overlap) * gpu))


@dataclass(frozen=True, slots=True)
class StepKernels:
    """Time of every kernel of one step, and of the host's work beside them [s].

    Each field is named after its formula in `perf.kernels`; `launches_s` are what layers of
    special kinds and expert layers take to start. `overlap` is the share of the host's work hidden.
    """

    linear_s: FloatArray
    experts_s: FloatArray
    head_s: FloatArray
    activations_s: FloatArray
    launches_s: FloatArray
    attention_decode_s: FloatArray
    attention_prefill_s: FloatArray
    all_reduce_s: FloatArray
    all_to_all_s: FloatArray
    host_s: FloatArray
    overlap: FloatArray

    @property
    def parts(self) -> StepParts:
        """The same, gathered by what causes them."""
        weights = self.linear_s + self.experts_s + self.head_s + self.activations_s
        return StepParts(
            weights_s=np.asarray(weights + self.launches_s),
            attention_s=np.asarray(self.attention_decode_s + self.attention_prefill_s),
            link_s=np.asarray(self.all_reduce_s + self.all_to_all_s),
            host_s=self.host_s,
            overlap=self.overlap,
        )

    @property
    def visible_host_s(self) -> FloatArray:
        """The host's work that the GPU's does not hide [s]: the kernels and this are the step."""
        parts = self.parts
        return parts.total_s - parts.weights_s - parts.attention_s - parts.link_s


def step_parts(
    dep: Deployment, batch: Values, context: Values, prompt_tokens: Values, prompt_len: Values
) -> StepParts:
    """Times of one engine iteration, by what causes them: `step_kernels`, gathered.

    Args:
        dep, batch, context, prompt_tokens, prompt_len: as for `step_kernels`
            [count, tokens, tokens, tokens].

    Source: docs/inference.md.
    """
    return step_kernels(dep, batch, context, prompt_tokens, prompt_len).parts


def step_kernels(
    dep: Deployment, batch: Values, context: Values, prompt_tokens: Values, prompt_len: Values
) -> StepKernels:
    """Times of one engine iteration, kernel by kernel.

    Under pipeline parallelism `pp` micro-batches are in flight: the iteration of all sequences
    lasts as long as one micro-batch takes through all stages.

    Args:
        dep: deployments.
        batch: sequences decoding in one replica (all its ranks and stages) [count].
        context: mean tokens cached per decoding sequence [tokens].
        prompt_tokens: prompt tokens prefilled in the iteration [tokens].
        prompt_len: length of the prompts they belong to [tokens].

    Source: docs/inference.md; continuous batching: Orca (OSDI 2022), Sarathi (arXiv 2403.02310).
    """
    if dep.overlapped_batches.max(initial=1.0) > 1.0:
        return _overlapped(dep, batch, context, prompt_tokens, prompt_len)
    return _one_batch(dep, batch, context, prompt_tokens, prompt_len)


def _overlapped(
    dep: Deployment, batch: Values, context: Values, prompt_tokens: Values, prompt_len: Values
) -> StepKernels:
    """A step cut into n batches, the exchange of one behind the arithmetic of the other.

    t = n max(work(b / n), exchange(b / n)) with n = 2, and work + exchange with n = 1; weights are
    read and kernels launched once for each

    Source: two-batch overlap, lmsys.org/blog/2025-05-05-large-scale-ep; DeepSeek open-infra-index,
    day 6: dual-batch overlap.
    """
    n = dep.overlapped_batches
    one = _one_batch(dep, batch / n, context, prompt_tokens / n, prompt_len)
    parts = one.parts
    shown = np.where(
        n > 1.0,
        np.maximum(one.all_to_all_s - parts.weights_s - parts.attention_s, 0.0),
        one.all_to_all_s,
    )
    names = [f.name for f in fields(StepKernels) if f.name not in ("all_to_all_s", "overlap")]
    times = {name: np.asarray(n * getattr(one, name)) for name in names}
    return StepKernels(**times, all_to_all_s=np.asarray(n * shown), overlap=one.overlap)


def _one_batch(
    dep: Deployment, batch: Values, context: Values, prompt_tokens: Values, prompt_len: Values
) -> StepKernels:
    """`step_kernels` of a step in one batch."""
    sequences = np.where(batch > 0.0, np.maximum(batch / dep.pp, np.minimum(batch, 1.0)), 0.0)
    prompts = prompt_tokens / dep.pp
    tokens = sequences + prompts
    own_tokens, begun = tokens / dep.ranks, prompts / np.maximum(prompt_len, 1.0)
    dense = kernels.linear(
        own_tokens,
        dep.dense_params / dep.tp,
        dep.dense_bytes,
        dep.linear_rate,
        dep.weight_rate,
        dep.half_tokens,
    )
    logits = kernels.head(
        sequences + begun, dep.head_params, dep.ways, dep.head_rate, dep.head_weight_rate
    )
    elementwise = kernels.activations(
        own_tokens, dep.hidden, dep.layers, dep.activation_passes, dep.bandwidth
    )
    routed: Values = np.zeros_like(dense)
    if dep.expert_params.any():
        routed, moved = _experts_s(dep, tokens)
        elementwise = elementwise + moved
    decode_s, prefill_attention_s = _attention_s(dep, sequences, context, prompts, prompt_len)
    reduce_s, scatter_s = _link_s(dep, tokens, own_tokens)
    return StepKernels(
        linear_s=np.asarray(dense),
        experts_s=np.asarray(routed),
        head_s=np.asarray(logits),
        activations_s=np.asarray(elementwise),
        launches_s=dep.start_s,
        attention_decode_s=np.asarray(decode_s),
        attention_prefill_s=np.asarray(prefill_attention_s),
        all_reduce_s=np.asarray(reduce_s),
        all_to_all_s=np.asarray(scatter_s),
        host_s=np.asarray(
            dep.step_s
            + dep.layers * dep.layer_s
            + sequences / dep.ranks * dep.sequence_s
            + prompts / dep.ranks * dep.prompt_token_s
            + begun / dep.ranks * dep.request_s
        ),
        overlap=dep.overlap,
    )


def _experts_s(dep: Deployment, tokens: Values) -> tuple[Values, Values]:
    """Products of the experts, and what moves their tokens in and out [s]; 0 for a dense model."""
    routed = kernels.experts(
        tokens,
        dep.expert_params,
        dep.experts,
        dep.top_k,
        dep.ways,
        dep.expert_bytes,
        dep.linear_rate * dep.expert_efficiency,
        dep.weight_rate,
        dep.expert_half_tokens,
        dep.routing_spread,
    )
    moved = kernels.activations(
        tokens / dep.ranks * np.where(dep.expert_params > 0.0, dep.top_k, 0.0),
        dep.hidden, dep.layers, dep.expert_passes, dep.bandwidth,
    )  # fmt: skip
    return routed * dep.expert_factor * dep.imbalance, moved


def _attention_s(
    dep: Deployment, sequences: Values, context: Values, prompts: Values, prompt_len: Values
) -> tuple[Values, Values]:
    """Of decoding sequences and of prompts [s]."""
    none = np.zeros(dep.rows)
    return (
        _decode_attention_s(dep, sequences, context) if np.any(sequences) else none,
        _prefill_attention_s(dep, prompts, prompt_len) if np.any(prompts) else none,
    )


def _decode_attention_s(dep: Deployment, sequences: Values, context: Values) -> Values:
    read = kernels.attended_bytes(
        context, dep.full_kv_bytes, dep.window_kv_bytes, dep.window, dep.sparse_top,
        SPARSE_INDEX_SHARE,
    ) * dep.repeated_reads  # fmt: skip
    cached = read / kv_ways(dep) + dep.state_passes * dep.state_bytes / dep.tp
    attended = np.minimum(context, dep.sparse_top)
    latent_flops = 2.0 * attended * dep.heads / dep.tp * dep.latent_width * dep.attention_layers
    return kernels.attention_decode(
        sequences / dep.ranks, cached, dep.kv_rate, latent_flops, dep.prefill_rate,
        dep.attention_layers, dep.attention_launch_s,
    )  # fmt: skip


def _prefill_attention_s(dep: Deployment, prompts: Values, prompt_len: Values) -> Values:
    span = np.minimum(prompt_len / 2.0, dep.sparse_top + SPARSE_INDEX_SHARE * prompt_len / 2.0)
    windowed = np.minimum(prompt_len / 2.0, dep.window)
    return kernels.attention_prefill(
        prompts / dep.ranks, span, windowed, dep.heads / dep.tp, dep.head_dim,
        dep.attention_layers - dep.window_layers, dep.window_layers, dep.prefill_rate,
        dep.half_span,
    )  # fmt: skip


def _link_s(dep: Deployment, tokens: Values, own_tokens: Values) -> tuple[Values, Values]:
    """All-reduces of tensor parallelism and exchange of expert tokens [s]."""
    reduce_s = kernels.all_reduce(
        own_tokens, dep.hidden, dep.layers, dep.tp, dep.link_latency_s, dep.link_bus,
        dep.link_growth,
    )  # fmt: skip
    if not (dep.ranks > 1.0).any():
        return reduce_s, np.zeros(dep.rows)
    scatter_s = kernels.all_to_all(
        tokens, dep.hidden, dep.layers, dep.copies_sent, dep.ranks, dep.link_latency_s,
        dep.link_bus,
    )  # fmt: skip
    return reduce_s, scatter_s


def mixed_step_s(
    dep: Deployment, batch: Values, prompt_tokens: Values, context: Values, prompt_len: Values
) -> FloatArray:
    """Time of a step that decodes `batch` sequences and prefills `prompt_tokens` [s].

    Args:
        dep: deployments.
        batch: decoding sequences of one replica [count].
        prompt_tokens: in this step [tokens].
        context: mean cached tokens per decoding sequence [tokens].
        prompt_len: length of the prompts [tokens].

    Source: as `step_parts`.
    """
    return step_parts(dep, batch, context, prompt_tokens, prompt_len).total_s


def decode_step_s(dep: Deployment, batch: Values, context: Values) -> FloatArray:
    """Time of a step that only decodes [s].

    Args:
        dep: deployments.
        batch: decoding sequences of one replica [count].
        context: mean cached tokens per sequence [tokens].

    Source: as `step_parts`.
    """
    return mixed_step_s(dep, batch, 0.0, context, 1.0)


def prefill_s(
    dep: Deployment,
    prompt_tokens: Values,
    prompt_len: Values,
    *,
    beside: Values = 0.0,
    context: Values = 1.0,
) -> FloatArray:
    """Time to prefill prompts in chunks of the engine's budget, alone or beside sequences [s].

    t = step(chunk) (chunks + pp - 1) / pp: chunks follow each other through the stages. A stated
    budget is each attention rank's; the engine's own, as it was fitted, is one for all of them.

    Args:
        dep: deployments.
        prompt_tokens: all prompts together [tokens].
        prompt_len: length of each [tokens].
        beside: sequences that decode in the same steps [count].
        context: cached tokens of each of those [tokens].

    Source: Sarathi, arXiv 2403.02310 (chunked prefill).
    """
    chunk = np.minimum(np.maximum(prompt_tokens, 1.0), dep.chunk_tokens * dep.chunk_ranks)
    steps = np.maximum(prompt_tokens, 1.0) / chunk
    one = mixed_step_s(dep, beside, chunk * dep.pp, context, prompt_len)
    return one * (steps + dep.pp - 1.0) / dep.pp


def binding_limit(
    dep: Deployment,
    batch: Values,
    asked: Values,
    prompt_tokens: Values,
    context: Values,
    prompt_len: Values,
) -> npt.NDArray[np.object_]:
    """What binds at this point: the largest part of a step, or memory if requests must wait.

    Args:
        dep: deployments.
        batch, asked: sequences running and wanted per replica [count].
        prompt_tokens: per iteration [tokens].
        context: per sequence [tokens].
        prompt_len: [tokens].

    Source: docs/inference.md.
    """
    parts = step_parts(dep, batch, context, prompt_tokens, prompt_len)
    tokens = (batch + prompt_tokens) / dep.pp
    compute = 2.0 * dep.dense_params / dep.ways * tokens / dep.linear_rate
    stream = dep.dense_params * dep.dense_bytes / dep.tp / dep.weight_rate
    core = parts.weights_s + parts.attention_s
    names = ("kv_memory", "pipeline", "host", "interconnect", "compute", "bandwidth")
    binds = (
        asked > batch * (1.0 + 1e-9),
        (dep.pp > 1.0) & (batch < dep.pp),
        (parts.host_s > core) & (parts.host_s > parts.link_s),
        parts.link_s > core,
        (compute > stream) & (parts.weights_s >= parts.attention_s),
    )
    code = np.select([np.asarray(one) for one in binds], np.arange(len(binds)), len(binds))
    return np.asarray(np.array(names, dtype=object)[code])
