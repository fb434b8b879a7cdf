"""Room for the KV cache of deployments, as records: one formula for every verb that tells it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.fit import CacheRoom, Fits
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import Memory, longest_request, memory, request_bytes
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


def tight_notes(
    dep: Deployment, found: Memory, tokens: FloatArray
) -> tuple[IntArray, NDArray[np.object_]]:
    """The rows where one whole request fits by less than the doubt, and what to tell of each.

    Args:
        dep: deployments.
        found: their memory when they serve such requests.
        tokens: prompt and answer of each row's request [tokens].
    """
    left = found.usable_bytes - request_bytes(dep, tokens)
    tight = np.flatnonzero((left >= 0.0) & (left < found.doubt_bytes))
    longest = longest_request(dep.take(tight), found.usable_bytes[tight])
    told = [f"tight: memory for one request of about {most:,.0f} tokens at the most"
            for most in longest.tolist()]  # fmt: skip
    return tight, np.array(told, dtype=object)


def _estimate(dep: Deployment, row: int, ends: list[FloatArray]) -> Estimate:
    value, low, high = (float(end[row]) for end in ends)
    engine = dep.keys[dep.key_index[row]].engine.split()[0]
    basis = Basis.CALIBRATED if engine in CALIBRATED_ON else Basis.MODELLED
    return Estimate(value, low, high, basis, FORMULA)


def why_empty(found: Memory, questions: Questions, rows: IntArray) -> NDArray[np.object_]:
    """Why questions `rows` have no answer; `found` is the memory of every question's deployment."""
    facts = (
        questions.load,
        np.isnan(questions.input_len + questions.output_len),
        np.isnan(questions.load_value),
        found.fits,
        found.weights_bytes,
    )
    told = _Reasons()
    each = zip(*(fact[rows].tolist() for fact in facts), strict=True)
    return np.array([told[one] for one in each], dtype=object)


class _Reasons(dict[tuple[str, bool, bool, bool, float], str]):
    def __missing__(self, fact: tuple[str, bool, bool, bool, float]) -> str:
        self[fact] = told = reason_of(*fact)
        return told
