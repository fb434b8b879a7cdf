"""Bands of sane prices: of a GPU and the tier of who asks the price."""

from __future__ import annotations

from gpumix.catalog.bands import Band, Bands


def test_a_band_is_of_the_gpu_and_the_tier() -> None:
    big, neo, by_hand, any_gpu = (Band(n, n / 2, 10 * n) for n in (4.0, 1.0, 0.5, 0.1))
    bands = Bands(
        {
            ("a", "hyperscaler"): big,
            ("a", "neocloud"): neo,
            ("b", "*"): by_hand,
            ("*", "*"): any_gpu,
        },
        {"aws": "hyperscaler", "neo": "neocloud", "bazaar": "marketplace"},
    )
    assert bands.of("a", "aws") is big
    assert bands.of("a", "neo") is neo
    widest = Band(1.0, 0.5, 40.0)
    assert bands.of("a", "somebody") == widest
    assert bands.of("a", "bazaar") == widest, "no band of this tier"
    assert bands.of("b", "aws") == by_hand
    assert bands.of("c", "aws") is any_gpu
