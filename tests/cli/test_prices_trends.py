"""`gpumix prices compare` and `history` as they are typed: answers, refusals, exit codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from gpumix import cli

H100, A100, L40S = "h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb"
SHEET = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,region\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", "prices", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run a verb that must answer; what it printed."""

    def ask(*arguments: str, width: int = 100) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        assert run(monkeypatch, *arguments) == 0
        streams = capsys.readouterr()
        assert streams.err == ""
        return streams.out

    return ask


def test_compare_answers_in_sentences_and_says_which_forms_are_meant(answer) -> None:  # type: ignore[no-untyped-def]
    text = answer("compare", "h100", "a100", "l40s")
    flat = " ".join(text.split())
    assert re.search(
        rf"{A100} costs 0\.\d+ × {H100} \(P10 to P90 0\.\d+ to 0\.\d+ over \d+ pairs\);"
        rf" {H100} costs [12]\.\d+ × {A100}",
        flat,
    )
    assert f"h100 is read as {H100}, the form most providers list" in flat
    assert f"a100 is read as {A100}" in flat
    assert "l40s is read as" not in flat, "an alias names one GPU"
    assert "hyperscaler" in text
    assert "measured" in text


def test_compare_as_json_can_be_checked_pair_by_pair(answer) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(answer("compare", "h100", "a100", "l40s", "--json"))
    assert [g["gpu"] for g in found["gpus"]] == [H100, A100, L40S]
    assert "h100-pcie-80gb" in found["gpus"][0]["other_forms"]
    every = {r["gpu"]: r for r in found["ratios"] if (r["tier"], r["purchase"]) == ("all", "all")}
    assert set(every) == {A100, L40S}
    for gpu, ratio in every.items():
        pairs = [p for p in found["pairs"] if p["gpu"] == gpu]
        assert len(pairs) == ratio["n"] > 0
        assert ratio["over"] == H100
        assert ratio["basis"] == "measured"
        assert ratio["p10"] <= ratio["median"] <= ratio["p90"]
        assert len({p["provider"] for p in pairs}) == ratio["providers"]
        tiers = [r for r in found["ratios"] if r["gpu"] == gpu and r["tier"] != "all"]
        assert sum(r["n"] for r in tiers) == ratio["n"]
    for pair in found["pairs"]:
        if pair["gpus_per_instance"]:
            prices = pair["usd_per_gpu_hour"], pair["over_usd_per_gpu_hour"]
            assert pair["ratio"] == pytest.approx(prices[0] / prices[1])


def test_compare_takes_sizes_purchases_and_own_rates(answer, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    asked = ("compare", "8xH100", "8xA100", "--json")
    sized = json.loads(answer(*asked))
    assert {p["gpus_per_instance"] for p in sized["pairs"]} == {8}
    spot = json.loads(answer(*asked, "--purchase", "spot"))
    assert {p["purchase"] for p in spot["pairs"]} == {"spot"}
    sheet = tmp_path / "rates.csv"
    rows = [f"ownlab,{gpu},8,on_demand,{usd},hall" for gpu, usd in ((H100, 3.0), (A100, 1.5))]
    sheet.write_text(SHEET + "\n".join(rows) + "\n", encoding="utf-8")
    own = json.loads(answer(*asked, "--sheet", str(sheet)))
    assert [p["ratio"] for p in own["pairs"] if p["provider"] == "ownlab"] == [0.5]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "h100"], "needs two or more"),
        (["compare"], "Missing argument"),
        (["compare", "h10o", "a10o"], "did you mean h100"),
        (["compare", "h100", "8xh100-sxm-80gb"], "both mean h100-sxm-80gb"),
        (["compare", "h100", "0xa100"], "has no GPU"),
        (["compare", "h100", "a100", "--purchase", "sport"], "did you mean spot"),
        (["compare", "h100", "a100", "--purchase", "buy"], "unknown purchase"),
        (["compare", "h100", "a100", "--sheet", "none.csv"], "no such file"),
        (["compare", "h100", "gaudi2"], "nothing to pair"),
        (["compare", "3xh100", "a100"], "nothing to pair"),
        (["history", "h10o"], "did you mean h100"),
        (["history", "a800"], "no price of a800-sxm-80gb was ever seen"),
        (["history", "7xh100"], "no price of 7 x h100-sxm-80gb was ever seen"),
        (["history", "t4", "--purchase", "reserved"], "for reserved was ever seen"),
        (["history", "h100", "--purchase", "sport"], "did you mean spot"),
        (["history", "h100", "--html", "."], "is a directory"),
        (["list", "--gpu", "8xh10o", "--purchase", "sport"], "did you mean spot"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_refusals_end_with_exit_code_2_and_nothing_on_stdout(  # type: ignore[no-untyped-def]
    monkeypatch, capsys, tmp_path, arguments, said, flags
):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments, *flags) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert "Traceback" not in streams.err
    assert streams.out == ""


def test_every_unknown_name_is_reported_at_once(monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "compare", "h10o", "a10o", "--purchase", "sport") == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("h10o", "a10o", "sport"))


def test_one_gpu_without_pairs_does_not_hide_the_others(answer) -> None:  # type: ignore[no-untyped-def]
    asked = ("compare", "h100", "a100", "gaudi2")
    assert "gaudi2-96gb: no provider lists it beside" in answer(*asked)
    found = json.loads(answer(*asked, "--json"))
    assert "(one pair of prices)" in answer("compare", "h100", "rtx3090")
    (none,) = [r for r in found["ratios"] if r["gpu"] == "gaudi2-96gb"]
    assert (none["n"], none["median"], none["oldest"]) == (0, None, None)


def test_history_shows_months_with_bars_in_the_width(answer) -> None:  # type: ignore[no-untyped-def]
    for width in (80, 100):
        text = answer("history", "8xH100", "--purchase", "on_demand", width=width)
        lines = text.splitlines()
        assert max(map(len, lines)) <= width
        bars = [line for line in lines if "█" in line]
        assert bars
        assert all(re.search(r"~?20\d\d-\d\d", line) for line in bars), "bars stay in their row"
        assert f"8 × {H100} by the hour" in text
        assert "Sources:" in text


def test_history_as_json_ties_periods_to_observations(answer) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(answer("history", "8xh100", "--purchase", "spot", "--json"))
    assert found["gpu"]["gpu"] == H100
    assert {o["gpus_per_instance"] for o in found["observations"]} == {8}
    assert {p["purchase"] for p in found["periods"]} == {"spot"}
    counted = sum(o["rows"] for o in found["observations"])
    for periods in (found["periods"], found["summary"]):
        assert sum(p["n"] for p in periods) == counted
        for period in periods:
            assert period["low"] <= period["median"] <= period["high"]
            assert period["basis"] == "measured"
            assert period["sources"]


def test_reserved_means_every_length(answer) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(answer("history", "h100", "--purchase", "reserved", "--json"))
    kinds = {(p["purchase"], p["term_months"]) for p in found["summary"]}
    assert {("reserved_1y", 12), ("reserved_3y", 36), ("reserved", 6)} <= kinds


def test_the_page_needs_no_other_file_and_draws_every_purchase(answer, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = tmp_path / "page.html"
    assert str(page) in answer("history", "l40s", "--html", str(page)).replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == text.count("<figure>") >= 2
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "<script" not in text
    assert "█" not in text, "bars are for terminals"


def test_a_listing_without_offers_says_so_and_is_an_answer(monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "list", "--gpu", "7xh100") == 0
    assert "no offer matches" in capsys.readouterr().err
    assert run(monkeypatch, "list", "--gpu", "7xh100", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"offers": []}
