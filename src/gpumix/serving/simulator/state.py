"""The arrays a simulation works on: requests in, what happened to each, the replicas between.

Columns of one array rather than arrays of their own: a request is one line of memory, and the
compiled functions have few arguments.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Times: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Columns: TypeAlias = npt.NDArray[np.int32]
Whole: TypeAlias = int | np.int64
"""A whole number; numba wants the indices that it adds up to be of one width."""

BLOCK = 16
"""Tokens of a cache block, as `perf.memory.BLOCK_TOKENS`; a power of two."""

IN_BLOCK = BLOCK - 1
"""Mask: x & IN_BLOCK is x modulo BLOCK."""

QUEUED, SERVED, TOO_LONG, TURNED_AWAY, TIMED_OUT = range(5)
"""How a request ends. `TOO_LONG` and `TURNED_AWAY` are shed; `QUEUED` had not ended at the stop."""

ROUND_ROBIN, LEAST_OUTSTANDING, LEAST_KV, POWER_OF_TWO, PREFIX_AWARE = range(5)
"""Routers."""

DOWN, UP, DRAIN, STARTING = range(4)
"""States of a replica: lost with its work or off, ready, takes nothing new, loads its model. The
first three are also events."""

GAP_BINS, GAP_LOWEST, GAP_PER_DECADE = 384, -4.0, 64
"""Histogram of gaps between tokens: 64 bins a decade from 0.1 ms."""

INPUT, OUTPUT, PREFIX_ID, PREFIX, TIER, FOLLOWS, FOLLOWER, ASKED = range(8)
"""Columns of a request, as in `domain.traffic.Requests`; FOLLOWER is the inverse of FOLLOWS."""

FIRST, FINISH, TIMES = range(3)
"""Times of a request: first token, end."""

EMITTED, NEXT, OUTCOME, MOVED, HOME, NOTED = range(6)
"""Whole numbers noted of a request: tokens sent, the next in its queue, how it ended; whether its
cache has come from a prefill replica and waits for room, and that replica."""

(
    DECODING,
    STEPS,
    FREE_BLOCKS,
    CACHED_TOKENS,
    PARTIAL,
    PROMPT_LEFT,
    PROMPT_DONE,
    HEAD0,
    HEAD1,
    TAIL0,
    TAIL1,
    WAITING,
    ADMITTED,
) = range(13)
PENDING, STATE, EVICTED, ITERATIONS, DECODED, PREFILLED, PARTIAL_ADMITTED, SEATS, THROUGH = range(
    13, 22
)
COUNTS = 22
"""Whole numbers of a replica: sequences decoding, steps taken, free blocks, tokens cached; the
prompt in part, its tokens left and done; ends of both queues, requests waiting, admissions so far;
turns to come, the last event, evictions, steps, tokens decoded and prefilled; the part's
admission; of a static batch, requests it will still take and prompts that are through."""

CLOCK, BUSY, BATCH_S, STALL, SINCE, ON_S, READY, SUMS = range(8)
"""Times of a replica: now, time in steps, sequences x time, time in prompts since the last decode
step, when it was switched on, time on before that, when it is ready."""

EVENT, TURN, TURN_DECODE, MOVES, LOW_WANT, MARKS = range(6)
"""Where the fleet stands: events done, requests routed in turn, to decode replicas too, caches on
the move, the most replicas wanted since the scaler last wanted as many as run."""

LOOK, LOW_SINCE, MOMENTS = range(3)
"""The scaler's next look and since when it wants fewer replicas."""


class Load(NamedTuple):
    """Requests as the kernel reads them: arrivals, their columns, draws for the router."""

    arrival: Times
    asked: Columns
    draws: Counts


class Rules(NamedTuple):
    """What bounds a run; see `Settings` of `serving.run`."""

    router: int
    timeout_s: float
    stop_s: float
    most_waiting: int
    longest: int
    watermark: int
    bin_s: float
    static: bool
    fewest: int
    target: float
    look_s: float
    cold_start_s: float
    cool_down_s: float
    prefill: int
    move_s: float


class Tape(NamedTuple):
    """What happens to each request: its times and what is noted of it."""

    times: Times
    notes: Columns


class Fleet(NamedTuple):
    """The replicas: counts, times, and per replica a heap of its decoding sequences by the step
    they end in, sequences by phase of their last block, prefixes held, turns to come; caches on the
    move from prefill to decode replicas."""

    counts: Counts
    times: Times
    heap: Counts
    phase: Counts
    seen: npt.NDArray[np.bool_]
    due: Times
    due_id: Counts
    gaps: Counts
    series: Times
    mark: Counts
    moment: Times
    move: Times
    move_id: Counts
