"""What a site's tariff and room come to for a server, worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory.recheck import problems_of
from gpumix.report import export
from gpumix.supply.owned import own_servers
from gpumix.supply.supply import Supply
from gpumix.verbs.plan import Opened, open_inventory

INVENTORY = """
horizon: {{start: 2027-01, years: 3}}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  on_prem:
    room: {{country: US, outage_hours_per_year: 0, pue: 1.5, racks: 4, kw_per_rack: 12,
           gpus: [l40s-48gb], {site}}}
"""
IDLE_KW = 4.3 * 2.38 / 6.22


def opened(tmp_path: Path, site: str) -> Opened:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(site=site))
    return open_inventory(file)


def bought(tmp_path: Path, site: str) -> Supply:
    found = opened(tmp_path, site)
    (supply,) = own_servers(found.inventory, found.catalog).of
    return supply


def refused(tmp_path: Path, site: str) -> str:
    with pytest.raises(InputError) as error:
        opened(tmp_path, site)
    return "\n".join(f"{p.place}: {p.message} ({p.fix})" for p in error.value.problems)


def test_one_price_is_the_short_form(tmp_path: Path) -> None:
    short = bought(tmp_path, "usd_per_kwh: 0.1")
    long = bought(tmp_path, "tariff: {energy: 0.1}")
    assert long.usd_per_instance_year == short.usd_per_instance_year
    assert long.usd_per_gpu_busy_hour == short.usd_per_gpu_busy_hour


def test_energy_by_slot_and_tax(tmp_path: Path) -> None:
    site = "tariff: {energy: {peak: 0.2, off: 0.1}, slots: {peak: {hours: [17, 23]}}, tax: 0.05}"
    yearly = dict(bought(tmp_path, site).usd_per_instance_year)
    mean = (0.2 * 0.25 + 0.1 * 0.75) * 1.05
    assert yearly["idle energy"] == pytest.approx(IDLE_KW * 1.5 * 8760 * mean)


def test_the_peak_is_charged(tmp_path: Path) -> None:
    site = (
        "tariff: {energy: 0.1, currency: BDT, tax: 0.05, demand: {price: 90, unit: kVA,"
        " power_factor: 0.9, ratchet: 0.8, minimum_kw: 50}}"
    )
    supply = bought(tmp_path, site)
    yearly = dict(supply.usd_per_instance_year)
    kva = 4.3 * 1.5 / 0.9
    assert yearly["demand"] == pytest.approx(kva * 90 / 123.1689 * 12 * 1.05)
    assert yearly["idle energy"] == pytest.approx(IDLE_KW * 1.5 * 8760 * 0.105 / 123.1689)
    noted = {a.subject: a.value for a in supply.assumptions}
    assert noted["room: demand charge, minimum"] == (
        "50 kW are billed at the least, whatever the site holds"
    )


def test_without_a_peak_no_part_of_the_cost(tmp_path: Path) -> None:
    assert "demand" not in dict(bought(tmp_path, "usd_per_kwh: 0.1").usd_per_instance_year)


def test_a_room_with_its_power(tmp_path: Path) -> None:
    paid = bought(tmp_path, "room: {usd_per_kw_month: 200, power_included: true}")
    bare = bought(tmp_path, "facility_usd_per_kw_month: 200")
    yearly = dict(paid.usd_per_instance_year)
    assert yearly["facility"] == 200 * 12 * 5.0
    assert (yearly["idle energy"], paid.usd_per_gpu_busy_hour) == (0.0, 0.0)
    assert dict(bare.usd_per_instance_year)["idle energy"] > 0.0
    server_usd = next(
        float(a.value.split()[0].replace(",", ""))
        for a in paid.assumptions
        if a.subject.endswith("purchase price")
    )
    assert bare.capex_usd - paid.capex_usd == pytest.approx(0.08 * server_usd)  # installation


def test_a_room_without_its_power_is_the_short_form(tmp_path: Path) -> None:
    short = bought(tmp_path, "facility_usd_per_kw_month: 200")
    assert bought(tmp_path, "room: {usd_per_kw_month: 200}") == short


@pytest.mark.parametrize(
    ("site", "words"),
    [
        (
            "room: {usd_per_kw_month: 1}, facility_usd_per_kw_month: 1",
            "states room and facility_usd_per_kw_month",
        ),
        ("tariff: {energy: 0.1}, usd_per_kwh: 0.1", "states tariff and usd_per_kwh"),
        (
            "room: {usd_per_kw_month: 1, power_included: true}, usd_per_kwh: 0.1",
            "states usd_per_kwh, and that the rent includes the power",
        ),
        ("room: {power_included: true}", "needs the key 'usd_per_kw_month'"),
        ("room: {usd_per_kw_month: 1, power: true}", "unknown key 'power'"),
        ("tariff: {energi: 0.1}", "room.tariff.energi (line 12): unknown key 'energi'"),
        ("tariff: {energy: -0.1}", "must be at least 0, got -0.1"),
        ("tariff: {energy: 0.1, demand: {price: -1}}", "must be at least 0, got -1"),
        ("tariff: {energy: 0.1, demand: {price: 1, unit: kvar}}", "unknown unit"),
        ("tariff: {energy: {a: 1, b: 2}}", "no hours are stated for a, b"),
        ("tariff: {energy: 0.1, currency: QQQ}", "unknown currency 'QQQ'"),
        ("tariff: {energy: 0.1, fixed_per_day: -3}", "must be at least 0, got -3"),
        ("generator: {rated_kw: 40}", "generator (line 12): needs the key"),
        ("room: {usd_per_kw_month: 1, minimum_kw: -2}", "must be at least 0, got -2"),
        (
            "room: {usd_per_kw_month: 1, power_included: true}, generator: {rated_kw: 40,"
            " litres_per_hour: {per_rated_kw: 0.04, per_load_kw: 0.23}, diesel_price: 1}",
            "states generator, and that the rent includes the power",
        ),
        ("tariff: {demand: {price: 1}}", "has no price of energy"),
    ],
)
def test_what_is_refused(tmp_path: Path, site: str, words: str) -> None:
    assert words in refused(tmp_path, site)


def test_a_tariff_is_written_and_read_again(tmp_path: Path) -> None:
    site = (
        "tariff: {energy: 0.1, demand: {price: 0.7, unit: kVA, power_factor: 0.9}}, generator:"
        " {rated_kw: 40, litres_per_hour: {per_rated_kw: 0.04, per_load_kw: 0.2}, diesel_price: 1},"
        " room: {usd_per_kw_month: 9, minimum_kw: 20, fit_out_usd: 1000}"
    )
    found = opened(tmp_path, site)
    written = export.record_to_dict(found.inventory)
    assert export._read(Inventory, written, "plan") == found.inventory
    assert problems_of(found.inventory, found.catalog, "plan") == []
