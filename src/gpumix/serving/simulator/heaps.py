"""Two heaps in plain arrays, compiled: running sequences by last step, turns by when they fall due.

A column of the first is (step of the last token, request, admission).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from gpumix.serving.simulator.compiled import compiled


@compiled
def sift_up(heap, k, key, i, seq):
    """Put (key, i, seq) at place k and lift it to where it belongs."""
    while k > 0 and heap[0, (k - 1) >> 1] > key:
        up = (k - 1) >> 1
        heap[0, k], heap[1, k], heap[2, k] = heap[0, up], heap[1, up], heap[2, up]
        k = up
    heap[0, k], heap[1, k], heap[2, k] = key, i, seq


@compiled
def remove(heap, size, k):
    """Take the entry at place k out of a heap of `size`."""
    last = size - 1
    key, i, seq = heap[0, last], heap[1, last], heap[2, last]
    if k == last:
        return
    if k > 0 and heap[0, (k - 1) >> 1] > key:
        sift_up(heap, k, key, i, seq)
        return
    while 2 * k + 1 < last:
        c = 2 * k + 1
        if c + 1 < last and heap[0, c + 1] < heap[0, c]:
            c += 1
        if heap[0, c] >= key:
            break
        heap[0, k], heap[1, k], heap[2, k] = heap[0, c], heap[1, c], heap[2, c]
        k = c
    heap[0, k], heap[1, k], heap[2, k] = key, i, seq


@compiled
def push_due(due, ids, size, when, i):
    """One more turn to a heap of `size` turns by the time they fall due, then by request."""
    k = size
    while k > 0 and _later(due[(k - 1) >> 1], ids[(k - 1) >> 1], when, i):
        due[k], ids[k] = due[(k - 1) >> 1], ids[(k - 1) >> 1]
        k = (k - 1) >> 1
    due[k], ids[k] = when, i


@compiled
def pop_due(due, ids, last):
    """Take the first turn out of a heap that keeps `last` turns."""
    first, when, i, k = ids[0], due[last], ids[last], 0
    while 2 * k + 1 < last:
        c = 2 * k + 1
        if c + 1 < last and _later(due[c], ids[c], due[c + 1], ids[c + 1]):
            c += 1
        if _later(due[c], ids[c], when, i):
            break
        due[k], ids[k] = due[c], ids[c]
        k = c
    due[k], ids[k] = when, i
    return first


@compiled
def _later(when, i, other, j):
    return when > other or (when == other and i > j)
