"""What a promise is measured on: the settled middle of a run, at the promise's quantile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_replica import made_up_table

from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import RequestClass, Slo, Tier
from gpumix.serving.capacity import Traffic
from gpumix.serving.kept import reached
from gpumix.serving.simulated_capacity import (
    attainment,
    capacity_by_simulation,
    quantile_s,
    settled,
    settled_times,
)
from gpumix.serving.simulator.simulation import Outcome, simulate
from gpumix.serving.traffic import draw, stream

TABLE = made_up_table(3, chunk_tokens=64, max_sequences=8, kv_blocks=80)
TRAFFIC = Traffic(Lengths(40.0, 0.5), Lengths(20.0, 0.5), 1.0)


@pytest.fixture(scope="module")
def found() -> Outcome:
    return simulate(draw(4000, 4.0, TRAFFIC.input, TRAFFIC.output), TABLE)


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
def test_the_quantile_is_the_least_time_that_so_many_requests_keep(
    found: Outcome, quantile: float
) -> None:
    times = found.ttft_s[settled(found)]
    reached = quantile_s(found, Slo("ttft", quantile, 1.0))
    assert np.mean(times <= reached) >= quantile > np.mean(times < reached)


def test_the_ends_of_a_run_are_left_out_but_never_more_than_three_eighths(found: Outcome) -> None:
    """Twice as many requests as run together, at the start; half as many at the end."""
    running = found.sequence_s.sum() / found.clock_s.max()
    edge = int(2.0 * running) + 1
    assert 3 <= edge <= 100
    assert settled(found) == slice(edge, 4000 - edge // 2)
    crowd = simulate(stream(np.zeros(40), 8, 60), TABLE)
    assert settled(crowd) == slice(10, 35)


def test_the_search_ends_when_the_rate_is_known_within_its_tolerance() -> None:
    slos = (Slo("ttft", 0.95, 1.0),)
    coarse, fine = (
        capacity_by_simulation(TABLE, TRAFFIC, slos, 4.0, tolerance=t) for t in (0.1, 0.001)
    )
    assert coarse.runs < fine.runs
    assert coarse.requests_per_s == pytest.approx(fine.requests_per_s, rel=0.1)
    assert coarse.runs <= 10


def test_a_promise_to_a_class_is_measured_on_its_requests_alone() -> None:
    long = RequestClass("long", 0.1, Lengths(60.0, 0.0), Lengths(60.0, 0.0), Tier.STANDARD)
    short = RequestClass("short", 0.9, Lengths(20.0, 0.0), Lengths(10.0, 0.0), Tier.PREMIUM)
    mixed = replace(TRAFFIC, classes=(long, short))
    run = simulate(draw(4000, 2.0, mixed.input, mixed.output, classes=mixed.classes), TABLE)
    assert run.of_class is not None
    part = settled(run)
    for name in ("long", "short"):
        own = run.e2e_s[part][run.of_class[part] == name]
        slo = Slo("e2e", 0.5, 1.0, name)
        assert settled_times(run, slo).tolist() == own.tolist()
        kept = attainment(run, [replace(slo, limit_s=float(np.median(own)))])
        others = np.mean(run.of_class != name)
        assert kept == pytest.approx(others + (1.0 - others) / 2.0, abs=0.02)
    long_s = quantile_s(run, Slo("e2e", 0.5, 1.0, "long"))
    short_s = quantile_s(run, Slo("e2e", 0.5, 1.0, "short"))
    assert long_s > 3.0 * short_s
    assert reached([(run, 1.0)], Slo("e2e", 0.5, 1.0, "long")).requests < 600

    def carried(limit_s: float) -> float:
        slos = (Slo("e2e", 0.95, limit_s, "short"), Slo("e2e", 0.95, 1e3, "long"))
        return capacity_by_simulation(TABLE, mixed, slos, 2.0).requests_per_s

    assert carried(4.0 * short_s) > 1.2 * carried(1.5 * short_s) > 0.0
