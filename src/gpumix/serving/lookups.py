"""Times read from a step table, compiled."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math

from gpumix.serving.heaps import compiled
from gpumix.serving.steptable import SPAN_TOKENS


@compiled
def segment(table, context):
    """The grid context at or below a mean context (its place)."""
    j = 0
    while j + 2 < len(table.contexts) and table.contexts[j + 1] <= context:
        j += 1
    return j


@compiled
def span_s(table, position):
    """Attention time of one prompt token at a position [s]."""
    x = position / SPAN_TOKENS
    j = min(int(x), len(table.span_s) - 2)
    return table.span_s[j] + (table.span_s[j + 1] - table.span_s[j]) * (x - j)


@compiled
def mixed_s(table, b, cached, prompts, attend, done):
    """Time of a step with prompts in it [s]; as `perf.steps.StepParts.total_s`."""
    gpu = table.tokens_s[b + prompts] + table.head_s[min(b + done, table.max_sequences)] + attend
    if b > 0:
        context = cached / b
        j = segment(table, context)
        low, step = table.contexts[j], table.contexts[j + 1] - table.contexts[j]
        rise = table.attend_s[b, j + 1] - table.attend_s[b, j]
        gpu += table.attend_s[b, j] + rise * (context - low) / step
    h = table.host_s
    host = h[0] + b * h[1] + prompts * h[2] + done * h[3]
    return math.sqrt(gpu * gpu + host * (host + 2.0 * (1.0 - table.overlap) * gpu))
