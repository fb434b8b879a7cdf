"""The price history: its table, its months, and the tool that builds it."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix import catalog
from gpumix.catalog import price_months, price_summaries
from gpumix.domain.offer import Purchase
from gpumix.domain.prices import PriceObservation
from gpumix.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
import build_history  # noqa: E402  from tools/

TODAY = date(2026, 11, 29)
PLAIN = PriceObservation(
    provider="acme",
    tier="neocloud",
    gpu="h100-sxm-80gb",
    gpus_per_instance=8,
    purchase=Purchase.ON_DEMAND,
    term_months=0,
    as_of=date(2026, 10, 5),
    as_of_precision="day",
    median=2.0,
    low=1.0,
    high=4.0,
    rows=3,
    source="a list",
)
ROW = {
    "provider": "acme",
    "gpu": "h100-sxm-80gb",
    "gpus_per_instance": "8",
    "price_model": "on_demand",
    "usd_per_gpu_hour": "2.5",
    "as_of": "2026-10-05",
    "as_of_precision": "day",
    "use_in_stats": "yes",
    "source": "a list",
}


def test_each_provider_counts_once_in_the_median_and_every_price_in_the_range() -> None:
    large = [replace(PLAIN, provider="big", median=usd, high=9.0) for usd in (8.0, 8.0, 8.0)]
    (month,) = price_months([PLAIN, *large, replace(PLAIN, provider="c", median=3.0)], TODAY)
    assert (month.median, month.low, month.high) == (3.0, 1.0, 9.0)
    assert (month.n, month.providers, month.month) == (15, 3, "2026-10")


def test_months_tiers_purchases_and_lengths_are_apart_and_in_order() -> None:
    older = replace(PLAIN, as_of=date(2025, 3, 2))
    dear = replace(PLAIN, tier="hyperscaler")
    spot = replace(PLAIN, purchase=Purchase.SPOT)
    half, year = (
        replace(PLAIN, purchase=Purchase.RESERVED, term_months=months) for months in (6, 12)
    )
    found = price_months([year, half, spot, PLAIN, dear, older], TODAY)
    assert [(p.purchase.value, p.term_months, p.tier, p.month) for p in found] == [
        ("on_demand", 0, "hyperscaler", "2026-10"),
        ("on_demand", 0, "neocloud", "2025-03"),
        ("on_demand", 0, "neocloud", "2026-10"),
        ("spot", 0, "neocloud", "2026-10"),
        ("reserved", 6, "neocloud", "2026-10"),
        ("reserved", 12, "neocloud", "2026-10"),
    ]


def test_a_summary_has_the_age_of_the_newest_price_and_every_source_once() -> None:
    older = replace(PLAIN, as_of=date(2025, 3, 2), source="b list", as_of_precision="approx")
    (all_months,) = price_summaries([older, PLAIN, PLAIN], TODAY)
    assert (all_months.newest, all_months.age_days) == (date(2026, 10, 5), 55)
    assert all_months.sources == ("b list", "a list")
    assert not all_months.is_approximate
    assert price_summaries([older], TODAY)[0].is_approximate
    assert price_summaries([PLAIN], date(2026, 1, 1))[0].age_days == 0


def test_the_packaged_history_reaches_back_and_has_a_tier_everywhere() -> None:
    cat = catalog.load()
    history = cat.price_history
    assert len(history) > 700
    assert min(one.as_of for one in history) < date(2024, 1, 1)
    assert {one.gpu for one in history} <= set(cat.gpus)
    assert all(one.tier for one in history)
    assert sum(one.rows for one in history) > 1600


@pytest.mark.parametrize(
    ("cell", "written", "said"),
    [
        ("median_usd_per_gpu_hour", "9", "the median 9 is outside its range 1 to 4"),
        ("low_usd_per_gpu_hour", "-1", "low_usd_per_gpu_hour is '-1'"),
        ("price_model", "gift", "price_model is 'gift'"),
        ("as_of", "October", "as_of is 'October'"),
        ("as_of_precision", "perhaps", "as_of_precision is 'perhaps'"),
        ("term_months", "half", "term_months is 'half'"),
        ("source", "", "source is empty"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, cell: str, written: str, said: str) -> None:
    cells = {
        "provider": "acme", "gpu": "h100-sxm-80gb", "gpus_per_instance": "8",
        "price_model": "spot", "term_months": "", "as_of": "2026-10-05",
        "as_of_precision": "day", "median_usd_per_gpu_hour": "2", "low_usd_per_gpu_hour": "1",
        "high_usd_per_gpu_hour": "4", "rows": "3", "source": "a list", cell: written,
    }  # fmt: skip
    lines = [",".join(cells), ",".join(cells.values())]
    (tmp_path / "price_history.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"price_history.csv line 2: {said}"):
        _ = catalog.load(folder=tmp_path).price_history


def test_the_tool_joins_regions_of_a_day_and_keeps_days_and_sources_apart() -> None:
    rows = [
        ROW,
        ROW | {"usd_per_gpu_hour": "4.5", "use_in_stats": "hist"},
        ROW | {"usd_per_gpu_hour": "3"},
        ROW | {"as_of": "2026-11-05"},
        ROW | {"source": "b list"},
    ]
    first, *others = build_history.history(rows)
    figures = [first[f"{name}_usd_per_gpu_hour"] for name in ("median", "low", "high")]
    assert (figures, first["rows"]) == (["3", "2.5", "4.5"], "3")
    assert [(o["as_of"], o["source"]) for o in others] == [
        ("2026-10-05", "b list"),
        ("2026-11-05", "a list"),
    ]


def test_the_tool_leaves_out_what_was_no_price_and_keeps_short_terms() -> None:
    rows = [
        ROW | {"use_in_stats": "no"},
        ROW | {"price_model": "reserved_unstated"},
        ROW | {"price_model": "capacity_block", "use_in_stats": "no"},
        ROW | {"price_model": "reserved_1y", "use_in_stats": "no"},
        ROW | {"price_model": "reserved_6m", "use_in_stats": "no"},
    ]
    (kept,) = build_history.history(rows)
    assert (kept["price_model"], kept["term_months"]) == ("reserved", "6")
