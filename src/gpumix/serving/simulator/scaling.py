"""Replicas switched on and off as load comes and goes, compiled.

At every look the scaler wants as many replicas as bring the requests that wait or run down to its
target each. It starts what is missing at once: a replica that drains serves again, another one is
ready after its cold start. It drops replicas only after a cool-down in which it always wanted
fewer, down to the most it wanted meanwhile; the newest go first, each when its work is done.
"""

# What numpy arrays hold is Any to mypy, and max(), min() of it are unions.
# mypy: disable-error-code="operator,assignment,no-any-return"

from __future__ import annotations

import math

import numpy as np

from gpumix.compiled import compiled
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.queues import outstanding


@compiled
def wake(fleet: at.Fleet, now: float) -> None:
    """Replicas whose cold start is over are ready."""
    for replica in range(len(fleet.counts)):
        if fleet.counts[replica, at.STATE] == at.STARTING and fleet.times[replica, at.READY] <= now:
            fleet.counts[replica, at.STATE] = at.UP


@compiled
def look(rules: at.Rules, fleet: at.Fleet, now: float, arrival: float) -> float:
    """One look of the scaler: the time of the next, which may wait for the next arrival."""
    count, work, turns, on, leaving = len(fleet.counts), 0, 0, 0, 0
    for replica in range(count):
        if fleet.counts[replica, at.STATE] == at.DRAIN and _idle(fleet, replica):
            _switch_off(fleet, replica, now)
        work += outstanding(fleet, replica)
        turns += fleet.counts[replica, at.PENDING]
        on += (
            fleet.counts[replica, at.STATE] == at.UP
            or fleet.counts[replica, at.STATE] == at.STARTING
        )
        leaving += fleet.counts[replica, at.STATE] == at.DRAIN
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
def _idle(fleet: at.Fleet, replica: at.Whole) -> bool:
    return outstanding(fleet, replica) + fleet.counts[replica, at.PENDING] == 0


@compiled
def _start(rules: at.Rules, fleet: at.Fleet, missing: at.Whole, now: float) -> None:
    """Switch on so many replicas: those that drain first, then those that are off."""
    for state in (at.DRAIN, at.DOWN):
        for replica in range(len(fleet.counts)):
            if missing > 0 and fleet.counts[replica, at.STATE] == state:
                missing -= 1
                fleet.counts[replica, at.STATE] = at.UP
                if state == at.DOWN:
                    fleet.counts[replica, at.STATE] = at.STARTING
                    fleet.times[replica, at.SINCE] = now
                    fleet.times[replica, at.READY] = now + rules.cold_start_s


@compiled
def _drop(fleet: at.Fleet, spare: at.Whole, now: float) -> None:
    """Let so many replicas go, the newest first: at once where nothing runs."""
    for replica in range(len(fleet.counts) - 1, -1, -1):
        live = fleet.counts[replica, at.STATE]
        if spare > 0 and (live == at.UP or live == at.STARTING):
            spare -= 1
            fleet.counts[replica, at.STATE] = at.DRAIN
            if _idle(fleet, replica):
                _switch_off(fleet, replica, now)


@compiled
def _switch_off(fleet: at.Fleet, replica: at.Whole, now: float) -> None:
    """A replica is off; it forgets its prefixes."""
    fleet.counts[replica, at.STATE] = at.DOWN
    fleet.times[replica, at.ON_S] += now - fleet.times[replica, at.SINCE]
    fleet.seen[replica, :] = False
