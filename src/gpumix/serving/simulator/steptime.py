"""How long a step takes, compiled: a table read at the batch, the context and the prompts in it."""

# What numpy arrays hold is Any to mypy, and max(), min() of it are unions.
# mypy: disable-error-code="operator,assignment,no-any-return"

from __future__ import annotations

import math

import numpy as np

from gpumix.compiled import compiled, inlined
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.steptable import SPAN_TOKENS, StepTable


@inlined
def decode_run(
    table: StepTable, fleet: at.Fleet, replica: at.Whole, room: float
) -> tuple[at.Whole, float]:
    """Steps that only decode, until something changes: (their number, their time).

    Step j takes base + slope j; k of them k base + slope k (k - 1) / 2.
    """
    counts = fleet.counts[replica]
    decoding = counts[at.DECODING]
    steps = fleet.heap[replica, 0, 0] - counts[at.STEPS]
    if counts[at.FREE_BLOCKS] < (steps // at.BLOCK + 1) * decoding:
        full = counts[at.FREE_BLOCKS] // decoding
        spare, fits = counts[at.FREE_BLOCKS] - full * decoding, full * at.BLOCK + 1
        while fits < steps and fits <= (full + 1) * at.BLOCK:
            need = fleet.phase[replica, (counts[at.STEPS] + fits) & at.IN_BLOCK]
            if need > spare:
                break
            spare -= need
            fits += 1
        steps = min(steps, fits)
    context = counts[at.CACHED_TOKENS] / decoding
    segment = _segment(table, context)
    step = table.contexts[segment + 1] - table.contexts[segment]
    slope = (table.decode_s[decoding, segment + 1] - table.decode_s[decoding, segment]) / step
    base = table.decode_s[decoding, segment] + slope * (context - table.contexts[segment])
    steps = min(steps, np.int64(math.floor(table.contexts[segment + 1] - context)) + 1)
    if room < steps * base + 0.5 * slope * steps * (steps - 1):
        half = base - 0.5 * slope
        root = math.sqrt(max(half * half + 2.0 * slope * room, 0.0))
        reach = max(np.int64(math.ceil(2.0 * room / (half + root))), 1)
        while reach > 1 and (reach - 1) * base + 0.5 * slope * (reach - 1) * (reach - 2) >= room:
            reach -= 1
        while reach * base + 0.5 * slope * reach * (reach - 1) < room:
            reach += 1
        steps = min(steps, reach)
    whole = (steps - 1) // at.BLOCK
    if whole > 0:
        for s in range(at.BLOCK):
            counts[at.FREE_BLOCKS] -= whole * fleet.phase[replica, s]
    for s in range(1 + whole * at.BLOCK, steps):
        counts[at.FREE_BLOCKS] -= fleet.phase[replica, (counts[at.STEPS] + s) & at.IN_BLOCK]
    return steps, steps * base + 0.5 * slope * steps * (steps - 1)


@compiled
def _segment(table: StepTable, context: float) -> int:
    segment = 0
    while segment + 2 < len(table.contexts) and table.contexts[segment + 1] <= context:
        segment += 1
    return segment


@inlined
def span_s(table: StepTable, position: float) -> float:
    """Attention time of one prompt token at a position [s].

    Source: linear interpolation in `StepTable.span_s`.
    """
    x = position / SPAN_TOKENS
    segment = min(int(x), len(table.span_s) - 2)
    return table.span_s[segment] + (table.span_s[segment + 1] - table.span_s[segment]) * (
        x - segment
    )


@inlined
def mixed_s(
    table: StepTable,
    decoding: at.Whole,
    cached: at.Whole,
    prompts: at.Whole,
    attend: float,
    done: at.Whole,
) -> float:
    """Time of a step with prompts in it [s].

    Source: as `perf.inference.steps.StepParts.total_s`, its parts read from the table.
    """
    gpu = (
        table.tokens_s[decoding + prompts]
        + table.head_s[min(decoding + done, table.max_sequences)]
        + attend
    )
    if decoding > 0:
        context = cached / decoding
        segment = _segment(table, context)
        low, step = table.contexts[segment], table.contexts[segment + 1] - table.contexts[segment]
        rise = table.attend_s[decoding, segment + 1] - table.attend_s[decoding, segment]
        gpu += table.attend_s[decoding, segment] + rise * (context - low) / step
    each = table.host_s
    host = each[0] + decoding * each[1] + prompts * each[2] + done * each[3]
    return math.sqrt(gpu * gpu + host * (host + 2.0 * (1.0 - table.overlap) * gpu))
