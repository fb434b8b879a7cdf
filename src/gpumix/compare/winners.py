"""The cheapest layout and count of replicas for every demand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpumix.domain.comparison import WinnerAt
from gpumix.options.option import Option
from gpumix.units import SECONDS_PER_HOUR

WINNERS_UP_TO = 3.0
"""Demand up to which winners are told, in replicas of the fastest layout."""

MOST_WINNERS = 40
"""Entries at most; the last one then holds up to the demand it carries."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to serve on rented GPUs: a replica's price an hour and its rate [requests/s]."""

    option: Option
    usd_per_hour: float
    requests_per_s: float

    def replicas_above(self, requests_per_s: float) -> int:
        """The fewest replicas that carry more than a demand."""
        return math.floor(requests_per_s / self.requests_per_s * (1.0 + _ROUNDING)) + 1


def layouts(options: Sequence[Option], usd_per_gpu_hour: Mapping[str, float]) -> list[Layout]:
    """Every option that serves on a GPU with a price, whatever its layout and precision."""
    return [
        Layout(o, usd_per_gpu_hour[o.gpu] * o.gpus, o.units_per_hour / SECONDS_PER_HOUR)
        for o in options
        if o.serves and o.gpu in usd_per_gpu_hour and o.units_per_hour > 0.0
    ]


def winners(able: Sequence[Layout]) -> list[WinnerAt]:
    """The cheapest layout and count by demand, an entry wherever either changes.

    An entry holds above its demand up to the next one's. What a layout costs, R ceil(d / T), only
    grows with the demand d, so the cheapest just above d stays so as far as it carries; of equally
    cheap ones the one that carries most is taken.

    >>> winners([])
    []
    """
    if not able:
        return []
    highest = WINNERS_UP_TO * max(layout.requests_per_s for layout in able)
    found: list[WinnerAt] = []
    demand = 0.0
    while demand < highest * (1.0 - _ROUNDING) and len(found) < MOST_WINNERS:
        counts = [layout.replicas_above(demand) for layout in able]
        layout, count = min(
            zip(able, counts, strict=True),
            key=lambda found: (
                found[0].usd_per_hour * found[1],
                -found[0].requests_per_s * found[1],
                found[0].option.gpu,
                found[0].option.tp,
            ),
        )
        carried = layout.requests_per_s * count
        found.append(
            WinnerAt(
                requests_per_s=demand,
                gpu=layout.option.gpu,
                tp=layout.option.tp,
                precision=layout.option.precision,
                replicas=count,
                usd_per_hour=layout.usd_per_hour * count,
                load=demand / carried,
            )
        )
        demand = carried
    return found
