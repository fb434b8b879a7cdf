"""What custom work does on each GPU: the team's own rates, planned over their spread."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from test_options_pooled import PICTURES, steady

from gpumix.catalog import load
from gpumix.domain.custom import MeasuredRate
from gpumix.domain.evidence import Basis
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Kind, Slo, Workload
from gpumix.options.custom import custom_options
from gpumix.options.option import Option
from gpumix.perf.interval import Z80
from gpumix.units import SECONDS_PER_HOUR

CATALOG = load()
WAITS = replace(
    PICTURES,
    kind=Kind.CUSTOM,
    model="",
    precisions=(),
    engine="",
    demand=steady(100.0),
    slos=(),
    confidence=0.8,
    rates=(MeasuredRate("l40s-48gb", 1200.0, cv=0.2), MeasuredRate("h100-sxm-80gb", 9000.0, 8)),
    unit_name="frame",
)
SERVED = replace(WAITS, slos=(Slo("e2e", 0.95, 12.0),))


def options(workload: Workload, largest: int = 8) -> dict[str, Option]:
    names = ("l40s-48gb", "h100-sxm-80gb", "l4-24gb")
    gpus = [CATALOG.gpus[name] for name in names]
    found = custom_options(workload, gpus, dict.fromkeys(names, largest))
    return {option.gpu: option for option in found}


def with_time_cv(workload: Workload, cv: float) -> Workload:
    assert workload.demand is not None
    return replace(workload, demand=replace(workload.demand, input=Lengths(0.0, cv)))


def test_work_that_may_wait_is_planned_at_the_rate_over_its_spread() -> None:
    found = options(WAITS)["l40s-48gb"]
    sigma = math.sqrt(math.log(1.0 + 0.2**2))  # of the log of a log-normal with this cv
    assert found.units_per_hour == pytest.approx(1200.0 * math.exp(-0.8416 * sigma), rel=1e-3)
    assert found.rate is not None
    assert (found.rate.value, found.rate.basis) == (1200.0, Basis.MEASURED)
    assert found.rate.high == pytest.approx(1200.0 * math.exp(Z80 * sigma))
    assert found.sigma == pytest.approx(sigma)
    middle = options(replace(WAITS, confidence=0.5))["l40s-48gb"]
    assert middle.units_per_hour == pytest.approx(1200.0)


def test_a_rate_of_several_gpus_is_that_of_one_replica() -> None:
    whole = options(WAITS)["h100-sxm-80gb"]
    assert (whole.gpus, whole.serves) == (8, True)
    assert whole.units_per_hour > 8000.0
    small = options(WAITS, largest=4)["h100-sxm-80gb"]
    assert small.reason == "its rate is that of 8 GPUs together, an instance has 4 at most"


def test_a_gpu_without_a_rate_says_so() -> None:
    assert options(WAITS)["l4-24gb"].reason == "`rates` of the workload has none of it"


def test_a_queue_carries_less_than_the_rate_and_more_with_a_looser_limit() -> None:
    rates = [
        options(replace(WAITS, slos=(Slo("e2e", 0.95, limit_s),)))["l40s-48gb"].units_per_hour
        for limit_s in (6.0, 12.0, 60.0)
    ]
    assert rates == sorted(rates)
    assert 0.0 < rates[0] < rates[-1] < options(WAITS)["l40s-48gb"].units_per_hour


def test_units_of_unlike_times_need_more() -> None:
    rates = [
        options(with_time_cv(SERVED, cv))["l40s-48gb"].units_per_hour for cv in (0.0, 0.3, 0.6)
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1] > 0.0
    server = options(with_time_cv(SERVED, 0.6))["l40s-48gb"].server
    assert server is not None
    assert server.mean_s / server.slowdown == pytest.approx(SECONDS_PER_HOUR / 1200.0)
    assert server.times_s.std() / server.mean_s == pytest.approx(0.6, rel=0.05)


def test_a_unit_that_takes_longer_than_promised_is_refused_with_its_time() -> None:
    found = options(replace(WAITS, slos=(Slo("e2e", 0.95, 2.0),)))["l40s-48gb"]
    assert not found.serves
    assert found.shortfall > 1.0
    assert "one frame takes 3.54 s in the mean at the confidence of 0.8" in found.reason
