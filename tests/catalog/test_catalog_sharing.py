"""Sheets are laid over a catalogue without reading its tables again."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load, offers, parts

SHEET = """provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
ourcloud,h100-sxm-80gb,8,on_demand,2.1
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(SHEET, encoding="utf-8")
    return path


def test_prices_are_laid_over_and_the_rest_is_shared(sheet: Path) -> None:
    plain = load()
    gpus, without = plain.gpus, plain.offers
    priced = plain.with_rates(plain.read_rates(sheet))
    assert priced.gpus is gpus
    assert {o.provider for o in priced.offers} - {o.provider for o in without} == {"ourcloud"}
    assert plain.offers is without


def test_an_inventory_with_prices_reads_each_table_once(
    tmp_path: Path, sheet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpumix.verbs.plan import open_inventory

    read: list[str] = []
    for module, name in ((offers, "load_snapshot"), (parts, "load_gpus"), (parts, "load_models")):

        def counted(*args: object, own: object = getattr(module, name), name: str = name) -> object:
            read.append(name)
            return own(*args)  # type: ignore[operator]

        monkeypatch.setattr(module, name, counted)
    team = tmp_path / "team.yaml"
    team.write_text(
        "name: t\nhorizon: {start: 2027-01, years: 1}\nprices: prices.csv\n"
        "workloads: {n: {kind: batch, model: meta-llama/Llama-3.1-8B-Instruct,"
        " tokens_per_day: {input: 1M, output: 1M}}}\n"
        "supply: {cloud: {providers: [ourcloud]}}\n",
        encoding="utf-8",
    )
    catalog = open_inventory(team).catalog
    assert any(o.provider == "ourcloud" for o in catalog.offers)
    assert catalog.models
    assert sorted(read) == ["load_gpus", "load_models", "load_snapshot"]


def test_measurements_are_those_of_the_folder_now(tmp_path: Path) -> None:
    plain: Catalog = load()
    before = plain.with_measured(tmp_path)
    assert before.measured == {}
    (tmp_path / "measurements.csv").write_text(
        "id,gpu,model,metric,value\nm1,g,m,x,3\n", encoding="utf-8"
    )
    assert plain.with_measured(tmp_path).measured["id"] == ["m1"]
    assert plain.measured == {}
