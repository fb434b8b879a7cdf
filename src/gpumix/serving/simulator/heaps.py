"""Two heaps in plain arrays, compiled: running sequences by last step, turns by when they fall due.

A column of the first is (step of the last token, request, admission).
"""

from __future__ import annotations

import numpy as np

from gpumix.compiled import compiled
from gpumix.serving.simulator import state as at


@compiled
def sift_up(
    heap: at.Counts, place: at.Whole, key: at.Whole, request: at.Whole, admission: at.Whole
) -> None:
    """Put (key, request, admission) at a place and lift it to where it belongs."""
    while place > 0 and heap[0, (place - 1) >> 1] > key:
        up = (place - 1) >> 1
        heap[0, place], heap[1, place], heap[2, place] = heap[0, up], heap[1, up], heap[2, up]
        place = up
    heap[0, place], heap[1, place], heap[2, place] = key, request, admission


@compiled
def remove(heap: at.Counts, size: at.Whole, place: at.Whole) -> None:
    """Take the entry at a place out of a heap of `size`."""
    last = size - 1
    key, request, admission = heap[0, last], heap[1, last], heap[2, last]
    if place == last:
        return
    if place > 0 and heap[0, (place - 1) >> 1] > key:
        sift_up(heap, place, key, request, admission)
        return
    while 2 * place + 1 < last:
        child = 2 * place + 1
        if child + 1 < last and heap[0, child + 1] < heap[0, child]:
            child += 1
        if heap[0, child] >= key:
            break
        heap[0, place], heap[1, place], heap[2, place] = (
            heap[0, child],
            heap[1, child],
            heap[2, child],
        )
        place = child
    heap[0, place], heap[1, place], heap[2, place] = key, request, admission


@compiled
def push_due(due: at.Times, ids: at.Counts, size: at.Whole, when: float, request: at.Whole) -> None:
    """One more turn to a heap of `size` turns by the time they fall due, then by request."""
    place = size
    while place > 0 and _later(due[(place - 1) >> 1], ids[(place - 1) >> 1], when, request):
        due[place], ids[place] = due[(place - 1) >> 1], ids[(place - 1) >> 1]
        place = (place - 1) >> 1
    due[place], ids[place] = when, request


@compiled
def pop_due(due: at.Times, ids: at.Counts, last: at.Whole) -> at.Whole:
    """Take the first turn out of a heap that keeps `last` turns."""
    first: at.Whole = ids[0]
    when, request, place = due[last], ids[last], 0
    while 2 * place + 1 < last:
        child = 2 * place + 1
        if child + 1 < last and _later(due[child], ids[child], due[child + 1], ids[child + 1]):
            child += 1
        if _later(due[child], ids[child], when, request):
            break
        due[place], ids[place] = due[child], ids[child]
        place = child
    due[place], ids[place] = when, request
    return first


@compiled
def _later(
    when: float, request: at.Whole, other: float, other_request: at.Whole
) -> bool | np.bool_:
    return when > other or (when == other and request > other_request)
