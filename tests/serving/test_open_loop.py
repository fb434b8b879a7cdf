"""The closed form of an open loop beside the simulator, and what must hold of its shares."""

from __future__ import annotations

import numpy as np
import pytest

from gpumix.catalog import load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Slo
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.serving.kept import percentile_of
from gpumix.serving.open_loop import OpenLoop, open_loop
from gpumix.serving.simulator.simulation import simulate
from gpumix.serving.simulator.steptable import step_table
from gpumix.serving.traffic import draw

CATALOG = load()
MODEL, GPU = "meta-llama/Llama-3.1-8B-Instruct", "h100-sxm-80gb"


def deployed(engine: str) -> Deployment:
    setup = Setup(CATALOG.models[MODEL], CATALOG.gpus[GPU], engine)
    return deployments([setup], CATALOG.coefficients)


def looped(dep: Deployment, prompt: float, answer: float, batch: float) -> OpenLoop:
    sizes = Lengths(prompt, 0.0), Lengths(answer, 0.0)
    return open_loop(dep, *sizes, 1.0, 0.0, np.array([batch]))


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize(("prompt", "answer", "batch"), [(512, 256, 20.0), (8000, 100, 1.5)])
def test_it_agrees_with_the_simulator(
    engine: str, prompt: float, answer: float, batch: float
) -> None:
    dep = deployed(engine)
    loop = looped(dep, prompt, answer, batch)
    rate = float(loop.requests_per_s[0])
    stream = draw(8000, rate, Lengths(prompt, 0.0), Lengths(answer, 0.0))
    ran = simulate(stream, step_table(dep, prompt, answer))
    for metric in ("ttft", "tpot"):
        for quantile in (0.5, 0.95):
            seen = percentile_of([(ran, 1.0)], Slo(metric, quantile, 1.0))
            assert float(loop.quantile_s(metric, quantile)[0]) == pytest.approx(seen, rel=0.2)


def test_shares_rise_with_the_limit_and_meet_the_quantile() -> None:
    loop = looped(deployed("vllm"), 2000.0, 300.0, 10.0)
    for metric in ("ttft", "tpot"):
        shares = [float(loop.within(metric, s)[0]) for s in np.geomspace(1e-4, 100.0, 60)]
        assert shares == sorted(shares)
        assert shares[0] == pytest.approx(0.0, abs=1e-6)
        assert shares[-1] == pytest.approx(1.0)
        at = loop.quantile_s(metric, 0.9)
        assert float(loop.within(metric, at)[0]) == pytest.approx(0.9, abs=0.01)


def test_answers_of_one_token_have_no_time_between_tokens() -> None:
    loop = looped(deployed("vllm"), 1000.0, 1.0, 1.0)
    assert float(loop.tpot_share(1e-6)[0]) == 1.0
