"""`gpumix site`: what racks hold, worked by hand, and what that does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.compare.room import rooms
from gpumix.domain.room import RoomCooling, Rooms, RoomServer, RoomWork
from gpumix.errors import InputError
from gpumix.report.views import room as view
from gpumix.verbs.plan import open_inventory

INVENTORY = """
name: rooms
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    precision: [bf16, fp8]
    traffic: {input_tokens: 1000, output_tokens: 200, requests_per_s: 1}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  at-home:
    kind: embedding
    model: BAAI/bge-m3
    tokens_per_day: 10M
    residency: DE
  adapters: {kind: finetune, model: meta-llama/Llama-3.1-8B-Instruct, tokens: 1M}
supply:
  on_prem:
    dhaka: {country: BD, racks: 4, kw_per_rack: 12, gpus: [l40s-48gb, h100-sxm-80gb]}
    cold: {country: DE, racks: 2, kw_per_rack: 100, cooling: liquid, pue: 1.1}
  owned:
    dhaka: {a100-pcie-80gb: 8}
"""
GPUS = ("l40s-48gb", "h100-sxm-80gb", "b200-sxm-180gb")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "team.yaml"
    path.write_text(INVENTORY)
    return path


@pytest.fixture(scope="module")
def found(file: Path) -> Rooms:
    opened = open_inventory(file)
    return rooms(opened.inventory, opened.catalog, GPUS)


def cooled(found: Rooms, site: str, cooling: str) -> RoomCooling:
    (room,) = [r for r in found.sites if r.site == site]
    (one,) = [c for c in room.coolings if c.cooling == cooling]
    return one


def server(found: Rooms, site: str, cooling: str, gpu: str) -> RoomServer:
    (one,) = [s for s in cooled(found, site, cooling).servers if s.gpu == gpu]
    return one


def work(one: RoomServer, workload: str) -> RoomWork:
    (found,) = [w for w in one.work if w.workload == workload]
    return found


def test_racks_are_filled_by_power(found: Rooms) -> None:
    l40s = server(found, "dhaka", "air", "l40s-48gb")  # 5 kW, 4 U: 12 kW feed two
    assert (l40s.servers_per_rack, l40s.limited_by) == (2, "power")
    assert (l40s.servers, l40s.gpus) == (8, 64)
    assert (l40s.kw_used, l40s.kw_left) == (40.0, 8.0)
    assert l40s.facility_kw == pytest.approx(40.0 * 1.65)  # air in a hot and humid climate


def test_racks_are_filled_by_height(found: Rooms) -> None:
    h100 = server(found, "cold", "liquid", "h100-sxm-80gb")  # 10.2 kW would allow 9; 8 U allow 5
    assert (h100.servers_per_rack, h100.limited_by, h100.gpus) == (5, "height", 80)
    assert h100.facility_kw == pytest.approx(102.0 * 1.1)


def test_a_server_above_the_racks_power_does_nothing(found: Rooms) -> None:
    b200 = server(found, "dhaka", "air", "b200-sxm-180gb")  # 14.3 kW
    assert (b200.servers, b200.kw_used, b200.limited_by) == (0, 0.0, "power")
    none = work(b200, "chat")
    assert none.total_tokens_per_s is None
    assert none.reason == "no rack holds this server"


def test_what_stands_there_takes_its_part(found: Rooms) -> None:
    room = next(r for r in found.sites if r.site == "dhaka")
    assert (room.kw_standing, room.kw_free) == (4.6, pytest.approx(43.4))
    # 43.4 of 48 kW: a server that goes twice into 12 kW takes 6, one that goes once takes 12
    assert server(found, "dhaka", "air", "l40s-48gb").free_servers == 7
    assert server(found, "dhaka", "air", "h100-sxm-80gb").free_servers == 3


def test_tokens_of_a_room_by_kw_and_joule(found: Rooms) -> None:
    small = work(server(found, "dhaka", "air", "l40s-48gb"), "chat")
    assert small.total_tokens_per_s is not None
    assert small.replicas * (small.tp or 0) == 64
    assert small.total_tokens_per_s_per_rack_kw == pytest.approx(small.total_tokens_per_s / 48.0)
    drawn_w = 8 * 4300.0 * 1.65  # 8 servers of 4.3 kW under load
    assert small.total_tokens_per_joule == pytest.approx(small.total_tokens_per_s / drawn_w)


def test_liquid_takes_the_draw_measured_under_it(found: Rooms) -> None:
    b200 = work(server(found, "cold", "liquid", "b200-sxm-180gb"), "chat")
    assert b200.total_tokens_per_s is not None
    drawn_w = 8 * 9450.0 * 1.1  # 8 in two racks, MLPerf v5.1 under water
    assert b200.total_tokens_per_joule == pytest.approx(b200.total_tokens_per_s / drawn_w)


def test_denser_cooling_only_and_never_less_than_stated(found: Rooms) -> None:
    dhaka, cold = found.sites
    assert [c.cooling for c in dhaka.coolings] == ["air", "rear_door", "liquid"]
    assert [c.kw_per_rack for c in dhaka.coolings] == [12.0, 40.0, 100.0]
    assert [c.cooling for c in cold.coolings] == ["liquid"]
    opened_pue = [c.pue for c in dhaka.coolings]
    assert opened_pue == [1.65, 1.35, 1.2]


def test_retrofit_is_not_known_without_a_source(found: Rooms) -> None:
    door = cooled(found, "dhaka", "rear_door")
    assert door.retrofit_usd is None
    assert "NOT SOURCED" in door.retrofit_source


def test_retrofit_by_the_row_of_the_table(file: Path) -> None:
    opened = open_inventory(file)
    name = "retrofit_rear_door_usd_per_kw"
    row = replace(opened.catalog.defaults[name], typical=500.0, source="a quotation")
    opened.catalog.defaults = {**opened.catalog.defaults, name: row}
    door = cooled(rooms(opened.inventory, opened.catalog, GPUS), "dhaka", "rear_door")
    assert (door.retrofit_usd, door.retrofit_source) == (500.0 * 160.0, "a quotation")


def test_retrofit_as_the_inventory_states_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    room = "country: BD, room: {usd_per_kw_month: 0, retrofit_usd_per_kw: {rear_door: 700}}"
    file.write_text(text.replace("country: BD", room, 1), encoding="utf-8")
    opened = open_inventory(file)
    found = rooms(opened.inventory, opened.catalog, GPUS)
    door = cooled(found, "dhaka", "rear_door")
    assert (door.retrofit_usd, door.retrofit_source) == (700.0 * 160.0, "the inventory")
    assert cooled(found, "dhaka", "liquid").retrofit_usd is None


def test_work_that_must_stay_elsewhere(found: Rooms) -> None:
    away = work(server(found, "dhaka", "air", "l40s-48gb"), "at-home")
    assert away.reason == "must stay in DE"
    assert work(server(found, "cold", "liquid", "l40s-48gb"), "at-home").total_tokens_per_s


def test_jobs_are_noted_and_not_counted(found: Rooms) -> None:
    assert found.workloads == ("chat", "at-home")
    assert found.notes == ("adapters: no text, so no tokens/s is counted",)


def test_the_answer_names_what_may_be_bought(found: Rooms) -> None:
    lines = view.answers(found)
    assert lines[0].startswith("dhaka, chat: most from 32 h100-sxm-80gb (1 a rack")
    assert "by liquid, " in lines[0]
    assert "b200" not in lines[0]
    assert lines[1] == "dhaka, at-home: no server that the racks hold can do it"


def test_without_a_site(file: Path) -> None:
    opened = open_inventory(file)
    with pytest.raises(InputError, match="names no site"):
        rooms(replace(opened.inventory, sites=()), load())


def test_command_line(file: Path) -> None:
    shown = CliRunner().invoke(app, ["site", str(file), "--gpus", "l40s-48gb"])
    assert shown.exit_code == 0
    assert "not known" in shown.stdout
    data = json.loads(CliRunner().invoke(app, ["site", str(file), "--json"]).stdout)
    assert data["sites"][0]["coolings"][0]["servers"][0]["limited_by"] == "power"


def test_a_gpu_without_a_server(file: Path) -> None:
    opened = open_inventory(file)
    with pytest.raises(InputError, match="no server is known for gh200-96gb"):
        rooms(opened.inventory, opened.catalog, ["gh200-96gb"])
