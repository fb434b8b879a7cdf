"""Step times of one deployment, tabulated once, so that a simulation only looks them up.

The parts of a step depend on few numbers each: products and links on the tokens of the step, the
head on the sequences that sample, attention on batch and context, the host on counts. Each part
is evaluated by `perf` on a grid and interpolated; the time of a step that only decodes is linear
in the context between two grid contexts, so that a run of such steps sums in closed form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import BLOCK_TOKENS, memory
from gpumix.perf.inference.steps import step_parts
from gpumix.values import FloatArray

SPAN_TOKENS = 128
"""Grid of prompt positions at which a prompt token's attention is tabulated [tokens]."""

_CONTEXTS = np.array([0.0, *(2.0**k for k in range(6, 22))])
_DENSE = 32
_GROWTH = 1.15
_LONGEST = 2**20
_ALONE = 1e12
_RESERVES_ALL = 0.99
_PREFILLS_FIRST = 0.25


class StepTable(NamedTuple):
    """One replica's step times and room, as the simulator reads them.

    `decode_s[b, j]` and `attend_s[b, j]` are a decode step and its attention part at b sequences
    and mean context `contexts[j]`; `tokens_s[m]` products and links of m tokens; `head_s[n]` the
    output head of n sampled sequences; `span_s[i]` attention of one prompt token at position
    i x `SPAN_TOKENS`. `host_s` = constant, per sequence, per prompt token, per prompt [s].
    `front_s` is what the server before the engine takes for each request, one after another [s];
    `reserves` engines set aside room for the whole answer when they admit a request;
    `prefills_first` engines decode nothing while a prompt can go.
    """

    contexts: FloatArray
    decode_s: FloatArray
    attend_s: FloatArray
    tokens_s: FloatArray
    head_s: FloatArray
    span_s: FloatArray
    host_s: FloatArray
    overlap: float
    chunk_tokens: int
    max_sequences: int
    kv_blocks: int
    reserves: bool
    first_token_s: float
    prefills_first: bool = False
    front_s: float = 0.0


def step_table(
    dep: Deployment, input_tokens: float, output_tokens: float, slowdown: float = 1.0
) -> StepTable:
    """The table of one deployment (one row, one copy, no pipeline).

    Args:
        dep: a deployment of one row.
        input_tokens, output_tokens: mean lengths at which room for the cache is counted [tokens].
        slowdown: all times are this much longer [1].

    Raises: ValueError for several rows, copies or pipeline stages.

    Source: docs/serving.md; times from `perf.steps.step_parts`, room from `perf.memory.memory`.
    """
    if dep.rows != 1 or dep.pp[0] != 1.0 or dep.copies[0] != 1.0:
        raise ValueError("a step table is of one replica without pipeline stages")
    chunk, most = int(dep.chunk_tokens[0] * dep.ranks[0]), int(dep.max_sequences[0] * dep.ranks[0])
    room = memory(dep, input_tokens, output_tokens)
    blocks = int(room.kv_tokens[0] // BLOCK_TOKENS)
    most = max(min(most, blocks), 1)
    batches = _grid(most)
    both = step_parts(dep, batches[1:, None], _CONTEXTS[None, :], 0.0, 1.0)
    decode, attend = (_rows(batches, v) for v in (both.total_s, both.attention_s))
    tokens = _grid(max(chunk, most))
    prompts = step_parts(dep, 0.0, 1.0, tokens[1:], _ALONE)
    work = _dense(tokens, prompts.weights_s + prompts.link_s)
    sampling = step_parts(dep, batches[1:], 1.0, 0.0, 1.0)
    head = sampling.weights_s + sampling.link_s - work[batches[1:].astype(int)]
    spans = np.arange(0.0, _LONGEST + SPAN_TOKENS, SPAN_TOKENS)
    span = step_parts(dep, 0.0, 1.0, 1.0, np.maximum(2.0 * spans, 1e-9)).attention_s
    return StepTable(
        contexts=_CONTEXTS,
        decode_s=decode * slowdown,
        attend_s=attend * slowdown,
        tokens_s=work * slowdown,
        head_s=_dense(batches, np.maximum(head, 0.0)) * slowdown,
        span_s=np.ascontiguousarray(span) * slowdown,
        host_s=_host(dep) * slowdown,
        overlap=float(dep.overlap[0]),
        chunk_tokens=chunk,
        max_sequences=most,
        kv_blocks=blocks,
        reserves=bool(reserves_all(dep)[0]),
        first_token_s=float(dep.first_token_s[0]) * slowdown,
        prefills_first=bool(prefills_first(dep)[0]),
        front_s=float(dep.front_s[0]) * slowdown,
    )


def prefills_first(dep: Deployment) -> npt.NDArray[np.bool_]:
    """Which engines decode nothing while a prompt can go: those whose fitted requests march in
    step."""
    return np.asarray(dep.lockstep >= _PREFILLS_FIRST)


def reserves_all(dep: Deployment) -> npt.NDArray[np.bool_]:
    """Which engines set aside room for the whole answer when they admit a request."""
    return np.asarray(dep.output_share >= _RESERVES_ALL)


def _grid(most: int) -> FloatArray:
    """0, every count up to 32, then 15 % apart, up to `most`."""
    points = [*range(min(_DENSE, most) + 1)]
    while points[-1] < most:
        points.append(min(int(points[-1] * _GROWTH) + 1, most))
    return np.array(points, dtype=np.float64)


def _dense(grid: FloatArray, values: FloatArray) -> FloatArray:
    """Values at grid[1:], linear between, 0 at 0."""
    return np.asarray(np.interp(np.arange(grid[-1] + 1.0), grid, np.concatenate([[0.0], values])))


def _rows(grid: FloatArray, values: FloatArray) -> FloatArray:
    return np.ascontiguousarray(
        np.array([_dense(grid, column) for column in np.broadcast_to(values, values.shape).T]).T
    )


def _host(dep: Deployment) -> FloatArray:
    """Constant, per sequence, per prompt token, per prompt [s]."""
    batches, tokens = np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    prompt_len = np.array([1.0, 1.0, _ALONE, 1.0])
    constant, one, token, alone = step_parts(dep, batches, 1.0, tokens, prompt_len).host_s
    token = token - constant
    return np.array([constant, one - constant, token, alone - constant - token])
