"""Images are planned at the quantile of their own prediction that the workload asks for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_options_pooled import PICTURES, steady

from gpumix.catalog import load
from gpumix.domain.workload import Slo
from gpumix.options.media import picture_options
from gpumix.options.option import Option

CATALOG = load()


def one(gpu: str, confidence: float, limit_s: float = 60.0) -> Option:
    asked = replace(
        PICTURES,
        demand=steady(100.0),
        slos=(Slo("e2e", 0.95, limit_s),),
        confidence=confidence,
    )
    model = CATALOG.models[PICTURES.model]
    gpus = [CATALOG.gpus[gpu]]
    [found] = picture_options(asked, model, gpus, {gpu: 1}, CATALOG.coefficients)
    return found


def time_s(option: Option) -> float:
    assert option.server is not None
    return float(np.mean(option.server.times_s))


@pytest.mark.parametrize(("confidence", "z"), [(0.5, 0.0), (0.8, 0.8416), (0.95, 1.6449)])
def test_a_confidence_is_a_quantile_of_the_interval(confidence: float, z: float) -> None:
    sigma = CATALOG.coefficients.inference["sigma"]["quantity"]["media"]
    middle, asked = one("h100-sxm-80gb", 0.5), one("h100-sxm-80gb", confidence)
    assert time_s(asked) / time_s(middle) == pytest.approx(math.exp(z * sigma), rel=1e-3)
    assert asked.rate == middle.rate  # the prediction itself is the same


def test_more_confidence_never_does_more() -> None:
    rates = [one("h100-sxm-80gb", c).units_per_hour for c in (0.5, 0.8, 0.9, 0.95)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]


def test_a_limit_out_of_reach_at_the_confidence_says_so() -> None:
    limit_s = 1.1 * time_s(one("h100-sxm-80gb", 0.5))
    assert one("h100-sxm-80gb", 0.5, limit_s).serves
    refused = one("h100-sxm-80gb", 0.9, limit_s)
    assert "at the confidence of 0.9" in refused.reason


def test_an_architecture_that_no_measurement_covers_is_less_certain() -> None:
    def doubt(gpu: str) -> float:
        return time_s(one(gpu, 0.8)) / time_s(one(gpu, 0.5))

    unmeasured = next(
        gpu.id
        for gpu in CATALOG.gpus.values()
        if gpu.architecture not in CATALOG.coefficients.media["architecture"]
        and one(gpu.id, 0.5).serves
    )
    assert doubt(unmeasured) > doubt("h100-sxm-80gb")
