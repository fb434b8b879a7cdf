"""Iteration-level simulation of continuous batching, compiled: requests, a router, replicas.

In order of time: events of replicas, looks of the scaler, then the request that arrives; before
each, every replica takes the steps that start earlier. The plain Python twin in
tests/serving/reference_simulator.py takes every step alone and must agree.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,operator,assignment"

from __future__ import annotations

import numpy as np

from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.compiled import compiled, compiled_entry
from gpumix.serving.simulator.heaps import pop_due
from gpumix.serving.simulator.replica import (
    advance,
    arrive,
    blocks,
    evict,
    next_step_s,
    outstanding,
    pop,
    push,
)
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
    i = begin
    while True:
        while i < end and load.ask[i, at.FOLLOWS] >= 0:
            i += 1
        if i == end and end < len(load.arrival):
            return
        arrival = load.arrival[i] if i < end else np.inf
        done = fleet.mark[at.EVENT]
        event = events[done, 0] if done < len(events) else np.inf
        now = min(arrival, event, fleet.moment[at.LOOK])
        last = now > rules.stop_s or now == np.inf
        until, r, in_order = min(now, rules.stop_s), np.int64(-1), rules.prefill > 0
        while True:
            latest = until
            if in_order:
                r, latest = _earliest(load, rules, tape, fleet, until)
                in_order = r >= 0
            if not in_order:
                r += 1
            if r == len(fleet.n):
                break
            advance(load, rules, table, tape, fleet, r, latest)
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
            r = _route(load, rules, fleet, i, np.int64(0))
            arrive(load, rules, table, tape, fleet, r, i, now)
            i += 1


@compiled
def _earliest(load, rules, tape, fleet, until):
    """The replica whose next step starts first, before `until`, and how far it may run.

    That is until another one starts, or until a cache comes; those that come before are handed
    over. -1 where none starts.
    """
    while True:
        first, start, second = np.int64(-1), until, until
        for r in range(len(fleet.n)):
            own = next_step_s(fleet, r)
            if own < start:
                first, start, second = r, own, start
            else:
                second = min(second, own)
        comes = fleet.move[0] if fleet.mark[at.MOVES] else np.inf
        if comes >= until or comes > start:
            return first, max(min(second, comes), np.nextafter(start, np.inf))
        _hand_over(load, rules, tape, fleet, comes)


@compiled
def _hand_over(load, rules, tape, fleet, now):
    """The cache that comes next joins the queue of a decode replica."""
    fleet.mark[at.MOVES] -= 1
    i = pop_due(fleet.move, fleet.move_id, fleet.mark[at.MOVES])
    r = _route(load, rules, fleet, i, rules.prefill)
    if outstanding(fleet, r) == 0:
        fleet.t[r, at.CLOCK] = max(fleet.t[r, at.CLOCK], now)
    push(load, tape, fleet, r, i)


@compiled
def _route(load, rules, fleet, i, begin):
    """The replica for request i, among those of a pool that take new work (all if none does).

    The pool is the replicas from `begin`: those that prefill, those that decode, or all.
    """
    end = rules.prefill if rules.prefill > begin else len(fleet.n)
    count = end - begin
    if count == 1:
        return begin
    takes = 0
    for r in range(begin, end):
        takes += fleet.n[r, at.LIVE] == at.UP
    if rules.router == at.ROUND_ROBIN:
        turn = at.TURN if begin == 0 else at.TURN_DECODE
        skip = fleet.mark[turn] % max(takes, 1)
        fleet.mark[turn] += 1
        for r in range(begin, end):
            if fleet.n[r, at.LIVE] == at.UP or takes == 0:
                if skip == 0:
                    return r
                skip -= 1
    if rules.router == at.POWER_OF_TWO and takes == count:
        a, b = load.draws[i, 0] % count, load.draws[i, 1] % (count - 1)
        b += b >= a
        a, b = a + begin, b + begin
        return a if outstanding(fleet, a) <= outstanding(fleet, b) else b
    best, least, best_hit = begin, np.int64(1) << 62, False
    for r in range(begin, end):
        if takes and fleet.n[r, at.LIVE] != at.UP:
            continue
        size = outstanding(fleet, r)
        if rules.router == at.LEAST_KV:
            size = (
                blocks(np.int64(load.ask[i, at.INPUT])) * fleet.n[r, at.WAIT] - fleet.n[r, at.FREE]
            )
        p = load.ask[i, at.PREFIX_ID]
        hit = rules.router == at.PREFIX_AWARE and p >= 0 and fleet.seen[r, p]
        if (hit and not best_hit) or (hit == best_hit and size < least):
            best, least, best_hit = r, size, hit
    return best


@compiled
def _event(load, rules, table, tape, fleet, r, kind, now):
    """A replica is lost (its requests start over elsewhere), ready again, or takes no more."""
    n = fleet.n[r]
    if n[at.LIVE] == at.DOWN:
        fleet.t[r, at.SINCE] = now
    elif kind == at.DOWN:
        fleet.t[r, at.ON_S] += now - fleet.t[r, at.SINCE]
    n[at.LIVE] = kind
    if kind == at.UP:
        fleet.t[r, at.CLOCK] = max(fleet.t[r, at.CLOCK], now)
    if kind != at.DOWN:
        return
    while n[at.B] or n[at.PART] >= 0:
        evict(load, rules, table, tape, fleet, r)
    fleet.seen[r, :] = False
    for _ in range(n[at.WAIT]):
        i = pop(tape, n)
        tape.n[i, at.MOVED] = 0
        other = _route(load, rules, fleet, i, rules.prefill if r >= rules.prefill else np.int64(0))
        push(load, tape, fleet, other, i)
        fleet.t[other, at.CLOCK] = max(fleet.t[other, at.CLOCK], now)
