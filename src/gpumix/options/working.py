"""How much of the time a replica works: the one definition behind every utilisation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gpumix.domain.workload import Workload
from gpumix.options.option import Option, Replica
from gpumix.serving.capacity import Traffic, loop_of
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray, Values

_BATCHES = 48
_SMALLEST = 1e-3
_LARGEST = 20.0
"""Mean sequences between which the table of a replica lies; from the largest on it never stops."""


def working_share(option: Option, workload: Workload, units_per_hour: Values) -> FloatArray:
    """Share of the time that a replica works on something (0-1): its utilisation.

    Units one at a time: rate x time of a unit. Generated text, where requests share a step:
    1 - exp(-b), b the mean number of requests in it. Work that may wait, and what nothing is known
    of but a rate: the share of that rate, as it works flat out or not at all.

    Args:
        option: how the replica does it.
        workload: what it does.
        units_per_hour: what one replica is given [units/h].

    Source: utilisation law (Little); the chance that an infinite-server queue of Poisson arrivals
        holds nothing, Kleinrock, "Queueing Systems" I (1975), section 3.4.
    """
    given = np.asarray(units_per_hour, dtype=np.float64)
    if option.server is not None:
        share = given / SECONDS_PER_HOUR * option.server.mean_s
    elif option.replica is not None and workload.demand is not None and not workload.is_deferrable:
        demand = workload.demand
        traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
        rates, shares = _of_text(option.replica, traffic)
        share = np.interp(given / SECONDS_PER_HOUR, rates, shares)
    else:
        share = given / max(option.units_per_hour, 1e-12)
    return np.minimum(share, 1.0)


@lru_cache(maxsize=512)
def _of_text(replica: Replica, traffic: Traffic) -> tuple[FloatArray, FloatArray]:
    """Requests per second of a replica, and the share of the time in which it runs a step."""
    batch = np.geomspace(_SMALLEST, _LARGEST, _BATCHES)
    dep = replica.dep.take([replica.row] * _BATCHES)
    rates = loop_of(dep, traffic, batch).requests_per_s * dep.copies / replica.slowdown
    return np.append(0.0, rates), np.append(0.0, 1.0 - np.exp(-batch))
