"""Serving modes beside plain batching: speculation and encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.steps import decode_step_s, mixed_step_s, prefill_s
from gpumix.values import FloatArray, Values


def accepted_tokens(acceptance: Values, depth: Values) -> Values:
    """Tokens one verification yields: those accepted and one of the target's own.

    m = (1 - a^(g+1)) / (1 - a)

    Args:
        acceptance: chance that a drafted token is accepted [0-1).
        depth: drafted tokens per verification [tokens].

    Source: Leviathan et al., arXiv 2211.17192 equation 1.

    >>> round(float(accepted_tokens(0.8, 4.0)), 2)
    3.36
    """
    a = np.minimum(acceptance, 1.0 - 1e-9)
    return (1.0 - a ** (depth + 1.0)) / (1.0 - a)


@dataclass(frozen=True, slots=True)
class Speculation:
    """Time per output token with speculation [s], and its gain over plain decoding."""

    tpot_s: FloatArray
    speedup: FloatArray


def speculative_decoding(
    dep: Deployment,
    draft: Deployment,
    batch: Values,
    context: Values,
    acceptance: Values,
    depth: Values,
) -> Speculation:
    """Decoding with a draft model: verification is one step over depth + 1 tokens a sequence.

    TPOT = (verify(batch (g+1)) + g draft(batch)) / m. The cache is read once per verification.

    Args:
        dep: the target.
        draft: the draft model on the same GPUs.
        batch: sequences of one replica [count].
        context: per sequence [tokens].
        acceptance: [0-1).
        depth: drafted tokens g [tokens].

    Source: arXiv 2211.17192; at large batches the verification is bound by compute and the gain
    falls below 1.
    """
    plain = decode_step_s(dep, batch, context)
    verify = mixed_step_s(dep, batch, batch * depth, context, np.maximum(depth, 1.0))
    drafted = depth * decode_step_s(draft, batch, context)
    tpot = (verify + drafted) / accepted_tokens(acceptance, depth)
    return Speculation(np.asarray(tpot), np.asarray(plain / tpot))


def encode(dep: Deployment, input_len: Values, batch: Values) -> Values:
    """Texts per second of an embedding model or reranker: prefill only, nothing cached.

    X = batch / prefill(batch input), without the host's work for answers that stream

    Args:
        dep: deployments, all copies.
        input_len: tokens of one text (of query and document for a reranker) [tokens].
        batch: texts per call over all copies [count].

    Source: as `steps.prefill_s`.
    """
    each = np.maximum(batch / dep.copies, 1.0)
    nothing = np.zeros_like(dep.request_s)
    bare = replace(dep, request_s=nothing, prompt_token_s=nothing)
    return dep.copies * each / prefill_s(bare, each * input_len, input_len)
