"""Units of captured price pages, as pages word them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpumix.catalog.importers.page_capture import read
from gpumix.catalog.importers.reading import Source


@pytest.mark.parametrize(
    ("row", "price", "per_gpu"),
    [
        ({"price": "$2.99", "unit": "per GPU per hour"}, 2.99, True),
        ({"price": "$2.99", "unit": "/GPU/hr"}, 2.99, True),
        ({"price": "$24.00", "unit": "hourly", "per": "instance"}, 24.0, False),
        ({"price": "$7,300/mo", "per": "node"}, 10.0, False),
        ({"price": 24}, 24.0, False),
    ],
)
def test_units(row: dict[str, object], price: float, per_gpu: bool) -> None:
    page = {"provider": "x", "captured": "2026-11-01", "rows": [{"name": "H100 SXM", **row}]}
    (quote,) = read(Source(Path("page.json"), json.dumps(page), "page.json")).quotes
    assert quote.price == pytest.approx(price)
    assert quote.per_gpu is per_gpu


def test_an_unknown_unit_is_refused() -> None:
    rows = [{"name": "H100", "price": "$2", "unit": "per token"}]
    found = read(Source(Path("p.json"), json.dumps({"provider": "x", "rows": rows}), "p.json"))
    assert [r.reason for r in found.refused] == ["unit of the price unknown"]
