"""Jobs that are interrupted: how much of the paid time is useful, when they finish, what it costs.

M is the mean time to interruption of the whole job, C the time a checkpoint stalls it, R the time
to detect a loss, restart and reload, tau the interval between checkpoints. All rates are in hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpumix.units import GIGA, HOURS_PER_DAY, HOURS_PER_MONTH, SECONDS_PER_HOUR
from gpumix.values import Value, choose, exp

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.9."""


def mean_time_to_interruption_h(interruptions_per_gpu_hour: Value, gpus: Value) -> Value:
    """Mean time to interruption of a job on n GPUs that fail independently: 1 / (lambda n).

    On spot capacity losses come together: use the zone's mean up-time, whatever n is.

    Args:
        interruptions_per_gpu_hour: rate lambda [1/h].
        gpus: GPUs n, each of which stops the whole job.

    Source: Llama 3 (arXiv 2407.21783), 19.7 per million GPU-hours: 3.1 h on 16,384 GPUs.

    >>> round(mean_time_to_interruption_h(19.7e-6, 16384.0), 1)
    3.1
    """
    return 1.0 / (interruptions_per_gpu_hour * gpus)


def young_interval_h(checkpoint_h: Value, mtti_h: Value) -> Value:
    """Interval between checkpoints that loses the least time: sqrt(2 C M).

    Args:
        checkpoint_h: stall C of one checkpoint [h].
        mtti_h: mean time M to interruption [h].

    Source: Young 1974, a first order approximation to the optimum checkpoint interval.

    >>> young_interval_h(0.02, 100.0)
    2.0
    """
    interval: Value = (2.0 * checkpoint_h * mtti_h) ** 0.5
    return interval


def goodput(checkpoint_h: Value, restart_h: Value, mtti_h: Value) -> Value:
    """Useful share of the time held, W / E, with checkpoints at Young's interval.

    g = e^(-R/M) * tau / (tau + C) * x / (e^x - 1) with x = (tau + C) / M; 1 without
    interruptions (M infinite), e^(-R/M) where checkpoints are free.

    Args:
        checkpoint_h: stall C of one checkpoint [h].
        restart_h: detect, restart and reload R [h].
        mtti_h: mean time M to interruption [h].

    Source: Young 1974 and Daly 2006; docs/training.md, "Interruptions and deadlines"
        (spot, M = 1 h: 70 %).

    >>> round(goodput(60 / 3600, 600 / 3600, 1.0), 2)
    0.7
    """
    interval: Value = (
        2.0 * checkpoint_h / mtti_h
    ) ** 0.5  # tau / M; tau / (tau + C) = 1 / (1 + this / 2)
    segment = interval + checkpoint_h / mtti_h
    some = segment > 0.0
    kept: Value = choose(some, segment / np.expm1(choose(some, segment, 1.0)), 1.0)
    return exp(-restart_h / mtti_h) * kept / (1.0 + interval / 2.0)


@dataclass(frozen=True, slots=True)
class Finish:
    """When a job is done, counted from when it is asked for [h]; `held_h` of it is paid."""

    expected_h: float
    p50_h: float
    p90_h: float
    held_h: float


