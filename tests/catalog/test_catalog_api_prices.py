"""Prices of hosted tokens: the packaged table, a team's sheet, and the public price map."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpumix import cli
from gpumix.catalog import load
from gpumix.catalog.importers.api_price_map import core_of, read_price_map
from gpumix.domain.api import ApiKind, ApiSupply
from gpumix.errors import InputError

CATALOG = load()
TODAY = date(2026, 11, 24)
HEAD = "provider,hf_id,usd_per_mtok_input,usd_per_mtok_output,as_of\n"


def sheet(folder: Path, rows: str, head: str = HEAD) -> Path:
    path = folder / "apis.csv"
    path.write_text(head + rows, encoding="utf-8")
    return path


def price_map(folder: Path, **entries: Any) -> Path:
    path = folder / "map.json"
    path.write_text(json.dumps(entries))
    return path


def entry(provider: str = "novita", mode: str = "chat", **costs: Any) -> dict[str, Any]:
    usual = {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 1e-06}
    return {"litellm_provider": provider, "mode": mode, **usual, **costs}


def test_every_packaged_price_is_of_a_known_model_or_a_substitute() -> None:
    kinds = Counter(p.kind for p in CATALOG.api_prices)
    assert kinds == {ApiKind.SAME: 485, ApiKind.SUBSTITUTE: 271}
    assert all((p.model is None) == (p.kind is ApiKind.SUBSTITUTE) for p in CATALOG.api_prices)
    assert all(p.source and p.as_of <= TODAY for p in CATALOG.api_prices)
    placed = {p.name: p.country for p in CATALOG.api_prices if p.country}
    assert placed["bedrock/eu-west-2/minimax.minimax-m2.5"] == "GB"


def test_a_teams_own_price_replaces_the_listed_one_of_that_provider(tmp_path: Path) -> None:
    path = sheet(tmp_path, "novita,qwen/qwen3-14b,0.01,0.02,2026-11\n")
    own = CATALOG.read_api_prices(path, TODAY)
    assert (own[0].model, own[0].as_of) == ("Qwen/Qwen3-14B", date(2026, 11, 1))
    known = CATALOG.with_apis(ApiSupply(("novita",), own))
    assert {p.provider for p in known.api_prices} == {"novita"}
    mine = [p for p in known.api_prices if p.model == "Qwen/Qwen3-14B"]
    assert [p.usd_per_mtok_input for p in mine] == [0.01]


def test_every_bad_row_of_a_sheet_is_named(tmp_path: Path) -> None:
    rows = (
        "a,Qwen/Qwen3-41B,1,1,2026-11-01\n"
        "b,Qwen/Qwen3-14B,0,1,2026-11-01\n"
        "c,Qwen/Qwen3-14B,1,,2026-11-01\n"
        "d,Qwen/Qwen3-14B,1,0,2026-11-01\n"
        "e,Qwen/Qwen3-14B,1,1,2027-11-01\n"
        "f,Qwen/Qwen3-14B,1,1,soon\n"
        "g,Qwen/Qwen3-14B,20000,1,2026-11-01\n"
        "h,Qwen/Qwen3-14B,1,1,2026-11-01\n"
        "h,Qwen/Qwen3-14B,1,2,2026-11-01\n"
    )
    with pytest.raises(InputError) as caught:
        CATALOG.read_api_prices(sheet(tmp_path, rows), TODAY)
    places = {p.place.rpartition(" ")[2] for p in caught.value.problems}
    assert places == {"2", "3", "4", "5", "6", "7", "8", "10"}
    words = str(caught.value)
    assert "unknown model 'Qwen/Qwen3-41B' (did you mean" in words
    assert "only embeddings have no output" in words
    assert "keep one of them" in words


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("provider,usd_per_mtok_input,usd_per_mtok_output,as_of\n", "'hf_id' is missing"),
        (HEAD.replace("as_of", "as_of,kindd"), "kindd"),
    ],
)
def test_columns_are_checked(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        CATALOG.read_api_prices(sheet(tmp_path, "", head), TODAY)


# -- the price map ---------------------------------------------------------------------------


def test_names_of_the_packaged_prices_find_their_models() -> None:
    known: dict[str, set[str]] = {}
    for name, id in [*((m, m) for m in CATALOG.models), *CATALOG.model_aliases.items()]:
        known.setdefault(core_of(name), set()).add(id)
    same = [p for p in CATALOG.api_prices if p.kind is ApiKind.SAME]
    found = [known.get(core_of(p.name), set()) for p in same]
    assert all(ids <= {p.model} for p, ids in zip(same, found, strict=True))
    assert sum(map(bool, found)) >= 478  # the others are fine-tuned by somebody: Hermes


def test_prices_per_token_become_prices_per_million(tmp_path: Path) -> None:
    path = price_map(
        tmp_path,
        **{
            "sample_spec": entry("example"),
            "novita/qwen/qwen3-14b": entry(
                cache_read_input_token_cost=2.5e-08, max_input_tokens=40960
            ),
            "bedrock/eu-west-2/qwen.qwen3-32b-v1:0": entry("bedrock"),
            "gpt-9": entry(
                "openai", input_cost_per_token_batches=1e-07, output_cost_per_token_batches=5e-07
            ),
            "dall-e": entry("openai", "image_generation"),
            "deepinfra/somebody/mythomax": entry("deepinfra"),
            "wrong": entry("openai", input_cost_per_token="x"),
            "free": entry("openai", input_cost_per_token=0),
            "dear": entry("openai", output_cost_per_token=2.0),
        },
    )
    found = read_price_map(
        path, TODAY, CATALOG.models, CATALOG.model_aliases, {"openai"}, {("aws", "eu-west-2"): "GB"}
    )
    first, second, third = found.prices
    assert (first.model, first.kind) == ("Qwen/Qwen3-14B", ApiKind.SAME)
    assert (first.usd_per_mtok_input, first.usd_per_mtok_cached) == (0.25, 0.025)
    assert (first.usd_per_mtok_output, first.context, first.as_of) == (1.0, 40960, TODAY)
    assert (second.model, second.country) == ("Qwen/Qwen3-32B", "GB")
    assert (third.model, third.kind, third.batch_input) == (None, ApiKind.SUBSTITUTE, 0.1)
    reasons = {one.name: one.reason for one in found.left}
    assert list(reasons) == ["dall-e", "deepinfra/somebody/mythomax", "wrong", "free", "dear"]
    assert "image_generation" in reasons["dall-e"]
    assert "not a model of the catalogue" in reasons["deepinfra/somebody/mythomax"]


@pytest.mark.parametrize("text", ["[]", "{}", '{"a": 1}', "not json"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read_price_map(path, TODAY, CATALOG.models, {}, set(), {})


def test_an_import_can_be_read_as_a_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = price_map(tmp_path, **{"novita/qwen/qwen3-14b": entry()}), tmp_path / "out.csv"
    words = ["import-api", str(source), "--as-of", "2026-11-20", "--out", str(out), "--json"]
    monkeypatch.setattr("sys.argv", ["gpumix", "prices", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["same_model"], told["substitutes"]) == (1, 1, 0)
    (price,) = CATALOG.read_api_prices(out, TODAY)
    assert (price.model, price.usd_per_mtok_output) == ("Qwen/Qwen3-14B", 1.0)
