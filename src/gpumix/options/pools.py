"""How much a mix must be able to do where replicas share one queue.

A mix adds up rates, but what a replica sustains grows with its pool. So a replica is planned at its
even part of the highest demand, done by the fewest that keep the promises there; hours that need
more or fewer replicas than their demand asks for at these rates ask for that much.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpumix.options.option import Option
from gpumix.serving.pools import fewest
from gpumix.units import SECONDS_PER_HOUR

HEADROOM = 1.1
"""Factor on what is needed where replicas of several kinds break a promise together that each kind
by itself would keep."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """The options by whose pools a workload's needs are counted, and a factor on these."""

    leading: tuple[Option, ...]
    headroom: float = 1.0

    def with_(self, used: tuple[Option, ...]) -> Pooled:
        """Needs as those of more options too; higher ones where they all counted already."""
        new = tuple(option for option in used if option not in self.leading)
        if new:
            return replace(self, leading=self.leading + new)
        return replace(self, headroom=self.headroom * HEADROOM)


def part_of_peak(option: Option, peak_per_hour: float) -> float:
    """What a replica is planned at over what it sustains: its even part of the highest demand,
    which as many as keep the promises there do together.

    Args:
        option: how a replica does the work; one without a queue is planned at what it sustains.
        peak_per_hour: the highest demand [units/h].
    """
    least = _fewest(option, peak_per_hour)
    return peak_per_hour / least / option.units_per_hour if least else 1.0


def needed(pooled: Pooled | None, units_per_hour: float, peak_per_hour: float) -> float:
    """What replicas must do together at their planned rates to keep promises at a demand [units/h].

    Args:
        pooled: how needs are counted; None for work whose replicas do not share a queue.
        units_per_hour: what arrives [units/h].
        peak_per_hour: the highest demand [units/h].
    """
    if pooled is None or units_per_hour <= 0.0:
        return units_per_hour
    most = max(_needed(option, units_per_hour, peak_per_hour) for option in pooled.leading)
    return most * pooled.headroom


def _needed(option: Option, units_per_hour: float, peak_per_hour: float) -> float:
    """The demand itself where it asks for the fewest replicas that keep the promises; else what
    does: half a replica more than one fewer could do, or all that they do."""
    rate = option.units_per_hour * part_of_peak(option, peak_per_hour)
    least = _fewest(option, units_per_hour)
    if not least:
        return units_per_hour
    return min(max(units_per_hour, (least - 0.5) * rate), least * rate)


def _fewest(option: Option, units_per_hour: float) -> int:
    """The fewest replicas that keep the promises; 0 where none do, or none share a queue."""
    return fewest(option.server, units_per_hour / SECONDS_PER_HOUR) if option.server else 0
