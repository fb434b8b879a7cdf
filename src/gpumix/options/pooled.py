"""What queued options really sustain in pools as large as the busiest hour needs, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpumix.domain.workload import Workload
from gpumix.options.option import Option, beaten, undominated
from gpumix.serving.pools import fewest, pool_rate, reached, times_of
from gpumix.units import SECONDS_PER_HOUR


def by_simulation(workload: Workload, options: Sequence[Option]) -> list[Option]:
    """The options with what simulated pools sustain where no other of its GPU beats one.

    Those that are beaten already, or cannot serve, stay out, and say why.
    """
    able = {id(option) for option in undominated(options)}
    return [
        _simulated(workload, option) if id(option) in able else beaten(option) for option in options
    ]


def _simulated(workload: Workload, option: Option) -> Option:
    demand, server = workload.demand, option.server
    if demand is None or server is None:
        return option
    peak_per_s = max(demand.units_per_hour) / SECONDS_PER_HOUR
    replicas = fewest(server, peak_per_s)
    per_hour = pool_rate(server, replicas) * SECONDS_PER_HOUR if replicas else 0.0
    if per_hour <= 0.0:
        return replace(option, reason="misses its latency limits at every load in simulation")
    times_s = times_of({server: replicas}, peak_per_s)
    checks = tuple(
        replace(
            check,
            predicted=check.predicted.scaled(
                reached(times_s, slo).quantile_s / server.slowdown / check.predicted.value
            ),
            kept=True,
        )
        for check, slo in zip(option.slos, server.slos, strict=True)
    )
    return replace(option, units_per_hour=per_hour, peak_replicas=replicas, slos=checks)
