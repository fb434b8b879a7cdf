"""What data sheets, physics or kernel tables rule out, whatever the fit says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gpumix.catalog import Catalog
from gpumix.perf.clocks import clock_share
from gpumix.perf.inference import loads
from gpumix.perf.inference.constants import CONSUMER_BLACKWELL, kernel_architecture
from gpumix.perf.inference.deployment import Deployment

Deploy = Callable[..., Deployment]

SMALL, LARGE = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-70B-Instruct"
BATCHES = (1.0, 8.0, 64.0)


def rate(dep: Deployment, batch: float, input_len: float = 1000.0) -> float:
    found = loads.closed_loop(dep, np.array([input_len]), np.array([300.0]), np.array([batch]))
    return float(found.output_tokens_per_s[0])


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        ("h100-pcie-80gb", "h100-sxm-80gb"),
        ("h200-nvl-141gb", "h200-sxm-141gb"),
        ("a100-pcie-80gb", "a100-sxm-80gb"),
        ("h100-sxm-80gb", "h200-sxm-141gb"),
        ("v100-sxm-32gb", "a100-sxm-40gb"),
        ("t4-16gb", "l4-24gb"),
    ],
)
def test_a_part_with_less_of_everything_is_not_faster(
    deploy: Deploy, slower: str, faster: str
) -> None:
    for batch in BATCHES:
        for length in (200.0, 4000.0):
            weak, strong = (
                rate(deploy("Qwen/Qwen2.5-3B-Instruct", gpu, weights="fp16"), batch, length)
                for gpu in (slower, faster)
            )
            assert weak <= strong * 1.001, (batch, length)


def test_a_card_of_400_w_loses_where_compute_decides(deploy: Deploy) -> None:
    """H100 NVL has 17 % more bandwidth than SXM, so only few sequences of short prompts are faster
    there; its 400 W do not feed the same tensor cores."""
    for batch, length in ((64.0, 1000.0), (64.0, 4000.0), (256.0, 1000.0)):
        slow, fast = (
            rate(deploy(SMALL, gpu), batch, length) for gpu in ("h100-nvl-94gb", "h100-sxm-80gb")
        )
        assert slow < fast
    card, module = (deploy(SMALL, gpu) for gpu in ("h100-nvl-94gb", "h100-sxm-80gb"))
    gain = float(card.bandwidth[0] / module.bandwidth[0])
    assert rate(card, 1.0) < gain * rate(module, 1.0)


@pytest.mark.parametrize(
    "gpus", [("b200-sxm-180gb", "b300-sxm-268gb"), ("gb200-186gb", "gb300-278gb")]
)
def test_the_later_blackwell_gains_no_more_than_kernels_show(
    deploy: Deploy, gpus: tuple[str, str]
) -> None:
    """Kernel tables: NVFP4 products of B300 run at 5-6 PFLOP/s, B200's at 4; bandwidth is equal."""
    for batch in BATCHES:
        before, after = (rate(deploy(LARGE, g, weights="fp4"), batch) for g in gpus)
        assert 0.9 * before < after < 1.35 * before


def test_cards_without_nvlink_split_layers_sooner_than_they_line_up(deploy: Deploy) -> None:
    """L40S, 8 GPUs in two halves or one line: stages that wait for each other are slower alone."""
    split, lined = deploy(SMALL, "l40s-48gb", tp=2), deploy(SMALL, "l40s-48gb", pp=2)
    assert rate(split, 1.0) > rate(lined, 1.0)


def test_a_part_limited_in_power_keeps_less_of_its_peak(catalog: Catalog) -> None:
    gpus = catalog.gpus
    assert clock_share(gpus["a100-sxm-80gb"]) == 1.0
    assert clock_share(gpus["a100-pcie-80gb"]) == pytest.approx(0.75)
    assert clock_share(gpus["h100-pcie-80gb"]) < clock_share(gpus["h200-nvl-141gb"]) <= 1.0
    assert clock_share(gpus["mi300x-192gb"]) == 1.0


def test_cards_with_gddr7_are_an_architecture_of_their_own(catalog: Catalog) -> None:
    gpus = catalog.gpus
    assert kernel_architecture(gpus["rtxpro6000-96gb"]) == CONSUMER_BLACKWELL
    assert kernel_architecture(gpus["rtx5090-32gb"]) == CONSUMER_BLACKWELL
    assert kernel_architecture(gpus["b200-sxm-180gb"]) == "Blackwell"
    assert CONSUMER_BLACKWELL in catalog.coefficients.inference["architecture"]


def test_a_bus_reaches_more_between_more_gpus_and_pcie_less(deploy: Deploy) -> None:
    def bus(gpu: str, tp: int) -> float:
        return float(deploy(LARGE, gpu, tp=tp).link_bus[0])

    assert bus("h100-sxm-80gb", 2) < bus("h100-sxm-80gb", 4) < bus("h100-sxm-80gb", 8)
    assert bus("l40s-48gb", 2) > bus("l40s-48gb", 8)
    assert bus("h100-sxm-80gb", 8) <= 0.95 * 450e9
