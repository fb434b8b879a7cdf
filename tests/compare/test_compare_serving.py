"""One workload on every GPU: what the comparison warns of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.compare.market import whole_market
from gpumix.compare.serving import Question, compare_gpus, compare_workload, price_warnings
from gpumix.domain.comparison import PriceUsed
from gpumix.inventory import read_inventory

DAY = date(2026, 11, 24)


def price(oldest: date, newest: date, is_old: bool) -> PriceUsed:
    return PriceUsed(2.0, 1.0, 3.0, 4, oldest, newest, is_old)


def test_old_prices_are_counted_where_all_of_them_are_old() -> None:
    fresh = price(date(2026, 1, 1), date(2026, 11, 1), False)
    old = price(date(2025, 11, 1), date(2026, 5, 1), True)
    assert price_warnings([]) == []
    assert price_warnings([fresh]) == ["prices date from 2026-01-01 to 2026-11-01"]
    assert price_warnings([fresh, old]) == [
        "prices date from 2025-11-01 to 2026-11-01",
        "1 of 2 GPUs have only prices older than they are good for",
    ]


def test_a_gpu_that_lacks_what_a_workload_needs_says_so(tmp_path: Path) -> None:
    inventory = tmp_path / "team.yaml"
    inventory.write_text(
        """
horizon: {start: 2027-01, years: 1}
workloads:
  captions:
    kind: chat
    model: Qwen/Qwen3-VL-8B-Instruct
    traffic: {profile: azure-conv, requests_per_s: 1, images_per_request: 1}
    needs: {nvdec: 1, nvenc: 1}
supply: {cloud: {}}
""",
        encoding="utf-8",
    )
    catalog = load()
    [workload] = read_inventory(inventory, catalog, DAY).workloads
    market = whole_market(("l40s-48gb", "h100-sxm-80gb"), catalog, DAY)
    found = compare_workload(workload, catalog, DAY, market)
    rows = {row.gpu: row for row in found.rows}
    assert rows["l40s-48gb"].fits
    assert not rows["h100-sxm-80gb"].fits
    assert rows["h100-sxm-80gb"].reason == "has no video encoder (NVENC)"
    assert found.input_tokens > 2000.0  # the profile's text, 1,024 of the image, its encoder


# -- APIs ------------------------------------------------------------------------------------


def test_an_api_is_compared_at_its_tokens_and_a_gpu_wins_from_a_whole_replica() -> None:
    question = Question("Qwen/Qwen3-14B", 1000.0, 250.0, gpus=("h100-sxm-80gb",))
    found = compare_gpus(question, load(), date(2026, 11, 24))
    nebius = next(a for a in found.apis if a.provider == "nebius")
    # 1,000 x 0.08 + 250 x 0.24 = 140 millionths for 1,250 tokens
    assert nebius.usd_per_mtok_total == pytest.approx(0.112)
    (row,) = found.rows
    assert row.price is not None
    # one replica is enough: a day of it over the API's price of a million tokens
    day = row.price.usd_per_gpu_hour * (row.tp or 1) * 24.0
    assert (nebius.gpu, nebius.replicas) == ("h100-sxm-80gb", 1)
    assert nebius.tokens_per_day == pytest.approx(day / 0.112 * 1e6)
    kinds = [a.kind.value for a in found.apis]
    assert kinds == sorted(kinds)  # the same model first
    assert {a.latency for a in found.apis} == {"unknown"}
