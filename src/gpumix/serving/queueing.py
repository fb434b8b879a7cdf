"""Waiting in front of servers: the closed forms that stand in for a simulation.

Symbols: c servers of one queue, rho load of each (0-1), S mean service time, ca2 and cs2 squared
coefficients of variation of the gaps between arrivals and of the service times.
"""

from __future__ import annotations

import numpy as np

from gpumix.values import FloatArray, Values

_RARELY = 1e200
"""Inverse of a chance below which nothing is lost by calling it none."""


def chance_of_waiting(load: Values, servers: int = 1) -> FloatArray:
    """Share of Poisson arrivals that find all servers busy: Erlang's C; 1 from a load of 1.

    1 / B_k = 1 + k / (a B_(k-1)), B_0 = 1, a = c rho;  C = B / (1 - rho (1 - B))

    Args:
        load: arrivals per second x service time / servers [0-1].
        servers: servers of one queue, c [count].

    Source: Erlang (1917); the recursion of Erlang's B in Cooper, "Introduction to Queueing Theory"
        (1981), section 3.3.

    >>> round(float(chance_of_waiting(0.5, 1)), 6)  # one server is busy for its load
    0.5
    >>> round(float(chance_of_waiting(0.5, 2)), 6)
    0.333333
    """
    rho = np.asarray(load, dtype=np.float64)
    inside = np.clip(rho, 1e-12, 1.0 - 1e-12)
    inverse = np.ones_like(inside)
    for k in range(1, servers + 1):
        inverse = 1.0 + np.minimum(inverse, _RARELY) * k / (servers * inside)
    blocked = 1.0 / inverse
    waits = blocked / (1.0 - inside * (1.0 - blocked))
    return np.where(rho < 1.0, np.where(rho > 0.0, waits, 0.0), 1.0)


def mean_wait_s(
    load: Values, service_s: Values, arrival_cv2: Values, service_cv2: Values, servers: int = 1
) -> Values:
    """Mean wait before one of c servers: W = C S / (c (1 - rho)) (ca2 + cs2) / 2; infinite from
    rho = 1.

    Args:
        load: arrivals per second x service time / servers [0-1].
        service_s: mean service time [s].
        arrival_cv2, service_cv2: squared coefficients of variation [1].
        servers: servers of one queue [count].

    Source: Kingman (1961), "The single server queue in heavy traffic"; with Erlang's C for several
        servers Allen, "Probability, Statistics and Queueing Theory" (1978), the formula of Allen
        and Cunneen. Exact for M/M/c and M/D/1.

    >>> round(float(mean_wait_s(0.5, 1.0, 1.0, 1.0)), 6)  # M/M/1 waits as long as it serves
    1.0
    >>> round(float(mean_wait_s(0.5, 1.0, 1.0, 1.0, 2)), 6)  # M/M/2: a third
    0.333333
    """
    load = np.asarray(load, dtype=np.float64)
    crowding = chance_of_waiting(load, servers) / np.where(load < 1.0, 1.0 - load, 1.0) / servers
    return np.where(load < 1.0, crowding * 0.5 * (arrival_cv2 + service_cv2) * service_s, np.inf)


def wait_quantile_s(
    load: Values,
    service_s: Values,
    arrival_cv2: Values,
    service_cv2: Values,
    quantile: float,
    servers: int = 1,
) -> Values:
    """Wait not exceeded with this probability: P(wait > t) = C exp(-C t / W).

    Args:
        load: arrivals per second x service time / servers [0-1].
        service_s: mean service time [s].
        arrival_cv2, service_cv2: squared coefficients of variation [1].
        quantile: probability [0-1].
        servers: servers of one queue [count].

    Source: exact for M/M/c; the exponential tail of heavy traffic, Kingman (1962).

    >>> round(float(wait_quantile_s(0.5, 1.0, 1.0, 1.0, 0.95)), 4)  # ln(0.5 / 0.05) / (1 - 0.5)
    4.6052
    """
    mean = mean_wait_s(load, service_s, arrival_cv2, service_cv2, servers)
    waits = chance_of_waiting(load, servers)
    tail = np.log(np.maximum(waits / (1.0 - quantile), 1.0))
    with np.errstate(invalid="ignore"):
        wait = np.where(tail > 0.0, mean / np.maximum(waits, 1e-12) * tail, 0.0)
    return np.where(np.asarray(load) < 1.0, wait, np.inf)


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


def normal_share(z: Values) -> FloatArray:
    """Share of a standard normal distribution up to z [0-1].

    1 / (1 + exp(-1.5976 z - 0.07056 z^3))

    Args:
        z: standard deviations from the mean [1].

    Source: Page (1977), "Approximations to the cumulative normal function"; within 2e-4.

    >>> round(float(normal_share(1.6449)), 3)
    0.95
    """
    x = np.clip(z, -8.0, 8.0)
    return np.asarray(1.0 / (1.0 + np.exp(-1.5976 * x - 0.07056 * x**3)))


def gamma_share(value: Values, mean: Values, variance: Values) -> FloatArray:
    """Share of a gamma distribution up to a value [0-1].

    (x / mean)^(1/3) is about normal with mean 1 - 1 / (9 k), variance 1 / (9 k), k = mean^2 /
    variance.

    Args:
        value: any unit.
        mean: in the same unit.
        variance: in its square.

    Source: Wilson and Hilferty (1931), "The distribution of chi-square".

    >>> round(float(gamma_share(1.0, 1.0, 1.0)), 3)  # exponential: 1 - 1/e = 0.632
    0.631
    """
    ninth = variance / (9.0 * np.square(np.maximum(mean, 1e-30)))
    root = np.cbrt(np.maximum(value, 0.0) / np.maximum(mean, 1e-30))
    return np.where(
        np.asarray(value) > 0.0, normal_share((root - 1.0 + ninth) / np.sqrt(ninth)), 0.0
    )


NORMAL_TAIL = {0.5: 0.0, 0.9: 1.2816, 0.95: 1.6449, 0.99: 2.3263}
"""Standard normal quantiles of the probabilities that promises are made at."""
