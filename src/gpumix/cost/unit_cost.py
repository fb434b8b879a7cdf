"""From USD per hour to what a unit of work costs, and which GPU wins from which load on."""

from __future__ import annotations

import numpy as np

from gpumix.cost.values import Value, choose
from gpumix.units import MEGA, SECONDS_PER_HOUR


def usd_per_mtok(usd_per_hour: Value, tokens_per_s: Value, utilisation: Value) -> Value:
    """Cost of a million tokens: USD/h / (tokens/s * utilisation * 3600) * 1e6.

    Args:
        usd_per_hour: what the machine costs, used or not [USD/h].
        tokens_per_s: what it makes at full load [1/s].
        utilisation: mean share of that which is asked of it, 0-1 [1].

    Source: NVIDIA, LLM inference benchmarking: how much does your LLM inference cost.

    >>> round(usd_per_mtok(2.0, 1000.0, 0.5), 3)
    1.111
    """
    return usd_per_hour * MEGA / (tokens_per_s * utilisation * SECONDS_PER_HOUR)


def split_by_ratio(
    usd: Value, input_tokens: Value, output_tokens: Value, output_to_input_price: Value
) -> tuple[Value, Value]:
    """USD per M input and output tokens at a price ratio k: p_in = T/(in + k out), p_out = k p_in.

    Args:
        usd: cost T of all the tokens [USD].
        input_tokens: number of input tokens.
        output_tokens: number of output tokens.
        output_to_input_price: k; NVIDIA's example takes 3 [1].

    Source: NVIDIA, LLM inference benchmarking: how much does your LLM inference cost.

    >>> [round(p, 2) for p in split_by_ratio(87500.0, 139.065e9, 14.235e9, 3.0)]
    [0.48, 1.44]
    """
    usd_per_mtok_input = usd * MEGA / (input_tokens + output_to_input_price * output_tokens)
    return usd_per_mtok_input, output_to_input_price * usd_per_mtok_input


def split_by_time(
    usd: Value, prefill_s: Value, decode_s: Value, input_tokens: Value, output_tokens: Value
) -> tuple[Value, Value]:
    """Costs (USD/M input, USD/M output) by the busy time each kind takes.

    Prefill makes the input tokens' state, decode the output tokens: each bears the share of the
    cost that its time has in prefill + decode. Without output tokens nothing is decoded: their
    cost is undefined (nan), and likewise without input tokens.

    Args:
        usd: cost of all the tokens [USD].
        prefill_s: busy time in prefill [s].
        decode_s: busy time in decode [s].
        input_tokens: number of input tokens.
        output_tokens: number of output tokens.

    Source: cost follows machine time, as in activity-based costing (Kaplan and Anderson 2004).

    >>> split_by_time(10.0, 1.0, 4.0, 1e6, 0.5e6)
    (2.0, 16.0)
    """
    usd_per_s = usd / (prefill_s + decode_s)
    return (
        _per_million(usd_per_s * prefill_s, input_tokens),
        _per_million(usd_per_s * decode_s, output_tokens),
    )


def usd_per_run(usd_per_hour: Value, held_h: Value, programme_factor: Value) -> Value:
    """Cash for the GPUs of one run of a job and its programme: R H f.

    Args:
        usd_per_hour: what the gang costs, R = p n on n GPUs at a price p [USD/h].
        held_h: time H it is held for a run: start-up, and work over goodput [h]; see
            `cost.jobs.finish`.
        programme_factor: work f of sweeps, failed attempts and the run over the run's own [1].

    Source: docs/training-jobs.md, "What a run costs".

    >>> usd_per_run(16.0, 12.5, 1.3)
    260.0
    """
    return usd_per_hour * held_h * programme_factor


def usd_per_sample(usd_per_hour: Value, samples_per_s: Value, utilisation: Value) -> Value:
    """Cost of one image or video: USD/h / (samples/s * utilisation * 3600).

    Args:
        usd_per_hour: what the machine costs, used or not [USD/h].
        samples_per_s: what it makes at full load [1/s].
        utilisation: mean share of that which is asked of it, 0-1 [1].

    Source: as `usd_per_mtok`, counted in samples.

    >>> usd_per_sample(3.6, 2.0, 0.5)
    0.001
    """
    return usd_per_hour / (samples_per_s * utilisation * SECONDS_PER_HOUR)


def break_even_utilisation(
    usd_per_hour_x: Value, usd_per_hour_y: Value, rate_x: Value, rate_y: Value
) -> Value:
    """Load of X above which it beats a fully used Y: (R_X / R_Y) / (T_X / T_Y).

    Above 1 X never wins: even full, it costs more per unit than Y full.

    Args:
        usd_per_hour_x: price R_X of X [USD/h].
        usd_per_hour_y: price R_Y of Y [USD/h].
        rate_x: what X makes at full load T_X [units/s].
        rate_y: what Y makes at full load T_Y [units/s].

    Source: equal cost per unit, R_X / (T_X u) = R_Y / T_Y, solved for u.

    >>> break_even_utilisation(4.0, 2.0, 3000.0, 1000.0)
    0.6666666666666666
    """
    return (usd_per_hour_x / usd_per_hour_y) / (rate_x / rate_y)


def _per_million(usd: Value, tokens: Value) -> Value:
    counted = np.asarray(tokens, dtype=float)
    some = counted > 0.0
    cost: Value = choose(some, usd * MEGA / np.where(some, counted, 1.0), np.nan)
    return cost
