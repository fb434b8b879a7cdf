"""Room for the KV cache of deployments, as records: one formula for every verb that tells it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.fit import CacheRoom, Fits
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import longest_request, memory, request_bytes
from gpumix.perf.inference.questions import Questions
from gpumix.predict.columns import IntArray
from gpumix.predict.rows import reason_of
from gpumix.units import GIB
from gpumix.values import FloatArray

FORMULA = "perf.inference.memory.memory"
CALIBRATED_ON = ("vllm", "sglang")
"""Engines whose cache sizes were read from logs (docs/memory.md)."""


def cache_rooms(dep: Deployment, context_tokens: float) -> list[CacheRoom]:
    """The memory of each deployment when it serves requests of `context_tokens` in all.

    Args:
        dep: deployments.
        context_tokens: prompt and answer of a request [tokens].
    """
    found = memory(dep, context_tokens, 0.0)
    each = request_bytes(dep, context_tokens)
    spread = found.doubt_bytes
    ends = [np.maximum(found.usable_bytes + s * spread, 0.0) for s in (0.0, -1.0, 1.0)]
    held = [np.asarray(e / each * context_tokens * dep.ranks * dep.copies) for e in ends]
    longest = [longest_request(dep, e) for e in ends]
    return [
        CacheRoom(
            weights_gib=float(found.weights_bytes[i]) / GIB,
            workspace_gib=float(found.activation_bytes[i]) / GIB,
            graphs_gib=float(found.graph_bytes[i]) / GIB,
            buffers_gib=float(found.buffer_bytes[i]) / GIB,
            context_gib=float(found.reserve_bytes[i]) / GIB,
            cache_gib=_estimate(dep, i, [e / GIB for e in ends]),
            kv_bytes_per_token=float(found.kv_bytes_per_token[i]),
            cache_tokens=_estimate(dep, i, held),
            longest_request_tokens=_estimate(dep, i, longest),
        )
        for i in range(dep.rows)
    ]


def missing_bytes(dep: Deployment, context_tokens: float, users: float) -> FloatArray:
    """What the fullest GPU lacks for so many requests at once [byte]; negative where it is left.

    Args:
        dep: deployments.
        context_tokens: prompt and answer of a request [tokens].
        users: requests at once in one replica [count].
    """
    own = np.ceil(users / (dep.ranks * dep.copies))
    need = own * request_bytes(dep, context_tokens)
    return np.asarray(need - memory(dep, context_tokens, 0.0).usable_bytes)


def states(dep: Deployment, context_tokens: float, users: float) -> list[Fits]:
    """Whether so many requests fit each deployment: surely, by part of the interval, or not."""
    missing = missing_bytes(dep, context_tokens, users)
    spread = memory(dep, context_tokens, 0.0).doubt_bytes
    return [
        Fits.FITS if lacks + doubt <= 0.0 else Fits.TIGHT if lacks <= 0.0 else Fits.DOES_NOT_FIT
        for lacks, doubt in zip(missing.tolist(), spread.tolist(), strict=True)
    ]


def tight_notes(dep: Deployment, tokens: FloatArray) -> NDArray[np.object_]:
    """A word per row where one whole request fits by less than the doubt; '' elsewhere.

    Args:
        dep: deployments.
        tokens: prompt and answer of each row's request [tokens].
    """
    found = memory(dep, tokens, 0.0)
    left = found.usable_bytes - request_bytes(dep, tokens)
    tight = np.flatnonzero((left >= 0.0) & (left < found.doubt_bytes))
    notes = np.full(dep.rows, "", dtype=object)
    longest = longest_request(dep.take(tight), found.usable_bytes[tight])
    for row, most in zip(tight.tolist(), longest.tolist(), strict=True):
        notes[row] = f"tight: memory for one request of about {most:,.0f} tokens at the most"
    return notes


def _estimate(dep: Deployment, row: int, ends: list[FloatArray]) -> Estimate:
    value, low, high = (float(end[row]) for end in ends)
    engine = dep.keys[dep.key_index[row]].engine.split()[0]
    basis = Basis.CALIBRATED if engine in CALIBRATED_ON else Basis.MODELLED
    return Estimate(value, low, high, basis, FORMULA)


def why_empty(dep: Deployment, index: IntArray, questions: Questions) -> list[str]:
    """Why deployments `index` answer nothing to questions, one a row."""
    fits = memory(dep.take(index), questions.input_len, questions.output_len)
    return [
        reason_of(
            str(questions.load[row]),
            bool(np.isnan(questions.input_len[row] + questions.output_len[row])),
            bool(np.isnan(questions.load_value[row])),
            bool(fits.fits[row]),
            float(fits.weights_bytes[row]),
        )
        for row in range(len(index))
    ]
