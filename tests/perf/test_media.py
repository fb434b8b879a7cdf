"""Image and video samples per second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix.catalog import load
from gpumix.perf.media import Picture, denoiser, parse_picture

SDXL = load().models["stabilityai/stable-diffusion-xl-base-1.0"]


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
