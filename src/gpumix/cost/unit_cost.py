"""From USD per hour to what a unit of work costs, and which GPU wins from which load on."""

from __future__ import annotations

import numpy as np

from gpumix.units import MEGA, SECONDS_PER_HOUR
from gpumix.values import Value, choose


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
        usd_per_million(usd_per_s * prefill_s, input_tokens),
        usd_per_million(usd_per_s * decode_s, output_tokens),
    )


def usd_per_million(usd: Value, tokens: Value) -> Value:
    """Cost of a million tokens from a sum and a count: USD / tokens * 1e6.

    Without tokens the cost is undefined (nan).

    Args:
        usd: cost of all the tokens, idle hours included [USD].
        tokens: number of tokens; whose is the caller's choice.

    Source: as `usd_per_mtok`, with what is paid and done in place of the rates.

    >>> usd_per_million(87500.0, 175e9)
    0.5
    """
    some = np.asarray(tokens) > 0.0
    return choose(some, usd * MEGA / choose(some, tokens, 1.0), np.nan)


def usd_per_unit(usd: Value, units: Value) -> Value:
    """Cost of a unit of work (a run, an image, a video): USD / units.

    Args:
        usd: cost of all the units, idle hours included [USD]; or of an hour [USD/h].
        units: number of units; or those of an hour [1/h].

    Source: definition of unit cost.

    >>> usd_per_unit(3600.0, 120.0)
    30.0
    """
    return usd / units


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
