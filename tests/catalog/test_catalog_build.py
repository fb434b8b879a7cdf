"""The packaged tables are what `make data` makes of the shared ones."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
DATA = ROOT / "src" / "gpumix" / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside the repository"),
]


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def test_tables_are_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import build_data

    for name in ("regions.csv", "price_rules.csv", "models.csv", "aliases.csv"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    monkeypatch.setattr(build_data, "DATA", tmp_path)
    assert build_data.main() == 0
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (DATA / path.name).read_bytes(), path.name


def test_an_older_row_of_the_same_offer_is_left_out() -> None:
    import build_data

    def row(day: str, price: str, region: str = "us", instance: str = "8xH100") -> dict[str, str]:
        return {
            "provider": "acme", "instance": instance, "region": region, "gpu": "h100-sxm-80gb",
            "gpus_per_instance": "8", "price_model": "on_demand", "term_months": "",
            "upfront_share": "", "as_of": day, "usd_per_instance_hour": price,
        }  # fmt: skip

    new, old = row("2026-10-10", "3"), row("2026-02-01", "2")
    others = [row("2026-02-01", "2", region="eu"), row("2026-02-01", "2", instance="8xH100-fast")]
    assert build_data.newest([new, old, *others]) == [new, *others]
    assert build_data.newest([old, new]) == [new]


def test_bands_take_a_thin_tier_from_the_others() -> None:
    import build_bands

    def rows(gpu: str, prices: dict[str, float]) -> build_bands.Rows:
        return [
            {
                "gpu": gpu,
                "provider": provider,
                "price_model": "on_demand",
                "usd_per_gpu_hour": str(price),
            }
            for provider, price in prices.items()
        ]

    tiers = {"big": "hyperscaler", "bigger": "hyperscaler", "neo": "neocloud", "new": "neocloud"}
    prices = rows("a", {"big": 8.0, "bigger": 12.0, "neo": 4.0, "new": 6.0})
    prices += rows("b", {"neo": 2.0, "new": 2.0})
    found = {(r["gpu"], r["tier"]): r for r in build_bands.bands(prices, tiers, ["a", "b"])}

    def figures(gpu: str, tier: str) -> tuple[str, str, str]:
        names = ("low", "low_discounted", "high")
        low, discounted, high = (found[gpu, tier][f"{n}_usd_per_gpu_hour"] for n in names)
        return low, discounted, high

    assert figures("a", "hyperscaler") == ("2", "1", "40")
    assert figures("b", "neocloud") == ("0.6", "0.24", "8")
    assert figures("b", "hyperscaler") == ("0.8", "0.4", "16"), "twice a neocloud's, as for a"
    assert found["b", "hyperscaler"]["basis"] == "tier ratio"
    assert found["*", "*"]["basis"] == "hand"


def test_choice_of_evidence_is_by_trust_then_load() -> None:
    import build_evidence

    def row(id: str, trust: str, load: str, usable: str = "yes") -> dict[str, str]:
        return {"id": id, "trust": trust, "n": load, "usable": usable, "g": "a"}

    rows = [row("a", "3", "1"), row("b", "5", "64"), row("c", "5", "8"), row("d", "5", "9", "no")]
    rows += [{**row("e", "1", "1"), "g": "b"}]
    chosen = build_evidence.choose(rows, lambda r: (r["g"],), "n")
    assert [r["id"] for r in chosen] == ["c", "e"]


def test_evidence_is_a_small_part() -> None:
    for kind in ("inference", "training"):
        with gzip.open(SHARED / "measured" / f"{kind}.csv.gz", "rt", encoding="utf-8") as handle:
            full = len(list(csv.reader(handle)))
        path = DATA / f"evidence_{kind}.csv"
        with path.open(encoding="utf-8") as handle:
            kept = len(list(csv.reader(handle)))
        assert kept < full / 5
        assert path.stat().st_size < 300_000
