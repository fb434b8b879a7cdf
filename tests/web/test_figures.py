"""Two hundred figures of pages, each found in the page's JSON as the registry formats it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.report import money_fixture
from tests.web import web_fixture
from tests.web.test_pages import words_of

from gpumix import fields

MOST = 200


def test_two_hundred_figures_of_pages_are_those_of_their_json(tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    web_fixture.write_plan(folder, "before")
    web_fixture.write_plan(folder, "after", plan=money_fixture.plan())
    ask = web_fixture.client(web_fixture.application(folder))

    def both(address: str) -> tuple[Any, str]:
        data = ask.get(address.replace("?", ".json?")).json()
        return data, words_of(ask.get(address).text)

    checked = 0

    def shown(words: str, name: str, value: float, record: str = "") -> None:
        nonlocal checked
        assert fields.format_value(fields.field(name, record), value) in words, (name, value)
        checked += 1

    for case in ("tco-api", "tco-dhaka", "tco-frankfurt"):
        data, words = both(f"/own?case={case}&over=volume")
        for option in data["options"].values():
            shown(words, "present_cost", option["present_cost"])
            shown(words, "level_cost_per_year", option["level_cost_per_year"])
            shown(words, "total", option["cash"]["total"], "Cash")
        for costs in data["by_volume"]["present_cost"].values():
            for cost in costs:
                shown(words, "present_cost", cost)
        for pair in data["by_volume"]["of_pairs"].values():
            for one in pair:
                shown(words, "present_cost", one["present_cost"])
    data, words = both("/diff?before=before&after=after")
    for figure in data["figures"]:
        for side in ("before", "after"):
            if figure["before"] or figure["after"]:
                shown(words, figure["name"], figure[side], "Figure")
    data, words = both("/whatif?folder=after")
    for bar in data["money"]["tornado"]:
        shown(words, "low_usd", bar["low_usd"], "TornadoBar")
        shown(words, "high_usd", bar["high_usd"], "TornadoBar")
    assert checked >= MOST
