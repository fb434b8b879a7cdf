"""Pools of one queue: a plain twin, the textbook's exact queues, and what holds for any pool."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpumix.domain.workload import Slo
from gpumix.serving.capacity import Server, queue_rate
from gpumix.serving.kept import REQUESTS
from gpumix.serving.pools import (
    LARGEST,
    fewest,
    pool_rate,
    proven,
    reached,
    times_of,
)
from gpumix.serving.queueing import chance_of_waiting, wait_quantile_s
from gpumix.serving.simulator.queue import times_in_system
from gpumix.values import FloatArray

LIMIT = Slo("e2e", 0.95, 15.0)
IMAGE = Server(np.array([9.4]), (LIMIT,), 1.0)
EXPONENTIAL = -np.log1p(-(np.arange(4096) + 0.5) / 4096)
"""Equally likely times of a mean of 1 s."""


def lognormal(mean_s: float, cv: float) -> FloatArray:
    """Equally likely times."""
    from scipy.stats import lognorm

    sigma = math.sqrt(math.log1p(cv**2))
    drawn = lognorm.ppf((np.arange(512) + 0.5) / 512, sigma)
    return np.asarray(mean_s * drawn / drawn.mean())


def twin(arrivals: FloatArray, service: FloatArray, servers: list[int]) -> list[float]:
    """First come, first served, with lists of servers told by when they are free."""
    order = sorted(range(len(servers)), key=lambda kind: float(service[kind].mean()))
    free = [(kind, 0.0) for kind in order for _ in range(servers[kind])]
    spent = []
    for i, now in enumerate(arrivals):
        idle = [s for s, (_, at) in enumerate(free) if at <= now]
        chosen = idle[0] if idle else min(range(len(free)), key=lambda s: free[s][1])
        kind, at = free[chosen]
        end = max(float(now), at) + float(service[kind, i])
        free[chosen] = (kind, end)
        spent.append(end - float(now))
    return spent


def test_the_compiled_queue_is_the_plain_one() -> None:
    rng = np.random.default_rng(5)
    for servers in ([1], [3], [2, 1], [1, 4, 2], [0, 2]):
        arrivals = np.cumsum(rng.gamma(0.5, 2.0 / sum(servers), 400))
        service = rng.lognormal(0.0, 0.8, (len(servers), 400))
        found = times_in_system(arrivals, service, servers)
        assert np.allclose(found, twin(arrivals, service, servers), rtol=1e-12)


def test_a_queue_without_a_server_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a server"):
        times_in_system(np.zeros(1), np.ones((1, 1)), [0])
    with pytest.raises(ValueError, match="empty pool"):
        times_of({}, 1.0)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.6), (2, 0.7), (5, 0.75)])
def test_the_simulation_agrees_with_erlang(servers: int, load: float) -> None:
    """M/M/c: the share that waits, and the quantile of the time in the system by integration."""
    server = Server(EXPONENTIAL, (Slo("e2e", 0.9, 3.0),), 1.0)
    times = times_of({server: servers}, load * servers, 160_000)
    waits = float(chance_of_waiting(load, servers))
    fastest = servers * (1.0 - load)
    # Where there is a wait, it is exponential of rate c (1 - rho), and the service comes on top.
    slow = (np.exp(-fastest * 3.0) - fastest * np.exp(-3.0)) / (1.0 - fastest)
    longer = (1.0 - waits) * np.exp(-3.0) + waits * slow
    assert float((times > 3.0).mean()) == pytest.approx(longer, rel=0.06)


def test_one_server_of_equal_work_waits_as_pollaczek_and_khinchine_say() -> None:
    server = Server(np.array([1.0]), (LIMIT,), 1.0)
    waits = times_of({server: 1}, 0.7, 160_000) - 1.0
    assert waits.mean() == pytest.approx(0.7 / (2.0 * 0.3), rel=0.03)


@pytest.mark.parametrize("servers", [2, 4, 12])
@pytest.mark.parametrize(("cv", "arrival_cv"), [(0.0, 1.0), (0.8, 1.0), (0.0, 1.5)])
def test_the_closed_form_is_near_the_simulation(servers: int, cv: float, arrival_cv: float) -> None:
    """At 85 % of what the servers can do, p95 of the wait."""
    times = lognormal(1.0, cv) if cv else np.ones(1)
    rng = np.random.default_rng(11)
    service = rng.choice(times, 200_000)
    gaps = rng.gamma(arrival_cv**-2, arrival_cv**2, 200_000) / (0.85 * servers)
    spent = times_in_system(np.cumsum(gaps), service[np.newaxis], [servers])
    wait = float(np.quantile((spent - service)[20_000:], 0.95))
    found = float(wait_quantile_s(0.85, 1.0, arrival_cv**2, cv**2, 0.95, servers))
    assert found == pytest.approx(wait, rel=0.2)


def test_images_share_a_queue() -> None:
    """8,000 images a day of 9.4 s within 15 s: three servers, where one with its own queue each
    would need seven."""
    per_s = 8_000 / 86_400
    assert fewest(IMAGE, per_s) == 3
    (found,) = proven({IMAGE: 3}, per_s)[1]
    assert found.quantile_s == pytest.approx(9.8, rel=0.02)
    alone = float(queue_rate(9.4, [LIMIT], 1.0))
    assert math.ceil(per_s / alone) == 7
    assert not proven({IMAGE: 2}, per_s)[1][0].is_kept


def test_each_of_more_servers_sustains_more_and_never_more_than_it_can_do() -> None:
    rates = [pool_rate(IMAGE, n) * 9.4 for n in (1, 2, 3, 6, 16, LARGEST)]
    assert rates == sorted(rates)
    assert 0.05 < rates[0] < 0.2
    assert 0.9 < rates[-1] < 1.0
    assert pool_rate(IMAGE, 10 * LARGEST) == pool_rate(IMAGE, LARGEST)


@pytest.mark.parametrize(
    "server",
    [
        IMAGE,
        Server(np.array([9.4]), (LIMIT,), 2.5),
        Server(lognormal(2.0, 1.2), (Slo("e2e", 0.99, 20.0),), 1.0),
        Server(lognormal(0.03, 0.7), (Slo("e2e", 0.95, 0.2), Slo("e2e", 0.5, 0.05)), 1.2),
    ],
    ids=["equal", "bursty", "heavy tail", "two promises"],
)
@pytest.mark.parametrize("busy", [0.05, 0.9, 4.0, 30.0])
def test_the_fewest_keep_every_promise_on_other_traffic(server: Server, busy: float) -> None:
    per_s = busy / server.mean_s
    least = fewest(server, per_s)
    assert least >= busy
    _, found = proven({server: least}, per_s, seed=77)
    assert all(one.is_kept for one in found)
    fewer = least - math.ceil(0.05 * least)  # one fewer of many may be a matter of luck
    if fewer > busy:
        _, found = proven({server: fewer}, per_s, seed=77)
        assert not all(one.is_kept and one.is_sure for one in found)
    assert fewest(server, 1.5 * per_s) >= least


def test_what_takes_too_long_by_itself_is_served_by_no_pool() -> None:
    slow = Server(np.array([16.0]), (LIMIT,), 1.0)
    assert pool_rate(slow, 8) == 0.0
    assert fewest(slow, 0.1) == 0
    assert fewest(IMAGE, 0.0) == 0


def test_a_large_demand_is_counted_by_the_largest_pool_that_is_searched() -> None:
    per_s = 500 / 9.4
    assert fewest(IMAGE, per_s) == math.ceil(per_s / pool_rate(IMAGE, LARGEST))


def test_the_fastest_idle_server_comes_first() -> None:
    slow = Server(np.array([12.0]), (LIMIT,), 1.0)
    times = times_of({slow: 2, IMAGE: 2}, 0.01)
    assert float(np.isclose(times, 9.4).mean()) > 0.9


def test_a_share_is_as_sure_as_its_batches_agree() -> None:
    times = np.where(np.random.default_rng(3).uniform(size=20_000) < 0.96, 1.0, 20.0)
    clear = reached(times, LIMIT)
    assert clear.is_kept
    assert clear.is_sure
    assert clear.error == pytest.approx(math.sqrt(0.96 * 0.04 / 20_000), rel=0.5)
    spells = np.ones(20_000)
    spells[:800] = 20.0  # all late ones in one spell: little is known of how often one comes
    assert not reached(spells, LIMIT).is_sure


def test_a_run_is_as_long_as_the_answer_is_in_doubt() -> None:
    clear, _ = proven({IMAGE: 6}, 0.1)
    assert len(clear) == int(0.9 * REQUESTS)
    edge, _ = proven({IMAGE: 3}, pool_rate(IMAGE, 3) * 3.0 * 1.01)
    assert len(edge) > len(clear)
