"""Replicas switched on and off as load comes and goes, compiled.

At every look the scaler wants as many replicas as bring the requests that wait or run down to its
target each. It starts what is missing at once: a replica that drains serves again, another one is
ready after its cold start. It drops replicas only after a cool-down in which it always wanted
fewer, down to the most it wanted meanwhile; the newest go first, each when its work is done.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,operator,assignment"

from __future__ import annotations

import math

import numpy as np

from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.compiled import compiled
from gpumix.serving.simulator.replica import outstanding


@compiled
def wake(fleet, now):
    """Replicas whose cold start is over are ready."""
    for r in range(len(fleet.n)):
        if fleet.n[r, at.LIVE] == at.STARTING and fleet.t[r, at.READY] <= now:
            fleet.n[r, at.LIVE] = at.UP


@compiled
def look(rules, fleet, now, arrival):
    """One look of the scaler: the time of the next, which may wait for the next arrival."""
    count, work, turns, on, leaving = len(fleet.n), 0, 0, 0, 0
    for r in range(count):
        if fleet.n[r, at.LIVE] == at.DRAIN and _idle(fleet, r):
            _switch_off(fleet, r, now)
        work += outstanding(fleet, r)
        turns += fleet.n[r, at.PENDING]
        on += fleet.n[r, at.LIVE] == at.UP or fleet.n[r, at.LIVE] == at.STARTING
        leaving += fleet.n[r, at.LIVE] == at.DRAIN
    if work + turns == 0 and (arrival == np.inf or (on == rules.fewest and leaving == 0)):
        return max(now + rules.look_s, arrival)
    want = min(max(np.int64(math.ceil(work / rules.target)), rules.fewest), count)
    if want >= on:
        fleet.moment[at.LOW_SINCE] = np.inf
        _start(rules, fleet, want - on, now)
    elif fleet.moment[at.LOW_SINCE] == np.inf:
        fleet.moment[at.LOW_SINCE] = now
        fleet.mark[at.LOW_WANT] = want
    else:
        fleet.mark[at.LOW_WANT] = max(fleet.mark[at.LOW_WANT], want)
    if now >= fleet.moment[at.LOW_SINCE] + rules.cool_down_s:
        _drop(fleet, on - fleet.mark[at.LOW_WANT], now)
        fleet.moment[at.LOW_SINCE] = np.inf
    return now + rules.look_s


@compiled
def _idle(fleet, r):
    return outstanding(fleet, r) + fleet.n[r, at.PENDING] == 0


@compiled
def _start(rules, fleet, missing, now):
    """Switch on so many replicas: those that drain first, then those that are off."""
    for state in (at.DRAIN, at.DOWN):
        for r in range(len(fleet.n)):
            if missing > 0 and fleet.n[r, at.LIVE] == state:
                missing -= 1
                fleet.n[r, at.LIVE] = at.UP
                if state == at.DOWN:
                    fleet.n[r, at.LIVE] = at.STARTING
                    fleet.t[r, at.SINCE] = now
                    fleet.t[r, at.READY] = now + rules.cold_start_s


@compiled
def _drop(fleet, spare, now):
    """Let so many replicas go, the newest first: at once where nothing runs."""
    for r in range(len(fleet.n) - 1, -1, -1):
        live = fleet.n[r, at.LIVE]
        if spare > 0 and (live == at.UP or live == at.STARTING):
            spare -= 1
            fleet.n[r, at.LIVE] = at.DRAIN
            if _idle(fleet, r):
                _switch_off(fleet, r, now)


@compiled
def _switch_off(fleet, r, now):
    """A replica is off; it forgets its prefixes."""
    fleet.n[r, at.LIVE] = at.DOWN
    fleet.t[r, at.ON_S] += now - fleet.t[r, at.SINCE]
    fleet.seen[r, :] = False
