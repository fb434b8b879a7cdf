"""Iteration-level simulation of continuous batching, compiled: requests, a router, replicas.

In order of time: events of replicas, looks of the scaler, then the request that arrives; before
each, every replica takes the steps that start earlier. The plain Python twin in
tests/serving/reference_simulator.py takes every step alone and must agree.
"""

# What numpy arrays hold is Any to mypy, and max(), min() of it are unions.
# mypy: disable-error-code="operator,assignment,no-any-return"

from __future__ import annotations

import numpy as np

from gpumix.compiled import compiled, compiled_entry
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.heaps import pop_due
from gpumix.serving.simulator.queues import blocks, outstanding, pop, push
from gpumix.serving.simulator.replica import advance, arrive, evict, next_step_s
from gpumix.serving.simulator.scaling import look, wake
from gpumix.serving.simulator.steptable import StepTable
from gpumix.values import FloatArray


@compiled_entry
def run(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    events: FloatArray,
    begin: int,
    end: int,
) -> None:
    """Requests `begin` to `end` and what happens before them; after the last, until all is done."""
    request = begin
    while True:
        while request < end and load.asked[request, at.FOLLOWS] >= 0:
            request += 1
        if request == end and end < len(load.arrival):
            return
        arrival = load.arrival[request] if request < end else np.inf
        done = fleet.mark[at.EVENT]
        event = events[done, 0] if done < len(events) else np.inf
        now = min(arrival, event, fleet.moment[at.LOOK])
        last = now > rules.stop_s or now == np.inf
        until, replica, in_order = min(now, rules.stop_s), np.int64(-1), rules.prefill > 0
        while True:
            latest = until
            if in_order:
                replica, latest = _earliest(load, rules, tape, fleet, until)
                in_order = replica >= 0
            if not in_order:
                replica += 1
            if replica == len(fleet.counts):
                break
            advance(load, rules, table, tape, fleet, replica, latest)
        if last:
            return
        if rules.look_s < np.inf:
            wake(fleet, now)
        if now == event:
            fleet.mark[at.EVENT] += 1
            _event(load, rules, table, tape, fleet, int(events[done, 1]), int(events[done, 2]), now)
        elif now == fleet.moment[at.LOOK]:
            fleet.moment[at.LOOK] = look(rules, fleet, now, arrival)
        else:
            replica = _route(load, rules, fleet, request, np.int64(0))
            arrive(load, rules, table, tape, fleet, replica, request, now)
            request += 1


@compiled
def _earliest(
    load: at.Load, rules: at.Rules, tape: at.Tape, fleet: at.Fleet, until: float
) -> tuple[at.Whole, float]:
    """The replica whose next step starts first, before `until`, and how far it may run.

    That is until another one starts, or until a cache comes; those that come before are handed
    over. -1 where none starts.
    """
    while True:
        first, start, second = np.int64(-1), until, until
        for replica in range(len(fleet.counts)):
            own = next_step_s(fleet, replica)
            if own < start:
                first, start, second = replica, own, start
            else:
                second = min(second, own)
        comes = fleet.move[0] if fleet.mark[at.MOVES] else np.inf
        if comes >= until or comes > start:
            return first, max(min(second, comes), np.nextafter(start, np.inf))
        _hand_over(load, rules, tape, fleet, comes)


@compiled
def _hand_over(load: at.Load, rules: at.Rules, tape: at.Tape, fleet: at.Fleet, now: float) -> None:
    """The cache that comes next joins the queue of a decode replica."""
    fleet.mark[at.MOVES] -= 1
    request = pop_due(fleet.move, fleet.move_id, fleet.mark[at.MOVES])
    replica = _route(load, rules, fleet, request, rules.prefill)
    if outstanding(fleet, replica) == 0:
        fleet.times[replica, at.CLOCK] = max(fleet.times[replica, at.CLOCK], now)
    push(load, tape, fleet, replica, request)


@compiled
def _route(
    load: at.Load, rules: at.Rules, fleet: at.Fleet, request: at.Whole, begin: at.Whole
) -> at.Whole:
    """The replica for a request, among those of a pool that take new work (all if none does).

    The pool is the replicas from `begin`: those that prefill, those that decode, or all.
    """
    end = rules.prefill if rules.prefill > begin else len(fleet.counts)
    count = end - begin
    if count == 1:
        return begin
    takes = 0
    for replica in range(begin, end):
        takes += fleet.counts[replica, at.STATE] == at.UP
    if rules.router == at.ROUND_ROBIN:
        turn = at.TURN if begin == 0 else at.TURN_DECODE
        skip = fleet.mark[turn] % (takes if takes else count)
        fleet.mark[turn] += 1
        for replica in range(begin, end):
            if fleet.counts[replica, at.STATE] == at.UP or takes == 0:
                if skip == 0:
                    return replica
                skip -= 1
    if rules.router == at.POWER_OF_TWO and takes == count:
        one, two = load.draws[request, 0] % count, load.draws[request, 1] % (count - 1)
        two += two >= one
        one, two = one + begin, two + begin
        return one if outstanding(fleet, one) <= outstanding(fleet, two) else two
    best, least, best_hit = begin, np.int64(1) << 62, False
    for replica in range(begin, end):
        if takes and fleet.counts[replica, at.STATE] != at.UP:
            continue
        size = outstanding(fleet, replica)
        if rules.router == at.LEAST_KV:
            size = (
                blocks(np.int64(load.asked[request, at.INPUT])) * fleet.counts[replica, at.WAITING]
                - fleet.counts[replica, at.FREE_BLOCKS]
            )
        prefix = load.asked[request, at.PREFIX_ID]
        hit = rules.router == at.PREFIX_AWARE and prefix >= 0 and fleet.seen[replica, prefix]
        if (hit and not best_hit) or (hit == best_hit and size < least):
            best, least, best_hit = replica, size, hit
    return best


@compiled
def _event(
    load: at.Load,
    rules: at.Rules,
    table: StepTable,
    tape: at.Tape,
    fleet: at.Fleet,
    replica: at.Whole,
    kind: at.Whole,
    now: float,
) -> None:
    """A replica is lost (its requests start over elsewhere), ready again, or takes no more."""
    counts = fleet.counts[replica]
    if counts[at.STATE] == at.DOWN:
        fleet.times[replica, at.SINCE] = now
    elif kind == at.DOWN:
        fleet.times[replica, at.ON_S] += now - fleet.times[replica, at.SINCE]
    counts[at.STATE] = kind
    if kind == at.UP:
        fleet.times[replica, at.CLOCK] = max(fleet.times[replica, at.CLOCK], now)
    if kind != at.DOWN:
        return
    while counts[at.DECODING] or counts[at.PARTIAL] >= 0:
        evict(load, rules, table, tape, fleet, replica)
    fleet.seen[replica, :] = False
    for _ in range(counts[at.WAITING]):
        request = pop(tape, counts)
        tape.notes[request, at.MOVED] = 0
        other = _route(
            load, rules, fleet, request, rules.prefill if replica >= rules.prefill else np.int64(0)
        )
        push(load, tape, fleet, other, request)
        fleet.times[other, at.CLOCK] = max(fleet.times[other, at.CLOCK], now)
