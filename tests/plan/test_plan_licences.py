"""Licences of an inventory as entries of the servers that they are paid on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.domain.offer import Purchase
from gpumix.domain.site import Licence
from gpumix.errors import InputError
from gpumix.plan.choose import supply
from gpumix.plan.cohorts import cohorts_of
from gpumix.plan.periods import whole_year
from gpumix.verbs.plan import Opened, open_inventory
from ledger_check import cash

INVENTORY = """
horizon: {{start: 2027-01, years: 2}}
as_of: 2026-11-24
{licences}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  cloud: {{gpus: [h100-sxm-80gb]}}
  on_prem:
    room: {{country: DE, racks: 4, kw_per_rack: 12, gpus: [h100-sxm-80gb]}}
  owned: {{room: {{l40s: 8}}}}
"""


def opened(tmp_path: Path, licences: str) -> Opened:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(licences=f"licences: {licences}" if licences else ""))
    return open_inventory(file)


def licence_usd(tmp_path: Path, licences: str) -> dict[Purchase, float]:
    """What the licence of a server costs over two years, by how the server is had."""
    periods = tuple(whole_year(year) for year in range(2))
    found = {}
    for own in supply(opened(tmp_path, licences).inventory, load()).of:
        if own.site is None:
            continue
        cohorts = cohorts_of(own, periods)
        stays = cohorts[0] if own.purchase is Purchase.BUY else cohorts[-1]
        entries = [e for stream in stays.streams for e in stream.entries("x")]
        found[own.purchase] = cash([e for e in entries if e.category == "licence"])
    return found


@pytest.mark.parametrize(
    ("licences", "bought", "owned"),
    [
        ("", 0.0, 0.0),
        ("{nvidia-ai-enterprise: {}}", 8 * 4_500 * 2, 8 * 4_500 * 2),
        ("{nvidia-ai-enterprise: {usd_per_gpu_year: 1125}}", 18_000.0, 18_000.0),
        ("{nvidia-ai-enterprise: {on: h100-sxm-80gb}}", 72_000.0, 0.0),
        ("{nvidia-ai-enterprise: {on: [l40s]}, os: {usd_per_gpu_year: 10}}", 160.0, 72_160.0),
    ],
)
def test_a_licence_is_paid_by_the_gpu_on_what_it_names(
    tmp_path: Path, licences: str, bought: float, owned: float
) -> None:
    found = licence_usd(tmp_path, licences)
    assert found == pytest.approx({Purchase.BUY: bought, Purchase.OWNED: owned})


def test_the_price_of_the_table_says_where_it_is_from(tmp_path: Path) -> None:
    inventory = opened(tmp_path, "{nvidia-ai-enterprise: {on: all}}").inventory
    assert inventory.licences == (Licence("nvidia-ai-enterprise"),)
    own = next(s for s in supply(inventory, load()).of if s.purchase is Purchase.BUY)
    (note,) = (a for a in own.assumptions if "licence" in a.subject)
    assert note.value == "4500 USD/GPU-year"
    assert "NVIDIA licensing guide" in note.source


@pytest.mark.parametrize(
    ("licences", "message"),
    [
        ("{redhat: {on: all}}", "states no price, and none is known of it"),
        ("{nvidia-ai-enterprise: {usd_per_gpu_year: -1}}", "usd_per_gpu_year"),
        ("{nvidia-ai-enterprise: {on: [h1000]}}", "h1000"),
        ("{nvidia-ai-enterprise: {per: gpu}}", "unknown key 'per'"),
        ("[nvidia-ai-enterprise]", "licences"),
    ],
)
def test_a_licence_that_cannot_be(tmp_path: Path, licences: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        opened(tmp_path, licences)
    assert message in str(error.value)
