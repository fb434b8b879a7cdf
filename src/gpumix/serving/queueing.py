"""Waiting in front of a server: the closed forms that stand in for a simulation.

Symbols: rho load of the server (0-1), S mean service time, ca2 and cs2 squared coefficients of
variation of the gaps between arrivals and of the service times.
"""

from __future__ import annotations

import numpy as np

from gpumix.values import Values


def mean_wait_s(
    load: Values, service_s: Values, arrival_cv2: Values, service_cv2: Values
) -> Values:
    """Mean wait of a single server: W = rho / (1 - rho) (ca2 + cs2) / 2 S; infinite from rho = 1.

    Args:
        load: arrivals per second x service time [0-1].
        service_s: mean service time [s].
        arrival_cv2, service_cv2: squared coefficients of variation [1].

    Source: Kingman (1961), "The single server queue in heavy traffic"; exact for M/M/1 and M/D/1.

    >>> round(float(mean_wait_s(0.5, 1.0, 1.0, 1.0)), 6)  # M/M/1 waits as long as it serves
    1.0
    """
    load = np.asarray(load, dtype=np.float64)
    crowding = load / np.where(load < 1.0, 1.0 - load, 1.0)
    return np.where(load < 1.0, crowding * 0.5 * (arrival_cv2 + service_cv2) * service_s, np.inf)


def wait_quantile_s(
    load: Values, service_s: Values, arrival_cv2: Values, service_cv2: Values, quantile: float
) -> Values:
    """Wait not exceeded with this probability: P(wait > t) = rho exp(-rho t / W).

    Args:
        load: arrivals per second x service time [0-1].
        service_s: mean service time [s].
        arrival_cv2, service_cv2: squared coefficients of variation [1].
        quantile: probability [0-1].

    Source: exact for M/M/1; the exponential tail of heavy traffic, Kingman (1962).

    >>> round(float(wait_quantile_s(0.5, 1.0, 1.0, 1.0, 0.95)), 4)  # ln(0.5 / 0.05) / (1 - 0.5)
    4.6052
    """
    mean = mean_wait_s(load, service_s, arrival_cv2, service_cv2)
    load = np.asarray(load, dtype=np.float64)
    tail = np.log(np.maximum(load / (1.0 - quantile), 1.0))
    with np.errstate(invalid="ignore"):
        wait = np.where(tail > 0.0, mean / np.maximum(load, 1e-12) * tail, 0.0)
    return np.where(load < 1.0, wait, np.inf)


def crowd_quantile(mean: Values, arrival_cv2: Values, quantile: float) -> Values:
    """Requests in a system with room for all, not exceeded with this probability.

    n_q = n + z_q sqrt(n (1 + ca2) / 2): a normal tail with the variance of the infinite-server
    queue (peakedness (1 + ca2) / 2).

    Args:
        mean: mean requests in the system [count].
        arrival_cv2: squared coefficient of variation of arrival gaps [1].
        quantile: probability [0-1].

    Source: Whitt (1992), "Understanding the efficiency of multi-server service systems".
    """
    return mean + NORMAL_TAIL[quantile] * np.sqrt(np.asarray(mean) * 0.5 * (1.0 + arrival_cv2))


NORMAL_TAIL = {0.5: 0.0, 0.9: 1.2816, 0.95: 1.6449, 0.99: 2.3263}
"""Standard normal quantiles of the probabilities that promises are made at."""
