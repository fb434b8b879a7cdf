"""Interrupted jobs: published goodputs, Daly's formula, and a simulation of the process."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost import jobs, unit_cost

SECOND, MINUTE = 1 / 3600, 1 / 60
LLAMA3 = 19.7e-6  # interruptions per GPU-hour, arXiv 2407.21783

times = st.floats(0.0, 5.0)


def _dalys_time_h(work_h, interval_h, checkpoint_h, restart_h, mtti_h):
    """Daly 2006: M e^(R/M) (e^((tau + C)/M) - 1) W / tau."""
    segment = (interval_h + checkpoint_h) / mtti_h
    return mtti_h * np.exp(restart_h / mtti_h) * np.expm1(segment) * work_h / interval_h


@pytest.mark.parametrize(
    ("gpus", "days"), [(8, 264), (64, 33), (512, 4.1), (1024, 49 / 24), (16384, 3.1 / 24)]
)
def test_mtti_of_llama3(gpus, days):
    assert jobs.mean_time_to_interruption_h(LLAMA3, gpus) / 24 == pytest.approx(days, rel=0.02)


@pytest.mark.parametrize(
    ("gpus", "checkpoint_s", "restart_min", "published"),
    [
        (64, 60, 15, 0.993),
        (512, 60, 15, 0.979),
        (16384, 60, 15, 0.83),
        (16384, 5, 10, 0.92),
    ],
)
def test_goodput_of_a_reserved_cluster(gpus, checkpoint_s, restart_min, published):
    mtti = jobs.mean_time_to_interruption_h(LLAMA3, float(gpus))
    ours = jobs.goodput(checkpoint_s * SECOND, restart_min * MINUTE, mtti)
    assert ours == pytest.approx(published, abs=0.005)


@pytest.mark.parametrize(("mtti", "published"), [(1.0, 0.70), (4.0, 0.87), (10.0, 0.93)])
def test_goodput_on_spot(mtti, published):
    assert jobs.goodput(60 * SECOND, 10 * MINUTE, mtti) == pytest.approx(published, abs=0.01)


def test_goodput_is_work_over_dalys_time():
    checkpoint, restart, mtti = 0.02, 0.25, 6.0
    interval = jobs.young_interval_h(checkpoint, mtti)
    held = _dalys_time_h(100.0, interval, checkpoint, restart, mtti)
    assert jobs.goodput(checkpoint, restart, mtti) == pytest.approx(100.0 / held)


def test_goodput_limits():
    assert jobs.goodput(0.02, 0.25, np.inf) == 1.0
    assert jobs.goodput(0.0, 0.0, 5.0) == 1.0
    assert jobs.goodput(0.0, 0.5, 5.0) == pytest.approx(np.exp(-0.1))
    many = jobs.goodput(np.array([0.0, 0.02]), np.array([0.5, 0.25]), np.array([5.0, 6.0]))
    assert many == pytest.approx([jobs.goodput(0.0, 0.5, 5.0), jobs.goodput(0.02, 0.25, 6.0)])


@settings(deadline=None, max_examples=80)
@given(times, times, st.floats(0.05, 1e6), st.floats(1.0, 10.0))
def test_goodput_is_a_share_and_reliability_helps(checkpoint, restart, mtti, better):
    useful = jobs.goodput(checkpoint, restart, mtti)
    assert 0.0 < useful <= 1.0
    assert jobs.goodput(checkpoint, restart, mtti * better) >= useful - 1e-12
    assert jobs.goodput(checkpoint, restart * better, mtti) <= useful + 1e-12
    assert jobs.goodput(checkpoint * better, restart, mtti) <= useful + 1e-12


def test_young_is_near_the_best_interval():
    intervals = np.geomspace(0.02, 20.0, 400)
    args = (np.full(400, x) for x in (0.02, 0.25, 20.0))
    held = _dalys_time_h(np.full(400, 100.0), intervals, *args)
    at_young = _dalys_time_h(100.0, jobs.young_interval_h(0.02, 20.0), 0.02, 0.25, 20.0)
    assert held.min() <= at_young <= held.min() * 1.001


def _simulated(rng, work_h, checkpoint_h, restart_h, mtti, availability):
    """One run: segments of tau + C, lost from the start of the segment; a wait, then R."""
    interval = jobs.young_interval_h(checkpoint_h, mtti)
    segments, clock = work_h / interval, 0.0
    while segments > 0.0:
        need = min(segments, 1.0) * (interval + checkpoint_h)
        starting = False
        while True:
            up = rng.exponential(mtti)
            if up >= need + (restart_h if starting else 0.0):
                clock += need + (restart_h if starting else 0.0)
                break
            clock += up + rng.exponential(mtti * (1.0 - availability) / availability)
            starting = True
        segments -= 1.0
    return clock


@pytest.mark.parametrize(("mtti", "availability"), [(20.0, 1.0), (4.0, 0.5)])
def test_finish_against_a_simulation(mtti, availability):
    rng = np.random.default_rng(7)
    args = (100.0, 60 * SECOND, 10 * MINUTE, mtti)
    runs = np.array([_simulated(rng, *args, availability) for _ in range(1500)])
    done = jobs.finish(*args, availability=availability)
    assert done.expected_h == pytest.approx(runs.mean(), rel=0.02)
    assert done.p50_h == pytest.approx(np.quantile(runs, 0.5), rel=0.02)
    assert done.p90_h == pytest.approx(np.quantile(runs, 0.9), rel=0.03)


def test_speed_that_is_uncertain_spreads_the_finish():
    """Interruptions and the error of the predicted speed, drawn together."""
    rng = np.random.default_rng(11)
    args, log_sd = (100.0, 60 * SECOND, 10 * MINUTE, 8.0), 0.12
    factors = np.exp(log_sd * rng.standard_normal(1500))
    runs = np.array([_simulated(rng, args[0] * f, *args[1:], 0.8) for f in factors])
    done = jobs.finish(*args, availability=0.8, log_sd=log_sd)
    assert done.p50_h == pytest.approx(np.quantile(runs, 0.5), rel=0.03)
    assert done.p90_h == pytest.approx(np.quantile(runs, 0.9), rel=0.03)


def test_queue_delays_and_start_up_is_paid():
    plain = jobs.finish(10.0, 0.01, 0.2, 50.0)
    begun = jobs.finish(10.0, 0.01, 0.2, 50.0, startup_h=0.5, queue_h=3.0)
    assert begun.expected_h == pytest.approx(plain.expected_h + 3.5)
    assert begun.p90_h == pytest.approx(plain.p90_h + 3.5)
    assert begun.held_h == pytest.approx(plain.held_h + 0.5)


def test_bloom_checkpoint():
    """2.3 TB in 40 s from 48 nodes: the row of planning.csv."""
    assert jobs.checkpoint_stall_h(2.3e12, 48 * 1.2e9, 0.0) * 3600 == pytest.approx(40.0, rel=0.01)
    assert jobs.checkpoint_stall_h(2.3e12, 48 * 1.2e9, 0.001, asynchronous=True) == 0.001


def test_value_of_time_makes_two_runs_equal():
    day = 24 * jobs.break_even_value_of_time(1000.0, 240.0, 1900.0, 96.0)
    assert 1000.0 + day * 10.0 == pytest.approx(1900.0 + day * 4.0)


def test_finish_without_interruptions():
    assert jobs.finish(10.0, 0.01, 0.2, np.inf) == jobs.Finish(10.0, 10.0, 10.0, 10.0)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 1e4), st.floats(0.5, 1e4), st.floats(0.05, 1.0), st.floats(0.01, 1.0))
def test_p90_is_after_the_mean_and_scarcity_delays(work_h, mtti, availability, scarcer):
    done = jobs.finish(work_h, 0.02, 0.2, mtti, availability)
    assert work_h <= done.expected_h * (1 + 1e-12)
    assert done.p90_h >= done.expected_h
    scarce = jobs.finish(work_h, 0.02, 0.2, mtti, availability * scarcer)
    assert scarce.expected_h >= done.expected_h * (1 - 1e-12)


@settings(deadline=None, max_examples=50)
@given(
    st.floats(1.0, 1e5),
    st.floats(1.0, 1e5),
    st.floats(1.0, 1e4),
    st.floats(1.0, 1e4),
    st.floats(0.0, 5000.0),
    st.floats(0.2, 10.0),
)
def test_break_even_price_ratio_equalises_the_bills(held_x, held_y, wait_x, wait_y, value, price_y):
    ratio = jobs.break_even_price_ratio(held_x, held_y, wait_x, wait_y, value / 24.0, price_y)
    x = unit_cost.usd_per_run(ratio * price_y, held_x, 1.0) + jobs.value_of_wait_usd(value, wait_x)
    y = unit_cost.usd_per_run(price_y, held_y, 1.0) + jobs.value_of_wait_usd(value, wait_y)
    assert x == pytest.approx(y, rel=1e-6)


@given(st.floats(1.05, 6.0), st.floats(0.0, 500.0), st.integers(1, 64), st.floats(0.2, 10.0))
def test_on_equal_gangs_the_break_even_is_the_published_formula(speedup, value, gpus, price_y):
    ratio = jobs.break_even_price_ratio(
        gpus * 10.0, gpus * 10.0 * speedup, 10.0, 10.0 * speedup, value, price_y
    )
    assert ratio == pytest.approx(speedup + (speedup - 1.0) * value / (gpus * price_y))


def test_spot_wins_exactly_below_its_ceiling():
    g_spot, g_firm = jobs.goodput(60 * SECOND, 10 * MINUTE, 1.0), 0.99
    ceiling = jobs.spot_price_ceiling(g_spot, g_firm)
    firm = unit_cost.usd_per_run(2.0 * 8.0, 50.0 / g_firm, 1.0)
    at = unit_cost.usd_per_run(2.0 * ceiling * 8.0, 50.0 / g_spot, 1.0)
    assert at == pytest.approx(firm)
