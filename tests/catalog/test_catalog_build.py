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

    for name in ("regions.csv", "price_rules.csv"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    monkeypatch.setattr(build_data, "DATA", tmp_path)
    assert build_data.main() == 0
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (DATA / path.name).read_bytes(), path.name


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
