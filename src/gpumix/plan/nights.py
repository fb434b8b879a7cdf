"""Work that may wait, night by night: in which hours each day's volume must be done.

A day's volume is there when its window opens, or at 00:00 where the work has none, and is done
before the window closes, or before the day ends. `finish_within` counts from that hour on and may
end the time sooner or let it go on in the windows of later days; from a week on only the week's
volume counts, as it does for training runs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from gpumix import mix
from gpumix.domain.workload import Workload
from gpumix.units import HOURS_PER_DAY, HOURS_PER_WEEK

_WEEK, _DAY = int(HOURS_PER_WEEK), int(HOURS_PER_DAY)


def nights_of(workload: Workload) -> tuple[tuple[int, ...], ...]:
    """Hours of the week (0-167) in which each day's volume may be done, in order of time; () where
    only the volume of the whole week counts."""
    within_h = workload.finish_within_h
    if workload.run is not None or not workload.window or (within_h or 0.0) >= HOURS_PER_WEEK:
        return ()
    allowed = frozenset(workload.window)
    opens = [h for h in sorted(allowed) if (h - 1) % _WEEK not in allowed] or range(0, _WEEK, _DAY)
    found = []
    for i, opening in enumerate(opens):
        until_next = (opens[(i + 1) % len(opens)] - opening) % _WEEK or _WEEK
        hours = until_next if within_h is None else math.floor(within_h)
        later = ((opening + k) % _WEEK for k in range(hours))
        found.append(tuple(h for h in later if h in allowed))
    return tuple(found)


def hours_of(workload: Workload) -> frozenset[int]:
    """Hours of the week in which work that may wait is done."""
    nights = nights_of(workload)
    return frozenset(h for night in nights for h in night) if nights else frozenset(workload.window)


def shifts_of(
    workload: Workload, work: float, blocks: Sequence[Collection[int]], share: float
) -> tuple[mix.Shift, ...]:
    """What each night, and nights whose hours overlap together, must do of a week's work.

    Nights of equal length that follow each other can all be done in time where any of them in a row
    can be done in the hours they have together: sum over hours of rate >= their work.

    Args:
        workload: whose work it is.
        work: units of a week, of which each night has an equal part.
        blocks: hours of the week that each block of the mix holds; none for blocks outside.
        share: part of the year that they stand for, by which work and hours are scaled.

    Source: Hall, "On representatives of subsets", Journal of the London Mathematical Society 10
        (1935) 26-30, for intervals.
    """
    nights = nights_of(workload)
    most: dict[tuple[float, ...], int] = {}
    for first in range(len(nights)):
        hours: set[int] = set()
        for count in range(1, len(nights) + 1):
            night = nights[(first + count - 1) % len(nights)]
            if count > 1 and hours.isdisjoint(night):
                break
            hours.update(night)
            if count == len(nights):
                break  # all the week's work
            held = tuple(share * len(hours.intersection(block)) for block in blocks)
            most[held] = max(most.get(held, 0), count)
    part = work * share / max(len(nights), 1)
    return tuple(mix.Shift(part * count, held) for held, count in most.items())


def done_by_hour(workload: Workload, work: float, capacity: Sequence[float]) -> tuple[float, ...]:
    """Units done in each hour of a mean week, as soon as they are there and GPUs have room.

    Args:
        workload: whose work it is.
        work: units of a week.
        capacity: units that each of the week's 168 hours can do.
    """
    nights = nights_of(workload)
    if not nights:
        load = min(work / math.fsum(capacity), 1.0)
        return tuple(load * units for units in capacity)
    begins = [night[0] for night in nights]
    waiting, done = 0.0, [0.0] * _WEEK
    for hour in (*range(_WEEK), *range(_WEEK)):  # the first week shows what the second begins with
        waiting += work / len(nights) * begins.count(hour)
        done[hour] = min(waiting, capacity[hour])
        waiting -= done[hour]
    return tuple(done)