def finish(
    work_h: float,
    checkpoint_h: float,
    restart_h: float,
    mtti_h: float,
    availability: float = 1.0,
    *,
    startup_h: float = 0.0,
    queue_h: float = 0.0,
    log_sd: float = 0.0,
) -> Finish:
    """Calendar time of a job, expected, P50 and P90: queue + start-up + W / (a g), and its spread.

    The time is work plus a random number of setbacks, taken as Poisson with mean N = W / (g M).
    A setback loses L (restart, and half a checkpoint interval on average) and, where capacity
    comes and goes, waits D, exponential with mean w = M (1 - a) / a, so that capacity is up a
    share a of the time. Variance N E[(L + D)^2], skewness g1 = N E[(L + D)^3] / sd^3; a quantile
    is mean + sd (z + (z^2 - 1) g1 / 6). The error of the predicted speed adds in quadrature:
    P90 - mean = hypot(setbacks, mean (e^(z s) - 1)). Approximations: the loss is uniform over the
    interval, setbacks are independent, g1 counts up to 2; with fewer than about one expected
    setback the quantiles of setbacks are rough, mostly on the late side.

    Args:
        work_h: undisturbed time W [h].
        checkpoint_h: stall C of one checkpoint [h].
        restart_h: detect, restart and reload R [h].
        mtti_h: mean time M to interruption; on spot the zone's mean up-time [h].
        availability: share a of the time in which capacity can be had, 0-1 [1].
        startup_h: from holding the GPUs to the first step, paid [h].
        queue_h: wait for quota or capacity before that, not paid [h].
        log_sd: standard deviation s of the log of the predicted speed [1].

    Source: compound Poisson sums; Cornish and Fisher 1938 for the quantiles; docs/training.md,
        "Interruptions and deadlines".

    >>> done = finish(100.0, 60 / 3600, 600 / 3600, 4.0, availability=0.5)
    >>> round(done.expected_h), round(done.p50_h), round(done.p90_h), round(done.held_h)
    (229, 227, 271, 114)
    """
    held_h = work_h / goodput(checkpoint_h, restart_h, mtti_h)
    running_h = held_h / availability
    sd_h, skew = (0.0, 0.0)
    if not np.isinf(mtti_h):
        sd_h, skew = _setbacks(held_h, checkpoint_h, restart_h, mtti_h, availability)
    setbacks_h = sd_h * (Z90 + (Z90**2 - 1.0) * skew / 6.0)
    slower_h = running_h * (exp(Z90 * log_sd) - 1.0)
    begin_h = queue_h + startup_h
    return Finish(
        begin_h + running_h,
        begin_h + max(running_h - sd_h * skew / 6.0, work_h),
        begin_h + running_h + float(np.hypot(setbacks_h, slower_h)),
        startup_h + held_h,
    )


def _setbacks(
    held_h: float, checkpoint_h: float, restart_h: float, mtti_h: float, availability: float
) -> tuple[float, float]:
    """Standard deviation [h] and skewness (at most 2) of the time that setbacks add."""
    segment_h = young_interval_h(checkpoint_h, mtti_h) + checkpoint_h
    loss_h = restart_h + segment_h / 2.0
    wait_h = mtti_h * (1.0 - availability) / availability
    loss_square = loss_h**2 + segment_h**2 / 12.0
    loss_cube = loss_h**3 + loss_h * segment_h**2 / 4.0
    square = loss_square + 2.0 * loss_h * wait_h + 2.0 * wait_h**2
    cube = loss_cube + 3.0 * loss_square * wait_h + 6.0 * loss_h * wait_h**2 + 6.0 * wait_h**3
    expected = held_h / mtti_h
    sd_h = (expected * square) ** 0.5
    return sd_h, min(expected * cube / sd_h**3, 2.0) if sd_h > 0.0 else 0.0


def checkpoint_stall_h(
    checkpoint_bytes: Value, storage_bytes_per_s: Value, pause_h: Value, asynchronous: bool = False
) -> Value:
    """Time a checkpoint stops the job: pause + bytes / bandwidth; the pause alone where it is
    written beside the work.

    Args:
        checkpoint_bytes: weights and optimizer states that are saved [byte].
        storage_bytes_per_s: what the job's nodes write to storage together [byte/s].
        pause_h: barrier and copy to host memory [h].
        asynchronous: whether the job goes on while the copy is written.

    Source: BLOOM wrote 2.3 TB in 40 s (bigscience-workshop/bigscience, the 176B chronicles).

    >>> round(checkpoint_stall_h(2.3e12, 57.5e9, 0.0) * 3600)
    40
    """
    return (
        pause_h
        if asynchronous
        else pause_h + checkpoint_bytes / storage_bytes_per_s / SECONDS_PER_HOUR
    )


