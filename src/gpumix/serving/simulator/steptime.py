"""How long a step takes, compiled: a table read at the batch, the context and the prompts in it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,operator,assignment"

from __future__ import annotations

import math

import numpy as np

from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.compiled import compiled, inlined
from gpumix.serving.simulator.steptable import SPAN_TOKENS


@inlined
def decode_run(table, fleet, r, room):
    """Steps that only decode, until something changes: (their number, their time).

    Step j takes base + slope j; k of them k base + slope k (k - 1) / 2.
    """
    n = fleet.n[r]
    b = n[at.B]
    k = fleet.heap[r, 0, 0] - n[at.STEP]
    if n[at.FREE] < (k // at.BLOCK + 1) * b:
        full = n[at.FREE] // b
        spare, fits = n[at.FREE] - full * b, full * at.BLOCK + 1
        while fits < k and fits <= (full + 1) * at.BLOCK:
            need = fleet.phase[r, (n[at.STEP] + fits) & at.IN_BLOCK]
            if need > spare:
                break
            spare -= need
            fits += 1
        k = min(k, fits)
    context = n[at.CACHED] / b
    j = _segment(table, context)
    step = table.contexts[j + 1] - table.contexts[j]
    slope = (table.decode_s[b, j + 1] - table.decode_s[b, j]) / step
    base = table.decode_s[b, j] + slope * (context - table.contexts[j])
    k = min(k, np.int64(math.floor(table.contexts[j + 1] - context)) + 1)
    if room < k * base + 0.5 * slope * k * (k - 1):
        half = base - 0.5 * slope
        root = math.sqrt(max(half * half + 2.0 * slope * room, 0.0))
        reach = max(np.int64(math.ceil(2.0 * room / (half + root))), 1)
        while reach > 1 and (reach - 1) * base + 0.5 * slope * (reach - 1) * (reach - 2) >= room:
            reach -= 1
        while reach * base + 0.5 * slope * reach * (reach - 1) < room:
            reach += 1
        k = min(k, reach)
    whole = (k - 1) // at.BLOCK
    if whole > 0:
        for s in range(at.BLOCK):
            n[at.FREE] -= whole * fleet.phase[r, s]
    for s in range(1 + whole * at.BLOCK, k):
        n[at.FREE] -= fleet.phase[r, (n[at.STEP] + s) & at.IN_BLOCK]
    return k, k * base + 0.5 * slope * k * (k - 1)


@compiled
def _segment(table, context):
    j = 0
    while j + 2 < len(table.contexts) and table.contexts[j + 1] <= context:
        j += 1
    return j


@inlined
def span_s(table, position):
    """Attention time of one prompt token at a position [s]."""
    x = position / SPAN_TOKENS
    j = min(int(x), len(table.span_s) - 2)
    return table.span_s[j] + (table.span_s[j + 1] - table.span_s[j]) * (x - j)


@inlined
def mixed_s(table, b, cached, prompts, attend, done):
    """Time of a step with prompts in it [s]; as `perf.steps.StepParts.total_s`."""
    gpu = table.tokens_s[b + prompts] + table.head_s[min(b + done, table.max_sequences)] + attend
    if b > 0:
        context = cached / b
        j = _segment(table, context)
        low, step = table.contexts[j], table.contexts[j + 1] - table.contexts[j]
        rise = table.attend_s[b, j + 1] - table.attend_s[b, j]
        gpu += table.attend_s[b, j] + rise * (context - low) / step
    h = table.host_s
    host = h[0] + b * h[1] + prompts * h[2] + done * h[3]
    return math.sqrt(gpu * gpu + host * (host + 2.0 * (1.0 - table.overlap) * gpu))
