"""`/own` by volume: whole servers, and crossings that are those of `gpumix tco` to the dollar."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from tests.web.test_pages import words_of

from gpumix import fields
from gpumix.inventory.case import read_case
from gpumix.verbs.tco import tco_file
from gpumix.web.pages.own import cases

CASES = cases(Path("nowhere"))
GROWING = sorted(CASES)


def written(name: str, share: float, held: dict[str, float | None], folder: Path) -> Path:
    """The case as somebody writes it who has `share` times the work and holds so many GPUs."""
    tree: dict[str, Any] = copy.deepcopy(read_case(CASES[name]).data)
    for key in ("break_even", "variants", "ranges", "compare"):
        tree.pop(key, None)
    for unit in tree["load"].get("units", ()):
        unit["per_day"] *= share
    for option_name, option in tree["options"].items():
        gpus = held[option_name]
        stated = option.get("gpus") or option.get("servers", 0) * option.get("gpus_per_server", 0)
        if not stated or gpus is None:
            continue  # sized by its load
        if "servers" in option:
            option["servers"] = gpus / option["gpus_per_server"]
        else:
            option["gpus"] = gpus
        if "power" in option:
            option["power"]["busy"] = tree["load"]["busy"] * stated * share / gpus
    path = folder / "case.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path


def _ends(costs: dict[str, list[float]]) -> list[dict[str, float]]:
    return [dict(zip(costs, at, strict=True)) for at in zip(*costs.values(), strict=True)]


@pytest.mark.parametrize("name", GROWING)
def test_crossings_by_volume_are_those_of_tco_to_the_dollar(
    ask: TestClient, tmp_path: Path, name: str
) -> None:
    found = ask.get(f"/own.json?case={name}").json()["by_volume"]
    every = [*found["crossings"], *(one for of in found["of_pairs"].values() for one in of)]
    least = {min(costs, key=costs.__getitem__) for costs in _ends(found["present_cost"])}
    assert found["crossings"] or len(least) == 1
    for one in every:
        step = next(i for i, end in enumerate(found["shares"]) if one["share"] < end - 1e-9)
        held = {option: gpus[step] for option, gpus in found["gpus"].items()}
        share = one["share"] * (1 + 1e-7) if one["is_step"] else one["share"]
        case = tco_file(written(name, share, held, tmp_path)).answer
        costs = {option: answer.present_cost for option, answer in case.options.items()}
        assert costs[one["after"]] == pytest.approx(one["present_cost"], abs=1.0)
        if one["is_step"]:
            assert costs[one["after"]] <= costs[one["before"]]
        else:
            assert costs[one["before"]] == pytest.approx(one["present_cost"], abs=1.0)


@pytest.mark.parametrize("name", GROWING)
def test_at_its_own_work_a_case_costs_what_tco_says(
    ask: TestClient, tmp_path: Path, name: str
) -> None:
    answer = ask.get(f"/own.json?case={name}").json()
    found, want = answer["by_volume"], tco_file(CASES[name]).answer
    step = next(i for i, end in enumerate(found["shares"]) if end >= 1.0 - 1e-9)
    held = {option: gpus[step] for option, gpus in found["gpus"].items()}
    at_end = tco_file(written(name, found["shares"][step], held, tmp_path)).answer
    for option, gpus in held.items():
        assert gpus in (None, want.options[option].gpus)
        end = found["present_cost"][option][step]
        assert end == pytest.approx(at_end.options[option].present_cost, abs=0.01)


def test_what_is_owned_comes_in_whole_servers(ask: TestClient) -> None:
    found = ask.get("/own.json?case=tco-dhaka").json()["by_volume"]
    assert found["work"][-1] == pytest.approx(24.0)
    for work, owned, rented in zip(
        found["work"], found["gpus"]["own"], found["gpus"]["rent"], strict=True
    ):
        assert owned == 8 * math.ceil(work / 8 - 1e-9)
        assert rented == math.ceil(work - 1e-9)
    ends, after = found["present_cost"]["own"], found["present_cost_after"]["own"]
    jumps = [i for i in range(1, len(ends)) if after[i] > ends[i - 1] * 1.05]
    assert [found["work"][i - 1] for i in jumps] == pytest.approx([8.0, 16.0])


def test_a_break_even_over_volume_of_the_command_line_is_on_the_page(ask: TestClient) -> None:
    """The case itself asks from how many requests a day on owning pays."""
    want = tco_file(CASES["tco-api"]).answer.break_evens["requests a day at which owning pays"]
    found = ask.get("/own.json?case=tco-api").json()["by_volume"]
    works = [one["work"] for one in found["of_pairs"]["own, hosted API"]]
    assert want.value is not None
    assert any(work == pytest.approx(want.value, rel=1e-9) for work in works)
    words = words_of(ask.get("/own?case=tco-api").text)
    assert fields.format_value("ByVolume.work", want.value) in words


def test_costs_are_full_on_every_line(ask: TestClient) -> None:
    """Nobody's electricity stands against somebody's price: what is owned pays for hardware."""
    found = ask.get("/own.json?case=tco-api").json()
    least = found["options"]["own"]["by_category"]["hardware"]
    for costs in found["by_volume"]["present_cost_after"]["own"]:
        assert costs > 0.5 * least
    assert "never mixed" in ask.get("/own?case=tco-api").text


def test_a_case_that_does_not_grow_is_drawn_by_use(ask: TestClient, shown: Path) -> None:
    tree = read_case(CASES["tco-dhaka"]).data
    run = {**tree, "name": "one run", "load": {"gpu_hours": 1000}}
    for key in ("break_even", "variants", "ranges"):
        run.pop(key, None)
    path = shown / "one-run.yaml"
    path.write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
    try:
        assert "by_volume" not in ask.get("/own.json?case=one-run").json()
        refused = ask.get("/own.json?case=one-run&over=volume")
        assert refused.status_code == 422
        assert "one run" in json.dumps(refused.json())
    finally:
        path.unlink()


@pytest.mark.parametrize("over", ["volume", "busy"])
def test_marginal_is_one_switch_for_every_option(ask: TestClient, over: str) -> None:
    full = ask.get(f"/own.json?case=tco-api&over={over}").json()
    found = ask.get(f"/own.json?case=tco-api&over={over}&costs=marginal").json()
    assert (full["costs"], found["costs"]) == ("full", "marginal")
    for name, option in found["options"].items():
        assert not {"hardware", "installation", "staff", "residual"} & option["by_category"].keys()
        kept = {k: v for k, v in full["options"][name]["by_category"].items() if k != "tax"}
        for category, amount in option["by_category"].items():
            if category != "tax":
                assert amount == pytest.approx(kept[category])
    own, hosted = (found["options"][name]["present_cost"] for name in ("own", "hosted API"))
    assert own < full["options"]["own"]["present_cost"]
    assert hosted == full["options"]["hosted API"]["present_cost"]
    page = words_of(ask.get(f"/own?case=tco-api&over={over}&costs=marginal").text)
    assert "Marginal costs of every option" in page
    assert "marginal present cost" in page
    assert "Full costs of every option" not in page
    assert "Full costs of every option" in words_of(ask.get(f"/own?case=tco-api&over={over}").text)
