"""Requests that wait at a replica, compiled: a linked list for each tier, premium first."""

# What numpy arrays hold is Any to mypy.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from gpumix.compiled import compiled
from gpumix.serving.simulator import state as at


@compiled
def outstanding(fleet: at.Fleet, replica: at.Whole) -> at.Whole:
    """Requests waiting or running at a replica."""
    counts = fleet.counts[replica]
    return counts[at.DECODING] + counts[at.WAITING] + counts[at.THROUGH] + (counts[at.PARTIAL] >= 0)


@compiled
def blocks(tokens: at.Whole) -> at.Whole:
    """Cache blocks of so many tokens."""
    return (tokens + at.BLOCK - 1) // at.BLOCK


@compiled
def push(
    load: at.Load, tape: at.Tape, fleet: at.Fleet, replica: at.Whole, request: at.Whole
) -> None:
    """Put a request into the queue of its tier."""
    counts, queue = fleet.counts[replica], min(load.asked[request, at.TIER], 1)
    counts[at.WAITING] += 1
    if counts[at.HEAD0 + queue] < 0:
        counts[at.HEAD0 + queue] = request
    else:
        tape.notes[counts[at.TAIL0 + queue], at.NEXT] = request
    tape.notes[request, at.NEXT] = -1
    counts[at.TAIL0 + queue] = request


@compiled
def pop(tape: at.Tape, counts: at.Counts) -> at.Whole:
    """Take the first request out of the queues; premium goes first."""
    queue = 0 if counts[at.HEAD0] >= 0 else 1
    request = counts[at.HEAD0 + queue]
    counts[at.HEAD0 + queue] = tape.notes[request, at.NEXT]
    counts[at.WAITING] -= 1
    return request