def storage_usd(stored_bytes: Value, hours: Value, usd_per_gb_month: Value) -> Value:
    """Cost of keeping data in object storage: GB x months x price.

    Args:
        stored_bytes: what is kept [byte].
        hours: for how long [h]; a month is 730 h.
        usd_per_gb_month: price [USD/GB-month].

    Source: docs/training-jobs.md, "What a run costs".

    >>> round(storage_usd(1e12, 730.0, 0.023), 2)
    23.0
    """
    return stored_bytes / GIGA * hours / HOURS_PER_MONTH * usd_per_gb_month


def break_even_value_of_time(
    usd_slow: Value, hours_slow: Value, usd_fast: Value, hours_fast: Value
) -> Value:
    """Value of an hour of calendar time from which the faster, dearer way wins: dUSD / dh.

    Args:
        usd_slow: cost of the slower run [USD].
        hours_slow: its calendar time [h].
        usd_fast: cost of the faster run [USD].
        hours_fast: its calendar time, below the slower's [h].

    Source: docs/training-jobs.md, "Who wins at which value of time".

    >>> break_even_value_of_time(1000.0, 48.0, 1600.0, 24.0) * 24
    600.0
    """
    return (usd_fast - usd_slow) / (hours_slow - hours_fast)


def value_of_wait_usd(usd_per_day: Value, calendar_h: Value) -> Value:
    """What waiting for a run is worth, beside its cash: v T / 24.

    Args:
        usd_per_day: the user's value v of a calendar day [USD/day].
        calendar_h: calendar time T from asking for capacity to the result [h].

    Source: docs/training-jobs.md, "What a run costs".

    >>> value_of_wait_usd(5000.0, 36.0)
    7500.0
    """
    return usd_per_day * calendar_h / HOURS_PER_DAY


def break_even_price_ratio(
    gpu_hours_x: Value,
    gpu_hours_y: Value,
    calendar_h_x: Value,
    calendar_h_y: Value,
    delay_usd_per_hour: Value,
    usd_per_gpu_hour_y: Value,
) -> Value:
    """Price ratio p_X / p_Y below which X beats Y, whatever their gangs and terms.

    H_Y / H_X + v (T_Y - T_X) / (p_Y H_X)

    Args:
        gpu_hours_x: GPU-hours H_X that the run of X pays for [h].
        gpu_hours_y: those of Y [h].
        calendar_h_x: calendar time T_X of the run [h].
        calendar_h_y: that of Y [h].
        delay_usd_per_hour: value v of an hour of calendar time [USD/h].
        usd_per_gpu_hour_y: price p_Y of Y [USD/h].

    On as many GPUs n, and nothing but work to wait for, it is s + (s - 1) v / (n p_Y) with s = H_Y
    / H_X; without a value of time the speed-up s itself.

    Source: p_X H_X + v T_X = p_Y H_Y + v T_Y; docs/training.md, "Cost of a run" (H100 over A100,
        bf16 LLM: 2.16).

    >>> break_even_price_ratio(80.0, 80.0 * 2.16, 10.0, 21.6, 0.0, 1.5)
    2.16
    >>> round(break_even_price_ratio(80.0, 80.0 * 2.16, 10.0, 21.6, 12.0, 1.5), 2)
    3.32
    """
    saved_usd = delay_usd_per_hour * (calendar_h_y - calendar_h_x)
    return (gpu_hours_y + saved_usd / usd_per_gpu_hour_y) / gpu_hours_x


def spot_price_ceiling(goodput_spot: Value, goodput_on_demand: Value) -> Value:
    """Spot price over on-demand price below which spot costs less: g_spot / g_on_demand.

    Args:
        goodput_spot: goodput on spot capacity, 0-1 [1].
        goodput_on_demand: goodput on capacity that stays, 0-1 [1].

    Source: docs/training.md, "Cost of a run".

    >>> spot_price_ceiling(0.7, 1.0)
    0.7
    """
    return goodput_spot / goodput_on_demand
