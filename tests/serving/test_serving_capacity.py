"""Capacity within promises: what must hold whatever the fitted constants are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import Catalog, load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Slo
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.perf.inference.memory import memory
from gpumix.serving.capacity import Traffic, latency, loop_of, queue_rate, sustained

GPUS = ("h100-sxm-80gb", "a100-pcie-80gb", "l40s-48gb", "l4-24gb")
CHAT = Traffic(Lengths(1200.0, 1.0), Lengths(200.0, 1.0), arrival_cv=1.2)
SLOS = (Slo("ttft", 0.95, 2.0), Slo("tpot", 0.95, 0.15))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def deploy(catalog: Catalog) -> Callable[..., Deployment]:
    def make(*gpus: str, model: str = "meta-llama/Llama-3.1-8B-Instruct") -> Deployment:
        setups = [Setup(catalog.models[model], catalog.gpus[gpu], "vllm") for gpu in gpus]
        return deployments(setups, catalog.coefficients)

    return make


@pytest.fixture(scope="module")
def dep(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy(*GPUS)


def test_every_promise_is_kept_and_nearly_used_up(dep: Deployment) -> None:
    found = sustained(dep, CHAT, SLOS)
    assert np.all(found.requests_per_s > 0.0)
    point = latency(dep, CHAT, found.batch, 0.95)
    ttft, tpot = point.ttft_s / SLOS[0].limit_s, point.tpot_s / SLOS[1].limit_s
    memory_share = point.crowd / found.batch_max
    tightest = np.maximum(np.maximum(ttft, tpot), memory_share)
    assert np.all(tightest <= 1.0 + 1e-9)
    assert np.all(tightest > 0.99)
    assert np.allclose(point.requests_per_s, found.requests_per_s)


def test_little_s_law_ties_batch_and_rate(dep: Deployment) -> None:
    """Sequences decoding = rate x time spent decoding."""
    point = latency(dep, CHAT, np.full(dep.rows, 8.0), 0.5)
    decoding_s = point.tpot_s * CHAT.output.mean
    assert np.allclose(point.requests_per_s * decoding_s, 8.0, rtol=0.25)


@settings(deadline=None, max_examples=15)
@given(
    metric=st.sampled_from(["ttft", "tpot", "e2e"]),
    quantile=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
    limit_s=st.floats(0.01, 20.0),
    looser=st.floats(1.0, 10.0),
)
def test_a_looser_promise_never_lowers_capacity(
    dep: Deployment, metric: str, quantile: float, limit_s: float, looser: float
) -> None:
    tight = sustained(dep, CHAT, [Slo(metric, quantile, limit_s)])
    loose = sustained(dep, CHAT, [Slo(metric, quantile, limit_s * looser)])
    assert np.all(tight.requests_per_s <= loose.requests_per_s * (1.0 + 1e-5) + 1e-9)
    both = sustained(dep, CHAT, [*SLOS, Slo(metric, quantile, limit_s)])
    assert np.all(both.requests_per_s <= tight.requests_per_s * (1.0 + 1e-5) + 1e-9)


@settings(deadline=None, max_examples=12)
@given(cv=st.floats(0.0, 5.0), more=st.floats(0.0, 5.0))
def test_burstier_arrivals_never_raise_capacity(dep: Deployment, cv: float, more: float) -> None:
    calm = sustained(dep, Traffic(CHAT.input, CHAT.output, cv), SLOS)
    wild = sustained(dep, Traffic(CHAT.input, CHAT.output, cv + more), SLOS)
    assert np.all(wild.requests_per_s <= calm.requests_per_s * (1.0 + 1e-5) + 1e-9)


@settings(deadline=None, max_examples=12)
@given(slowdown=st.floats(1.0, 3.0))
def test_slowdown_is_the_same_as_tighter_promises_on_a_slower_clock(
    dep: Deployment, slowdown: float
) -> None:
    slow = sustained(dep, CHAT, SLOS, slowdown)
    tight = sustained(dep, CHAT, [Slo(s.metric, s.quantile, s.limit_s / slowdown) for s in SLOS])
    assert np.allclose(slow.requests_per_s, tight.requests_per_s / slowdown, rtol=1e-4)
    unbound = sustained(dep, CHAT, [])
    assert np.allclose(
        sustained(dep, CHAT, [], slowdown).requests_per_s, unbound.requests_per_s / slowdown
    )


def test_the_wait_grows_with_the_square_of_the_spread_of_prompts(dep: Deployment) -> None:
    """Kingman: after Poisson arrivals the wait goes with 1 + cs^2, here 1, 2 and 10; a little more,
    as attention makes long prompts dearer by the token."""
    even, spread, wild = (
        loop_of(dep, Traffic(Lengths(1200.0, cv), CHAT.output, 1.0), np.full(dep.rows, 40.0)).waits
        for cv in (0.0, 1.0, 3.0)
    )
    assert np.all(even[0][1] > 0.0)
    assert spread[0][1] / even[0][1] == pytest.approx(np.full(dep.rows, 2.0), rel=0.1)
    assert wild[0][1] / even[0][1] == pytest.approx(np.full(dep.rows, 10.0), rel=0.35)


def test_an_answer_ends_a_step_a_token_after_its_first(dep: Deployment) -> None:
    point = latency(dep, CHAT, np.full(dep.rows, 8.0), 0.5)
    mean_s = loop_of(dep, CHAT, np.full(dep.rows, 8.0)).tpot_s
    assert point.e2e_s - point.ttft_s == pytest.approx(mean_s * (CHAT.output.mean - 1.0))


def test_an_answer_takes_the_room_of_one_token_at_least(dep: Deployment) -> None:
    none, one = (
        sustained(dep, Traffic(CHAT.input, Lengths(tokens, 0.0), 1.0), []) for tokens in (0.0, 1.0)
    )
    np.testing.assert_array_equal(none.batch_max, one.batch_max)
    np.testing.assert_array_equal(none.requests_per_s, one.requests_per_s)


def test_slowdown_may_differ_by_row(dep: Deployment) -> None:
    by_row = np.linspace(1.0, 1.6, dep.rows)
    together = sustained(dep, CHAT, SLOS, by_row).requests_per_s
    apart = [sustained(dep, CHAT, SLOS, float(s)).requests_per_s[i] for i, s in enumerate(by_row)]
    assert np.allclose(together, apart)


def test_out_of_reach_says_by_how_much(dep: Deployment) -> None:
    """`nearest` is latency over limit at no load: above 1 wherever nothing can be served."""
    impossible = sustained(dep, CHAT, [Slo("ttft", 0.95, 1e-4), Slo("tpot", 0.95, 10.0)])
    assert np.all(impossible.requests_per_s == 0.0)
    assert np.all(impossible.batch == 0.0)
    assert np.all(impossible.nearest[0] > 1.0)
    assert np.all(impossible.nearest[1] < 1.0)
    just = impossible.nearest[0].max() * 1e-4
    assert np.all(sustained(dep, CHAT, [Slo("ttft", 0.95, just * 1.01)]).requests_per_s > 0.0)


@settings(deadline=None, max_examples=12)
@given(prompt=st.floats(16.0, 30_000.0), answer=st.floats(1.0, 4000.0))
def test_batch_stays_within_memory(dep: Deployment, prompt: float, answer: float) -> None:
    traffic = Traffic(Lengths(prompt, 0.0), Lengths(answer, 0.0), 1.0)
    room = memory(dep, prompt, answer).batch_max
    for slos in ([], [Slo("tpot", 0.95, 60.0)]):
        found = sustained(dep, traffic, slos)
        assert np.all(found.batch <= room + 1e-9)
        assert np.all(found.batch <= found.batch_max + 1e-9)
        assert np.all((found.requests_per_s > 0.0) == (found.batch > 0.0))


def test_what_does_not_fit_serves_nothing(deploy: Callable[..., Deployment]) -> None:
    too_large = deploy("l4-24gb", model="meta-llama/Llama-3.1-70B-Instruct")
    for slos in ([], SLOS):
        found = sustained(too_large, CHAT, slos)
        assert found.batch_max[0] == 0.0
        assert found.requests_per_s[0] == 0.0


def test_rows_do_not_see_each_other(deploy: Callable[..., Deployment], dep: Deployment) -> None:
    together = sustained(dep, CHAT, SLOS).requests_per_s
    apart = [sustained(deploy(gpu), CHAT, SLOS).requests_per_s[0] for gpu in GPUS]
    assert np.allclose(together, apart)


def test_cached_prefixes_never_cost(dep: Deployment) -> None:
    rates = [
        sustained(dep, Traffic(CHAT.input, CHAT.output, 1.0, hit), SLOS).requests_per_s
        for hit in (0.0, 0.4, 0.9)
    ]
    for less, more in pairwise(rates):
        assert np.all(more >= less * (1.0 - 1e-5))


def test_queue_rate_keeps_its_promise() -> None:
    """M/M/1: P(time in system > t) is not the wait's, so the wait's quantile is checked."""
    from gpumix.serving.queueing import wait_quantile_s

    service = np.array([0.05, 0.2, 0.99, 2.0])
    slo = Slo("e2e", 0.95, 1.0)
    rate = queue_rate(service, [slo], 1.0, 1.0)
    wait = wait_quantile_s(rate * service, service, 1.0, 1.0, 0.95)
    assert np.allclose((wait + service)[:2], 1.0, rtol=1e-4)
    assert np.all(rate[:3] > 0.0)
    assert rate[3] == 0.0
    assert np.all(rate * service < 1.0)


def test_work_of_equal_length_queues_half_as_long_as_work_of_any_length() -> None:
    """M/D/1 against M/M/1: equal work is the default, and bears more."""
    from gpumix.serving.queueing import wait_quantile_s

    rate = queue_rate(0.2, [Slo("e2e", 0.95, 1.0)], 1.0)
    assert float(wait_quantile_s(rate * 0.2, 0.2, 1.0, 0.0, 0.95)) == pytest.approx(0.8, rel=1e-4)
    assert rate > queue_rate(0.2, [Slo("e2e", 0.95, 1.0)], 1.0, 1.0)


def test_queue_rate_without_a_promise_that_binds() -> None:
    assert float(queue_rate(0.5, [], 1.0)) == 2.0
    assert float(queue_rate(0.5, [Slo("tpot", 0.95, 0.001)], 1.0)) == 2.0


@settings(deadline=None, max_examples=30)
@given(
    service_s=st.floats(1e-3, 5.0), limit_s=st.floats(1e-3, 10.0), looser=st.floats(1.0, 5.0),
    cv=st.floats(0.0, 4.0), more=st.floats(0.0, 4.0),
)  # fmt: skip
def test_queue_rate_is_monotone(
    service_s: float, limit_s: float, looser: float, cv: float, more: float
) -> None:
    rate = queue_rate(service_s, [Slo("e2e", 0.95, limit_s)], cv)
    assert rate <= queue_rate(service_s, [Slo("e2e", 0.95, limit_s * looser)], cv) + 1e-9
    assert rate >= queue_rate(service_s, [Slo("e2e", 0.95, limit_s)], cv + more) - 1e-9
