"""Waiting: the textbook answers of M/M/1 and M/D/1, and what must hold for every queue."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.serving.queueing import (
    NORMAL_TAIL,
    chance_of_waiting,
    crowd_quantile,
    mean_wait_s,
    wait_quantile_s,
)

LOADS = st.floats(0.01, 0.99)
CV2 = st.floats(0.0, 20.0)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("service_s", [0.02, 3.0])
def test_exact_means(load: float, service_s: float) -> None:
    """M/M/1: rho S / (1 - rho); M/D/1 half of it (Pollaczek-Khinchine)."""
    mm1 = load * service_s / (1.0 - load)
    assert float(mean_wait_s(load, service_s, 1.0, 1.0)) == pytest.approx(mm1)
    assert float(mean_wait_s(load, service_s, 1.0, 0.0)) == pytest.approx(mm1 / 2.0)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_of_mm1(load: float, quantile: float) -> None:
    """P(wait > t) = rho exp(-(1 - rho) t / S), so that many arrivals do not wait at all."""
    service_s = 2.0
    wait = float(wait_quantile_s(load, service_s, 1.0, 1.0, quantile))
    if load <= 1.0 - quantile:
        assert wait == 0.0
    else:
        waits_longer = load * math.exp(-(1.0 - load) * wait / service_s)
        assert waits_longer == pytest.approx(1.0 - quantile)


def test_a_full_server_waits_for_ever_even_without_chance() -> None:
    for load in (1.0, 1.3):
        for cv2 in (0.0, 1.0):
            assert float(mean_wait_s(load, 1.0, cv2, cv2)) == math.inf
            assert float(wait_quantile_s(load, 1.0, cv2, cv2, 0.95)) == math.inf
    assert float(mean_wait_s(0.9, 1.0, 0.0, 0.0)) == 0.0
    assert float(mean_wait_s(0.0, 1.0, 1.0, 1.0)) == 0.0


@pytest.mark.parametrize("servers", [1, 2, 7, 40])
@pytest.mark.parametrize("load", [0.2, 0.7, 0.95])
def test_several_servers_are_those_of_mmc(servers: int, load: float) -> None:
    """Erlang's C and the waits of M/M/c, by the sums over states of the birth-death chain."""
    offered = load * servers
    states = [offered**n / math.factorial(n) for n in range(servers)]
    crowded = offered**servers / math.factorial(servers) / (1.0 - load)
    waits = crowded / (math.fsum(states) + crowded)
    assert float(chance_of_waiting(load, servers)) == pytest.approx(waits)
    mean_s = waits * 2.0 / (servers * (1.0 - load))
    assert float(mean_wait_s(load, 2.0, 1.0, 1.0, servers)) == pytest.approx(mean_s)
    wait_s = float(wait_quantile_s(load, 2.0, 1.0, 1.0, 0.99, servers))
    longer = waits * math.exp(-servers * (1.0 - load) * wait_s / 2.0)
    assert longer == pytest.approx(0.01) if waits > 0.01 else wait_s == 0.0


def test_nobody_waits_for_idle_servers_and_everybody_for_full_ones() -> None:
    for servers in (1, 3, 500):
        assert float(chance_of_waiting(0.0, servers)) == 0.0
        assert float(chance_of_waiting(1.0, servers)) == 1.0
    assert float(chance_of_waiting(1e-6, 500)) == pytest.approx(0.0, abs=1e-99)
    chances = chance_of_waiting(np.array([0.0, 0.5, 1.2]), 2)
    assert chances == pytest.approx([0.0, 1.0 / 3.0, 1.0])


def test_crowd_of_poisson_arrivals_is_poisson() -> None:
    """M/M/inf holds a Poisson number: variance = mean; the normal tail is close to it."""
    from scipy.stats import poisson

    for mean in (30.0, 200.0):
        assert float(crowd_quantile(mean, 1.0, 0.95)) == pytest.approx(
            poisson.ppf(0.95, mean), rel=0.03
        )
    assert float(crowd_quantile(30.0, 4.0, 0.5)) == 30.0


def test_normal_tail_against_scipy() -> None:
    from scipy.stats import norm

    for probability, z in NORMAL_TAIL.items():
        assert z == pytest.approx(norm.ppf(probability), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(load=LOADS, more=st.floats(0.0, 0.009), ca2=CV2, cs2=CV2, extra=CV2)
def test_busier_and_burstier_never_wait_less(
    load: float, more: float, ca2: float, cs2: float, extra: float
) -> None:
    for quantile in NORMAL_TAIL:
        wait = float(wait_quantile_s(load, 1.0, ca2, cs2, quantile))
        assert wait <= float(wait_quantile_s(load + more, 1.0, ca2, cs2, quantile)) + 1e-9
        assert wait <= float(wait_quantile_s(load, 1.0, ca2 + extra, cs2, quantile)) + 1e-9
        assert crowd_quantile(load, ca2, quantile) <= crowd_quantile(load, ca2 + extra, quantile)


@settings(deadline=None, max_examples=30)
@given(load=LOADS, service_s=st.floats(1e-3, 100.0), ca2=CV2, factor=st.floats(0.1, 10.0))
def test_time_scales(load: float, service_s: float, ca2: float, factor: float) -> None:
    wait = float(wait_quantile_s(load, service_s, ca2, 1.0, 0.95))
    scaled = float(wait_quantile_s(load, service_s * factor, ca2, 1.0, 0.95))
    assert scaled == pytest.approx(wait * factor)


def test_arrays_are_scalars_side_by_side() -> None:
    loads = np.array([0.0, 0.2, 0.9, 1.0, 2.0])
    together = wait_quantile_s(loads, 0.5, 1.5, 0.5, 0.95)
    apart = [float(wait_quantile_s(float(load), 0.5, 1.5, 0.5, 0.95)) for load in loads]
    assert np.array_equal(together, apart)
    assert np.array_equal(
        mean_wait_s(loads, 0.5, 1.5, 0.5),
        [float(mean_wait_s(float(load), 0.5, 1.5, 0.5)) for load in loads],
    )
