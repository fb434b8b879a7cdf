"""Shrinkage: what measurements say of what was not measured."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.catalog import Catalog
from gpumix.domain.measurement import Shrinkage
from gpumix.perf.calibrate import Places, Shift, covariance, faster, shift
from gpumix.perf.inference import loads
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import memory

BIG, MOE = "meta-llama/Llama-3.1-70B-Instruct", "mistralai/Mixtral-8x7B-Instruct-v0.1"


@pytest.fixture(scope="session")
def prior(catalog: Catalog) -> Shrinkage:
    return catalog.shrinkage["inference"]


def places(
    *batches: float,
    gpu: str = "h100",
    quantity: str = "throughput",
    model: str = "llama",
    engine: str = "vllm 0.9",
) -> Places:
    n = len(batches)
    return Places(
        np.full(n, engine), np.full(n, gpu), np.full(n, f"{gpu} {model} {engine}"),
        np.full(n, quantity), np.full(n, 512.0), np.full(n, 128.0), np.array(batches, float),
    )  # fmt: skip


def moved(
    known: Places, errors: list[float], target: Places, prior: Shrinkage, sigma: float = 0.25
) -> Shift:
    return shift(known, np.array(errors), target, np.full(len(target), sigma), prior)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-0.4, 0.4), min_size=1, max_size=6), st.floats(0.1, 0.5))
def test_a_shift_shrinks_and_narrows(catalog: Catalog, errors: list[float], sigma: float) -> None:
    known = places(*(2.0**k for k in range(len(errors))))
    found = moved(known, errors, places(32.0), catalog.shrinkage["inference"], sigma)
    assert abs(found.log_factor[0]) <= max(abs(e) for e in errors) * 1.05
    assert found.sigma[0] <= sigma
    assert found.weights.shape == (1, len(errors))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(1.0, 512.0), min_size=1, max_size=6), st.floats(1.0, 512.0))
def test_more_points_never_widen(catalog: Catalog, batches: list[float], at: float) -> None:
    widths = [
        moved(places(*batches[:k]), [0.1] * k, places(at), catalog.shrinkage["inference"]).sigma[0]
        for k in range(len(batches) + 1)
    ]
    assert all(b <= a + 1e-9 for a, b in pairwise(widths))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_the_covariance_is_one(catalog: Catalog, data: st.DataObject) -> None:
    prior = catalog.shrinkage["inference"]
    quantities = data.draw(
        st.lists(st.sampled_from(["throughput", "tpot", "ttft", "power"]), min_size=2, max_size=8)
    )
    parts = [
        places(data.draw(st.floats(1, 512)), gpu=data.draw(st.sampled_from(["a", "b"])), quantity=q)
        for q in quantities
    ]
    matrix = covariance(Places.join(parts), Places.join(parts), prior)
    assert np.allclose(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_three_points_pull_a_wrong_deployment_near(prior: Shrinkage) -> None:
    known, errors = places(8.0, 32.0, 128.0), [0.3] * 3
    here = moved(known, errors, places(64.0), prior)
    assert here.log_factor[0] == pytest.approx(0.3, abs=0.04)
    assert here.sigma[0] < 0.12


def test_the_farther_the_less(prior: Shrinkage) -> None:
    known, errors = places(8.0, 32.0, 128.0), [0.3] * 3
    ever_farther = [
        places(64.0),
        places(4096.0),
        places(64.0, model="qwen"),
        places(64.0, gpu="l40s"),
        places(64.0, engine="sglang 0.5"),
    ]
    found = [moved(known, errors, target, prior) for target in ever_farther]
    factors = [float(f.log_factor[0]) for f in found]
    assert factors == sorted(factors, reverse=True)
    assert factors[3] < 0.4 * factors[0]
    assert factors[4] == 0.0
    sigmas = [float(f.sigma[0]) for f in found]
    assert sigmas == sorted(sigmas)
    assert sigmas[4] == 0.25


def test_a_rate_that_is_higher_means_a_latency_that_is_lower(prior: Shrinkage) -> None:
    for quantity in ("tpot", "ttft"):
        found = moved(places(32.0), [0.2], places(32.0, quantity=quantity), prior)
        assert -0.2 < found.log_factor[0] < 0.0


def test_watts_say_nothing_of_speed(prior: Shrinkage) -> None:
    found = moved(places(32.0, quantity="power"), [0.2], places(32.0), prior)
    assert found.log_factor[0] == 0.0
    assert found.sigma[0] == 0.25


def test_nothing_known_moves_nothing(prior: Shrinkage) -> None:
    found = moved(places(), [], places(32.0), prior, 0.2)
    assert (found.log_factor[0], found.sigma[0]) == (0.0, 0.2)


def test_one_job_moves_another_as_much_as_its_stack_is_trusted(catalog: Catalog) -> None:
    prior = catalog.shrinkage["training"]
    trust = catalog.coefficients.training["kernel"]["all"]["calibration_trust"]
    known, other = places(64.0, quantity="speed"), places(64.0, quantity="step", model="qwen")
    found = moved(known, [0.2], other, prior)
    assert found.log_factor[0] == pytest.approx(-0.2 * trust, rel=0.05)


@pytest.mark.parametrize(("model", "tp", "pp"), [(BIG, 4, 2), (MOE, 4, 1)])
def test_faster_divides_every_time(
    deploy: Callable[..., Deployment], model: str, tp: int, pp: int
) -> None:
    dep = deploy(model, tp=tp, pp=pp, weights="fp8")
    quick = faster(dep, np.array([1.3]))
    for load in (
        lambda d: loads.closed_loop(d, 2000.0, 300.0, 64.0),
        lambda d: loads.burst(d, 1000.0, 200.0, 300.0, spread=1.0),
        lambda d: loads.single_stream(d, 1000.0, 200.0),
    ):
        before, after = load(dep), load(quick)
        assert after.output_tokens_per_s[0] == pytest.approx(1.3 * before.output_tokens_per_s[0])
        for name in ("ttft_s", "tpot_s", "e2e_s"):
            assert getattr(after, name)[0] == pytest.approx(getattr(before, name)[0] / 1.3)
    assert memory(quick, 1000.0, 100.0).batch_max == memory(dep, 1000.0, 100.0).batch_max


def test_one_origin_moves_strangers_by_little_and_several_add_up(prior: Shrinkage) -> None:
    """A label that is wrong by four GPUs, and four files of four models that agree."""
    other = places(32.0, gpu="l40s")
    models = [places(8.0, 64.0, model=f"m{k}", gpu=f"g{k}") for k in range(4)]
    wrong = moved(models[0], [1.4, 1.4], other, prior)
    assert 0.0 < wrong.log_factor[0] < np.log(1.05)
    assert wrong.explained[0] < 0.05
    same = moved(models[0], [1.4, 1.4], places(32.0, gpu="g0", model="m9"), prior)
    assert wrong.log_factor[0] < same.log_factor[0] < np.log(1.05)
    assert moved(models[0], [1.4, 1.4], places(32.0, gpu="g0", model="m0"), prior).log_factor[0] > 1
    many = Places.join(models)
    agreeing = moved(many, [0.2] * 8, other, prior)
    assert agreeing.log_factor[0] > 2.0 * np.log(1.035)
    target = np.full(1, 0.25)
    one_file = shift(many, np.full(8, 0.2), other, target, prior, np.zeros(8, dtype=np.int64))
    assert one_file.log_factor[0] < np.log(1.04)
