"""Tokens by API: what a request costs there, and from which demand GPUs do the work for less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from gpumix.units import MEGA
from gpumix.values import Value

MOST_REPLICAS: Final = 2_000
"""At the busiest hour; break-evens beyond are not looked for."""
_ROUNDING: Final = 1e-9


def usd_per_request(
    usd_per_mtok_input: Value,
    usd_per_mtok_cached: Value,
    usd_per_mtok_output: Value,
    input_tokens: Value,
    output_tokens: Value,
    cached_share: Value,
) -> Value:
    """Price of a request: (in (1 - c) p_in + in c p_cached + out p_out) / 1e6.

    Args:
        usd_per_mtok_input: price of a million prompt tokens [USD].
        usd_per_mtok_cached: of a million prompt tokens found in the provider's cache [USD].
        usd_per_mtok_output: of a million tokens written [USD].
        input_tokens: tokens of the prompt [tokens].
        output_tokens: tokens written [tokens].
        cached_share: share c of the prompt's tokens found in the cache, 0-1 [1].

    Source: what the providers' price lists charge by, see docs/data.md.

    >>> usd_per_request(1.0, 0.1, 4.0, 1000.0, 200.0, 0.5)
    0.00135
    """
    prompt = (1.0 - cached_share) * usd_per_mtok_input + cached_share * usd_per_mtok_cached
    return (input_tokens * prompt + output_tokens * usd_per_mtok_output) / MEGA


class Level(NamedTuple):
    """Hours [h] of a week in which so much work arrives [units/h], in whole replicas."""

    units_per_hour: float
    hours: float


class Replicas(NamedTuple):
    """GPUs that do the work in whole replicas, rented or owned in whole instances.

    `units_per_hour` one replica does; `per_instance` replicas fit an instance, which costs
    `usd_per_instance_hour` [USD/h] while it is held; `usd_per_busy_hour` [USD/h] comes on top for
    a replica that works. `spare` replicas stand by; at most `most` instances can be had (None: any
    number).
    """

    units_per_hour: float
    per_instance: int
    usd_per_instance_hour: float
    usd_per_busy_hour: float = 0.0
    spare: int = 0
    most: int | None = None


class BreakEven(NamedTuple):
    """The demand over today's from which replicas are cheaper, how many then run at the busiest
    hour, and what a week of them costs [USD]."""

    scale: float
    replicas: int
    usd_per_week: float


def break_even(
    levels: Sequence[Level], units_per_week: float, usd_per_unit: float, replicas: Replicas
) -> BreakEven | None:
    """The least demand at which replicas cost no more than an API; None where there is none.

    An API costs a s U for s times the week's work U. Replicas cost in steps: at every level
    k = ceil(s d / rate) of them, and spare ones, in n = ceil(k / per instance) instances held for
    the level's hours h, so C sum(n h) + busy cost per unit x s U. Between two steps only the API's
    cost rises, so the first stretch that ends in favour of the replicas holds the break-even.

    Args:
        levels: the week's demand.
        units_per_week: its work U [units].
        usd_per_unit: the API's price a of a unit [USD].
        replicas: what would do it instead.

    Source: equal cost of both ways, solved for s stretch by stretch.

    >>> steady = [Level(100.0, 168.0)]
    >>> break_even(steady, 16800.0, 0.01, Replicas(1000.0, 1, 4.0))
    BreakEven(scale=4.0, replicas=1, usd_per_week=672.0)
    """
    rate, per_instance = replicas.units_per_hour, replicas.per_instance
    need = np.array([level.units_per_hour for level in levels]) / rate
    hours = np.array([level.hours for level in levels])
    held = replicas.usd_per_instance_hour
    gain = (usd_per_unit - replicas.usd_per_busy_hour / rate) * units_per_week
    left = gain - held * float(hours @ need) / per_instance  # for steps, per unit of scale
    if left <= 0.0 or not need.any():
        return None
    steps = held * float(hours.sum()) * ((1.0 + replicas.spare) / per_instance + 1.0)
    most = MOST_REPLICAS if replicas.most is None else replicas.most * per_instance - replicas.spare
    highest = min(steps / left, min(most, MOST_REPLICAS) / float(need.max()))
    if highest <= 0.0:
        return None
    ends = _ends(need, highest)
    running = np.ceil(np.outer(ends, need) - _ROUNDING)
    instances = np.ceil((running + replicas.spare * (running > 0.0)) / per_instance)
    cost = held * (instances @ hours)
    won = np.flatnonzero(gain * ends >= cost * (1.0 - _ROUNDING))
    if not won.size:
        return None
    first = int(won[0])
    start = float(ends[first - 1]) if first else 0.0
    scale = max(float(cost[first]) / gain, start)
    busy = usd_per_unit * units_per_week - gain
    count = int(running[first].max()) + replicas.spare
    return BreakEven(scale, count, float(cost[first]) + busy * scale)


def _ends(need: np.ndarray, highest: float) -> np.ndarray:
    """Scales at which a level needs one replica more, up to the highest, which is the last."""
    found = [
        np.arange(1, math.floor(highest * n + _ROUNDING) + 1) / n for n in np.unique(need[need > 0])
    ]
    return np.unique(np.concatenate([*found, [highest]]))
