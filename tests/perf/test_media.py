"""Image and video samples per second."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from gpumix.catalog import load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Kind, Tier, Workload
from gpumix.options.media import picture_options
from gpumix.perf.media import Picture, denoiser, load_rate, parse_picture

CATALOG = load()
SDXL = CATALOG.models["stabilityai/stable-diffusion-xl-base-1.0"]
FLUX = CATALOG.models["black-forest-labs/FLUX.1-dev"]
NOTHING = Lengths(0.0, 0.0)
WORKLOAD = Workload(
    id="pictures", kind=Kind.MEDIA, model=FLUX.id, precisions=("bf16",), kv_precision="",
    engine="", tier=Tier.STANDARD, run=None, slos=(), window=tuple(range(168)), countries=(),
    gpus=(), demand=Demand((10.0,) * 168, 0.0, NOTHING, NOTHING, 1.0, 0.0, ""),
)  # fmt: skip


def test_what_a_row_leaves_out_is_zero() -> None:
    assert Picture() == Picture(pixels=0.0, frames=0.0, steps=0.0)
    assert parse_picture("") == Picture()


def test_the_default_picture_is_the_one_the_catalogue_worked_out() -> None:
    noted = replace(SDXL, note="at 1024x1024")
    one = denoiser(noted, Picture())
    assert one.flop == pytest.approx(denoiser(noted, Picture(1024.0 * 1024.0, 1.0)).flop)
    video = denoiser(replace(SDXL, note="at 480x832x81"), Picture())
    assert video.flop == pytest.approx(
        denoiser(replace(SDXL, note="at 480x832x81"), Picture(480.0 * 832.0, 81.0)).flop
    )


def test_a_server_under_requests_reaches_its_share_of_the_batch_rate_and_no_more() -> None:
    def rate(load: str, value: float) -> float:
        return load_rate(
            denoiser(SDXL, Picture()), CATALOG.gpus["h100-sxm-80gb"], SDXL, gpus=1, copies=False,
            load=load, load_value=value, precision="bf16", engine="xdit",
            coefficients=CATALOG.coefficients,
        )  # fmt: skip

    best = rate("max_throughput", math.nan)
    share = CATALOG.coefficients.media["common"]["any"]["server_share"]
    assert 0.0 < share < 1.0
    assert rate("request_rate", math.nan) == pytest.approx(share * best)
    assert rate("request_rate", 0.1 * best) == pytest.approx(0.1 * best)
    assert rate("request_rate", 9.0 * best) == pytest.approx(share * best)


def test_larger_pictures_take_longer() -> None:
    """Four times the pixels is more than four times the work: attention grows with their square."""

    def per_hour(resolution: str | None) -> float:
        asked = replace(WORKLOAD, resolution=resolution)
        gpus = [CATALOG.gpus["h100-sxm-80gb"]]
        largest = {"h100-sxm-80gb": 1}
        (option,) = picture_options(asked, FLUX, gpus, largest, CATALOG.coefficients)
        assert option.rate is not None
        return option.rate.value

    assert per_hour("1024x1024") > 4.0 * per_hour("2048x2048")
    assert per_hour("512x2048") == pytest.approx(per_hour("1024x1024"))
    assert per_hour(None) == pytest.approx(per_hour("1024x1024"))
