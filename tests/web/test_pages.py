"""Every page answers, says what the verb says, and its twins hold the same figures."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from gpumix import fields
from gpumix.cli import app
from gpumix.inventory.case import read_case
from gpumix.verbs.tco import tco_at, tco_file
from gpumix.web.pages.all import PAGES
from gpumix.web.pages.own import cases
from gpumix.web.pages.start import examples

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
GPUS = "h100-sxm-80gb,l40s-48gb,l4-24gb"
COMPARE = f"/compare?model={quote(MODEL, '')}&gpus={GPUS}"
ADDRESSES = (
    "/", "/plan", "/plan?folder=dhaka", COMPARE, f"{COMPARE}&sort=price", "/own", "/own?busy=80",
    "/prices?gpu=l40s&purchase=on_demand", f"/fit?model={quote(MODEL, '')}&gpus={GPUS}", "/fleet",
    "/audit", "/explain?find=ttft", "/explain/ttft_p95_s", "/explain?name=h100-sxm-80gb",
    "/explain/usd_per_mtok_total", "/diff", "/diff?before=dhaka&after=hostile", "/whatif",
    "/whatif?folder=dhaka", "/own?case=tco-api&over=volume", "/own?over=busy", "/api",
    "/examples/demo.yaml",
)  # fmt: skip


def words_of(page: str) -> str:
    """What a reader reads: no markup, no drawings."""
    without = re.sub(r"(?s)<(script|style|svg).*?</\1>", " ", page)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", without)).split())


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_answers_without_a_script_of_its_own(ask: TestClient, address: str) -> None:
    answer = ask.get(address)
    assert answer.status_code == 200, answer.text[:400]
    assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", answer.text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text)


def test_pages_have_one_heading_a_language_and_landmarks(ask: TestClient) -> None:
    for address in ADDRESSES[:-1]:
        page = ask.get(address).text
        assert page.count("<h1") == 1, address
        assert '<html lang="en">' in page
        assert page.count("<main") == 1
        assert 'class="skip" href="#main"' in page
        labelled = set(re.findall(r'<label for="([^"]+)"', page))
        fields_of = re.findall(r'<(?:input|select)(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page)
        assert set(fields_of) <= labelled, address


def test_navigation_leads_to_pages_that_answer(ask: TestClient) -> None:
    page = ask.get("/").text
    for one in PAGES:
        assert f'href="/{one.name}"' in page
    assert len(examples()) >= 7
    for one in examples():
        assert ask.get(f"/examples/{one.name}.yaml").status_code == 200


def test_start_shows_the_newest_plan_and_every_example(ask: TestClient) -> None:
    words = words_of(ask.get("/").text)
    assert "Start from an example" in words
    assert "Open the plan" in words
    assert all(one.title in words for one in examples())


def test_json_is_what_the_command_line_prints(ask: TestClient) -> None:
    for command, address in (
        (["compare", MODEL, "--gpus", GPUS], COMPARE),
        (["fit", MODEL, "--gpus", GPUS], COMPARE.replace("compare", "fit")),
        (["explain", "ttft_p95_s"], "/explain?name=ttft_p95_s"),
        (["prices", "list", "--gpu", "l40s"], "/prices/list?gpu=l40s"),
        (["prices", "check"], "/prices/check"),
    ):
        printed = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
        found = ask.get(f"/api/v1{address}").json()
        assert found.pop("schema_version")
        printed.pop("schema_version", None)
        assert found == printed, address
        page = address.partition("?")[0].strip("/")
        if "/" not in page:
            twin = ask.get(address.replace("?", ".json?")).json()
            assert {k: v for k, v in twin.items() if k != "schema_version"} == printed


def test_figures_of_a_page_are_in_its_json_formatted_by_the_registry(ask: TestClient) -> None:
    """Every $ / M tokens and speed on the page of a comparison, and no other."""
    found = ask.get(COMPARE.replace("/compare?", "/compare.json?")).json()
    words = words_of(ask.get(COMPARE).text)
    checked = 0
    for row in found["rows"]:
        figures: list[tuple[str, Any]] = [("usd_per_mtok", usd) for usd in row["usd_per_mtok"]]
        speed = row["output_tokens_per_s_per_gpu"]
        figures += [("output_tokens_per_s_per_gpu", speed["value"])] if speed else []
        for name, value in figures:
            assert fields.format_value(name, value) in words
            checked += 1
    assert checked > 10


def test_a_plan_page_shows_the_figures_of_its_json(ask: TestClient) -> None:
    plan = ask.get("/plan.json?folder=dhaka").json()
    words = words_of(ask.get("/plan?folder=dhaka").text)
    figures = [("monthly_usd", plan["monthly_usd"]), ("horizon_usd", plan["horizon_usd"])]
    figures += [("usd_per_month", w["usd_per_month"]) for w in plan["workloads"].values()]
    figures += [("horizon_usd", a["horizon_usd"]) for a in plan["regret"] if a["horizon_usd"]]
    for name, value in figures:
        assert fields.format_value(name, value) in words
    assert len(figures) > 6


def test_sorting_is_by_the_column_and_kept_in_the_address(ask: TestClient) -> None:
    def order(sort: str) -> list[str]:
        page = ask.get(f"{COMPARE}&sort={sort}").text
        first = page[page.index("GPUs that do it") :]
        return re.findall(r'class="c-gpu">([^<]+)', first)[:3]

    found = ask.get(COMPARE.replace("/compare?", "/compare.json?")).json()["rows"]
    by_price = sorted(found, key=lambda row: row["price"]["usd_per_gpu_hour"])
    assert order("price") == [row["gpu"] for row in by_price]
    assert order("gpu") == sorted(row["gpu"] for row in found)
    assert order("price") != order("speed")
    page = ask.get(f"{COMPARE}&sort=price").text
    assert page.count('aria-sort="ascending"') == 1
    stated = f"model={quote(MODEL, '')}&amp;gpus={quote(GPUS, '')}"
    assert f'href="/compare?{stated}&amp;sort=speed"' in page


def test_csv_and_markdown_hold_the_same_rows(ask: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(ask.get(COMPARE.replace("?", ".csv?")).text)))
    found = ask.get(COMPARE.replace("?", ".json?")).json()["rows"]
    assert [row["gpu"] for row in rows] == [row["gpu"] for row in found]
    markdown = ask.get(COMPARE.replace("?", ".md?"))
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert markdown.text.startswith("# meta-llama/Llama-3.1-8B-Instruct")


def test_crossings_of_own_are_those_of_the_case(ask: TestClient) -> None:
    want = tco_file(cases(Path("nowhere"))["tco-dhaka"]).answer
    share = want.break_evens["busy share at which owning pays"].value
    found = ask.get("/own.json?case=tco-dhaka&over=busy").json()
    assert share is not None
    assert found["break_evens"]["own, rent"]["value"] == pytest.approx(share, abs=1e-12)
    for name, option in want.options.items():
        assert found["options"][name]["present_cost"] == option.present_cost


def test_sliders_move_the_case(ask: TestClient) -> None:
    as_stated = ask.get("/own.json?case=tco-dhaka").json()["options"]
    dear = ask.get("/own.json?case=tco-dhaka&hardware=150&rent=100").json()["options"]
    assert dear["own"]["present_cost"] > 1.3 * as_stated["own"]["present_cost"]
    assert dear["rent"]["present_cost"] == as_stated["rent"]["present_cost"]
    page = ask.get("/own?case=tco-dhaka&hardware=150").text
    assert re.search(r'name="hardware"[^>]*value="150"', page)


def test_every_heading_of_a_registered_column_leads_to_its_meaning(ask: TestClient) -> None:
    page = ask.get("/plan?folder=dhaka").text
    names = set(re.findall(r'href="/explain/([^"]+)"', page))
    assert len(names) > 40
    for name in sorted(names)[::8]:
        answer = ask.get(f"/explain/{name}")
        assert answer.status_code == 200, name


def test_the_curve_of_own_is_the_case_counted_at_each_point() -> None:
    case = read_case(cases(Path("nowhere"))["tco-dhaka"])
    _, curve = tco_at(case, {"break_even": {}}, "load.busy", (0.1, 0.45, 1.0))
    for i, busy in enumerate(curve.values):
        found, _ = tco_at(case, {"load.busy": busy, "break_even": {}})
        for name, option in found.options.items():
            assert curve.present_cost[name][i] == pytest.approx(option.present_cost, rel=1e-12)
