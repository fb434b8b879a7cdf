"""`gpumix prices list`: what stands on each offer, what is listed and what is estimated."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.domain.offer import Purchase
from gpumix.verbs.prices import list_offers

TODAY = date(2026, 11, 29)
TERMS = {"reserved", "reserved_1y", "reserved_3y"}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", "prices", "list", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """The offers that `prices list --json` prints."""

    def ask(*arguments: str):  # type: ignore[no-untyped-def]
        assert run(monkeypatch, *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)["offers"]

    return ask


def test_every_offer_says_where_it_comes_from_and_how_old_it_is(listed) -> None:  # type: ignore[no-untyped-def]
    offers = listed("--gpu", "8xH100")
    assert offers
    for offer in offers:
        assert offer["gpu"].startswith("h100-")
        assert offer["gpus_per_instance"] == 8
        assert offer["tier"] in {"hyperscaler", "neocloud", "marketplace", "reseller"}
        assert offer["layer"] == "snapshot"
        assert offer["age_days"] == (date.today() - date.fromisoformat(offer["as_of"])).days
        assert offer["usd_per_gpu_hour"] == pytest.approx(offer["usd_per_instance_hour"] / 8)
        assert (offer["term_months"] > 0) == (offer["purchase"] in TERMS)
        assert 0 <= offer["upfront_share"] <= 1
        assert isinstance(offer["marks"], list)
        assert offer["replaced_by"] is None
        assert not offer["derived"]
        assert {"region", "estimated", "is_usable"} <= offer.keys()
    assert {o["gpu"] for o in offers} > {"h100-sxm-80gb"}, "a family lists all its forms"


def test_estimated_terms_appear_on_request_only_and_never_as_listed(listed) -> None:  # type: ignore[no-untyped-def]
    plain, asked = listed("--gpu", "b200"), listed("--gpu", "b200", "--derived")
    added = [o for o in asked if o["derived"]]
    assert added
    assert [o for o in asked if not o["derived"]] == plain
    for offer in added:
        assert offer["estimated"]
        assert offer["basis"] == "assumed"
        assert offer["purchase"] in TERMS
        assert offer["tier"] in {"hyperscaler", "neocloud"}


def test_a_reader_sees_which_are_estimated(monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COLUMNS", "200")
    asked = ("--gpu", "b200", "--purchase", "reserved")
    assert run(monkeypatch, *asked) == 0
    assert "estimated" not in capsys.readouterr().out
    assert run(monkeypatch, *asked, "--derived") == 0
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if "×" in line]
    assert {"estimated, not listed" in row for row in rows} == {True, False}
    assert "reserved 3 years" in out
    assert "reserved 6 months" in out


def test_superseded_offers_come_with_what_replaced_them() -> None:
    ask = (None, None, None, None, None, TODAY)
    current, every = list_offers(*ask), list_offers(*ask, superseded=True)
    old = [one for one in every if one.replaced_by is not None]
    assert old
    assert [one for one in every if one.replaced_by is None] == current
    for one in old:
        new = one.replaced_by
        assert new is not None
        assert not one.is_usable
        assert (new.provider, new.gpu, new.purchase) == (
            one.offer.provider,
            one.offer.gpu,
            one.offer.purchase,
        )
        assert new.as_of >= one.offer.as_of


def test_superseded_offers_as_json_and_text(monkeypatch, capsys, listed) -> None:  # type: ignore[no-untyped-def]
    old = next(o for o in listed("--all") if o["replaced_by"])
    assert old["replaced_by"]["provider"] == old["provider"]
    monkeypatch.setenv("COLUMNS", "120")
    assert run(monkeypatch, "--all", "--gpu", old["gpu"], "--provider", old["provider"]) == 0
    assert f"replaced by {old['provider']}" in " ".join(capsys.readouterr().out.split())


def test_a_spot_price_ages_into_a_mark_then_out_of_plans() -> None:
    def spot(day: date) -> dict[str, set[object]]:
        found = list_offers("8xh100", "azure", "US", "spot", None, day)
        return {
            "marks": {m for one in found for m in one.offer.marks},
            "usable": {one.is_usable for one in found},
        }

    assert spot(date(2026, 10, 12)) == {"marks": set(), "usable": {True}}
    assert spot(date(2026, 11, 12)) == {"marks": {"old"}, "usable": {True}}
    assert spot(date(2027, 11, 12)) == {"marks": {"old"}, "usable": {False}}


def test_own_rates_are_a_layer_of_their_own(listed, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    sheet = tmp_path / "rates.csv"
    sheet.write_text(
        "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of\n"
        "lambda,h100-sxm-80gb,8,on_demand,3.11,2026-11-01\n",
        encoding="utf-8",
    )
    asked = ("--gpu", "8xh100-sxm-80gb", "--provider", "lambda", "--purchase", "on_demand")
    offers = listed(*asked, "--sheet", str(sheet))
    assert {o["layer"] for o in offers} == {"sheet"}
    assert {o["usd_per_gpu_hour"] for o in offers} == {3.11}


def test_reserved_lists_commitments_of_every_length(listed) -> None:  # type: ignore[no-untyped-def]
    offers = listed("--purchase", "reserved")
    assert {o["purchase"] for o in offers} == TERMS
    assert {6, 12, 36} <= {o["term_months"] for o in offers}
    one = listed("--purchase", Purchase.RESERVED_1Y.value)
    assert {o["term_months"] for o in one} == {12}
