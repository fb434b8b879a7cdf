"""Where the router sends requests: never to a replica that drains, to a cached prefix if it can."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_replica import made_up_table

from gpumix.domain.traffic import Requests
from gpumix.serving.simulator.simulation import ROUTERS, Event, Outcome, Settings, simulate
from gpumix.serving.traffic import stream

TABLE = made_up_table(3, chunk_tokens=64, max_sequences=8, kv_blocks=40)


def routed(requests: Requests, router: str, **rules: object) -> Outcome:
    return simulate(requests, TABLE, Settings(router=router, **rules))  # type: ignore[arg-type]


def crowd(**columns: object) -> Requests:
    rng = np.random.default_rng(5)
    return stream(
        1.0 + np.cumsum(rng.exponential(0.02, 300)),
        rng.integers(1, 60, 300), rng.integers(1, 20, 300), **columns,
    )  # fmt: skip


@pytest.mark.parametrize("router", ROUTERS)
@pytest.mark.parametrize("drained", [0, 1, 2])
def test_a_replica_that_drains_gets_nothing_new_and_the_others_share(
    router: str, drained: int
) -> None:
    found = routed(crowd(), router, replicas=3, events=(Event(0.0, drained, "drain"),))
    assert found.served.all()
    at_work = found.busy_s > 0.0
    assert at_work.tolist() == [replica != drained for replica in range(3)]


def test_without_shared_prefixes_prefix_aware_is_least_outstanding() -> None:
    requests = crowd()
    aware, least = (
        routed(requests, router, replicas=3) for router in ("prefix-aware", "least-outstanding")
    )
    np.testing.assert_array_equal(aware.finish_s, least.finish_s)
    np.testing.assert_array_equal(aware.replica_prefilled, least.replica_prefilled)


def test_prefix_aware_computes_each_shared_prefix_on_one_replica() -> None:
    """Four prefixes on two replicas: a router that does not look computes most of them twice."""
    prefixes = np.arange(300) // 3 % 4
    requests = stream(np.arange(300.0), 50, 5, prefix_id=prefixes, prefix_tokens=40)
    computed = {router: routed(requests, router, replicas=2).prefilled for router in ROUTERS}
    assert computed["prefix-aware"] == 300 * 10 + 4 * 40
    assert computed["round-robin"] == 300 * 10 + 2 * 4 * 40


def test_of_replicas_that_know_the_prefix_the_emptier_one_serves() -> None:
    """Both replicas have met the prefix; a burst of it is spread over them."""
    arrival = np.concatenate([[0.0, 0.0], np.full(40, 100.0)])
    requests = stream(arrival, 50, 5, prefix_id=np.zeros(42, dtype=int), prefix_tokens=40)
    found = routed(requests, "prefix-aware", replicas=2)
    low, high = sorted(found.replica_prefilled)
    assert high - low <= 50


def test_where_every_replica_drains_round_robin_goes_on_in_turn() -> None:
    """Long answers have piled up on the first; a router that takes turns does not look."""
    answers = np.where(np.arange(60) % 2 == 0, 80, 1)
    requests = stream(np.linspace(0.1, 1.0, 60), 8, answers)
    events = (Event(0.5, 0, "drain"), Event(0.5, 1, "drain"))
    found = routed(requests, "round-robin", replicas=2, events=events)
    assert found.replica_prefilled.tolist() == [30 * 8, 30 * 8]
