"""The rule that picks a purchase price, on the packaged quotes and on made-up ones."""

from dataclasses import replace
from datetime import date

import pytest

from gpumix import catalog
from gpumix.cost.capex import gpu_capex
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Server
from gpumix.domain.site import CapexQuote
from gpumix.errors import NoEstimate

CATALOG = catalog.load()
SERVERS = {server.id: server for server in CATALOG.servers}
BOX = Server("box", "x", 4, "", 4, 5.0, 4.0, 1.5, "air", 10_000.0, "", "a shop")


def _quote(usd, kind="server", gpus=4, day=date(2025, 6, 1), confidence="high"):
    return CapexQuote("item", "x", gpus, kind, usd, usd / gpus, day, "", confidence, "page", "")


@pytest.mark.parametrize(
    ("server", "usd"),
    [
        ("hgx-h100-8", 323_368),  # median of four shops; docs/cost.md takes 320,000
        ("hgx-h200-8", 8 * 46_250),  # the typical one of three second-hand figures of 2026-10
        ("hgx-b200-8", 379_273),
        ("hgx-a100-8", 148_390),
        ("pcie-l40s-8", 8 * 8_000 + 28_000),  # street 7,500-8,500, no longer the list price
        ("pcie-h100-8", 8 * 24_500 + 28_000),
        ("pcie-a100-8", 4 * (16_339 + 18_500) + 28_000),
        ("pcie-h100nvl-8", 8 * 35_098 + 28_000),
    ],
)
def test_prices_of_the_packaged_servers(server, usd):
    box = SERVERS[server]
    price, evidence = gpu_capex(CATALOG.capex, box.gpu, box)
    assert price == pytest.approx(usd, abs=1.0)
    assert evidence.source
    assert evidence.as_of is not None


def test_a_sure_server_quote_goes_first_and_is_measured():
    quotes = [_quote(90_000.0), _quote(10_000.0, "card", 1), _quote(50_000.0, confidence="low")]
    price, evidence = gpu_capex(quotes, "x", BOX)
    assert (price, evidence.basis) == (90_000.0, Basis.MEASURED)


def test_boards_then_cards_with_a_chassis():
    cards = [_quote(20_000.0, "card", 1), _quote(18_000.0, "card", 1, confidence="low")]
    assert gpu_capex(cards, "x", BOX)[0] == 90_000.0
    price, evidence = gpu_capex([*cards, _quote(60_000.0, "baseboard")], "x", BOX)
    assert (price, evidence.basis) == (70_000.0, Basis.ASSUMED)


def test_a_lesser_server_quote_is_the_last_resort():
    quotes = [_quote(20_000.0, "card", 1), _quote(77_000.0, confidence="low")]
    assert gpu_capex(quotes, "x", replace(BOX, chassis_usd=None))[0] == 77_000.0
    assert gpu_capex(quotes, "x", BOX)[0] == 90_000.0


def test_old_quotes_do_not_count_and_one_shop_does_not_decide():
    days = [date(2025, 6, 1), date(2025, 3, 1), date(2024, 9, 1), date(2022, 1, 1)]
    quotes = [_quote(usd, day=day) for usd, day in zip((99e3, 70e3, 80e3, 5e3), days, strict=True)]
    price, evidence = gpu_capex(quotes, "x", BOX)
    assert price == 80_000.0
    assert evidence.as_of == days[0]


@pytest.mark.parametrize(
    "quote",
    [
        _quote(1.0, confidence="suspect"),
        _quote(1.0, kind="card_used", gpus=1),
        _quote(1.0, gpus=8),
        _quote(1.0, kind="network"),
    ],
)
def test_what_never_counts(quote):
    with pytest.raises(NoEstimate, match="no purchase price of 4"):
        gpu_capex([quote], "x", BOX)
