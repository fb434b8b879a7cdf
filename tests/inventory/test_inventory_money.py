"""Exchange rates, customs lines and countries that an inventory states."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory.recheck import problems_of
from gpumix.supply.countries import country_of, months_until_back
from gpumix.supply.owned import own_servers
from gpumix.verbs.plan import Opened, open_inventory

INVENTORY = """
horizon: {{start: 2027-01, years: 3}}
as_of: 2026-11-24
{top}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  on_prem:
    room: {{racks: 4, kw_per_rack: 12, gpus: [h100-sxm-80gb], {site}}}
"""
KEYS = {
    "usd_per_kwh": "0.2",
    "outage_hours_per_year": "100",
    "cost_of_capital": "14 %",
    "taxes": "[{name: duty, rate: 10}]",
    "currency": "KES",
}
KES = "fx: {KES: {per_usd: 130, as_of: 2026-11-20}}"
STACK = (
    "country: BD, taxes: [{name: CD, rate: 5}, {name: AT, rate: 7.5, base: [value, CD],"
    " recoverable: 1, lag_months: 6}, {name: AIT, rate: 5, recoverable: 1, lag_months: 18}]"
)


def kenya(without: str = "") -> str:
    """A site in a country that no table knows, less one of the keys that it needs."""
    return ", ".join(["country: KE", *(f"{k}: {v}" for k, v in KEYS.items() if k != without)])


def opened(tmp_path: Path, site: str = "country: BD", top: str = "") -> Opened:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(site=site, top=top))
    return open_inventory(file)


def read(tmp_path: Path, site: str = "country: BD", top: str = "") -> Inventory:
    return opened(tmp_path, site, top).inventory


def refused(tmp_path: Path, site: str = "country: BD", top: str = "") -> str:
    with pytest.raises(InputError) as error:
        opened(tmp_path, site, top)
    return "\n".join(f"{p.place}: {p.message} ({p.fix})" for p in error.value.problems)


def test_a_stated_rate_wins_and_its_age_is_said(tmp_path: Path) -> None:
    found = opened(
        tmp_path,
        top="fx: {BDT: {per_usd: 100, as_of: 2026-11-20}}\nreport_currency: BDT\n"
        "limits: {capex: 1M BDT}",
    )
    assert found.inventory.limits.capex_usd == 10000.0
    rate, day = found.catalog.exchange_rate("BDT")
    assert (rate, str(day)) == (100.0, "2026-11-20")
    assert found.inventory.notes[0] == (
        "fx: 100 BDT for a USD, stated, of 2026-11-20, 4 days before the plan's"
    )


def test_any_currency_with_a_rate(tmp_path: Path) -> None:
    top = "fx: {JPY: {per_usd: 150, as_of: 2026-11-20}}\nreport_currency: JPY"
    assert read(tmp_path, top=top).report_currency == "JPY"
    said = refused(tmp_path, top="report_currency: JPY")
    assert "unknown currency 'JPY'" in said
    assert "fx: {JPY: {per_usd: ..., as_of: ...}}" in said


def test_rates_that_cannot_be(tmp_path: Path) -> None:
    top = (
        "fx: {USD: {per_usd: 1, as_of: 2026-11-20}, Yen: {per_usd: 150, as_of: 2026-11-20},"
        " JPY: {per_usd: 150, as_of: 2099-11-20}, GBP: {per_usd: 0, as_of: 2026-11-20}}"
    )
    said = refused(tmp_path, top=top)
    for words in ("fx.USD", "fx.Yen", "fx.JPY.as_of", "is in the future", "fx.GBP.per_usd"):
        assert words in said


def test_a_country_by_its_keys(tmp_path: Path) -> None:
    found = opened(tmp_path, kenya(), KES)
    (site,) = found.inventory.sites
    country = country_of(site, found.catalog)
    assert (country.currency, country.fx_per_usd) == ("KES", 130.0)
    assert country.tariff_usd_per_kwh == 0.2
    (supply,) = own_servers(found.inventory, found.catalog).of
    assert supply.country == "KE"
    known = opened(tmp_path, "country: BD, taxes: [{name: duty, rate: 10}]")
    (there,) = own_servers(known.inventory, known.catalog).of
    assert supply.capex_usd == there.capex_usd  # the same taxes on the same price


@pytest.mark.parametrize("key", KEYS)
def test_the_error_names_exactly_what_is_missing(tmp_path: Path, key: str) -> None:
    assert f"so that it needs {key} (state it" in refused(tmp_path, kenya(key), KES)


def test_all_that_is_missing_at_once(tmp_path: Path) -> None:
    said = refused(tmp_path, "country: KE")
    assert (
        "so that it needs usd_per_kwh, outage_hours_per_year, cost_of_capital, taxes, currency"
        in said
    )


def test_a_country_that_is_none(tmp_path: Path) -> None:
    assert "unknown country 'XX'" in refused(tmp_path, "country: XX")
    assert "write BD" in refused(tmp_path, "country: Bangladesh")


def test_a_currency_without_a_rate(tmp_path: Path) -> None:
    assert "room.currency (line" in refused(tmp_path, kenya())


def test_taxes_of_a_site(tmp_path: Path) -> None:
    found = opened(tmp_path, STACK)
    (site,) = found.inventory.sites
    country = country_of(site, found.catalog)
    assert country.import_tax_share == pytest.approx(0.05 + 0.07875 + 0.05)
    assert country.import_tax_advance_share == pytest.approx(0.07875 + 0.05)
    lag = (0.07875 * 6 + 0.05 * 18) / 0.12875
    assert months_until_back(site) == pytest.approx(lag)
    (supply,) = own_servers(found.inventory, found.catalog).of
    (tax,) = [a for a in supply.assumptions if a.subject == "room: import tax"]
    assert "taxes.server of the inventory" in tax.source


def test_taxes_that_cannot_be(tmp_path: Path) -> None:
    site = (
        "country: BD, taxes: {server: [{name: CD, rate: 105}],"
        " cable: [{name: A, rate: 5, base: [B]}, {name: A, rate: 5}]}"
    )
    said = refused(tmp_path, site)
    assert "must be at most 100" in said
    site = site.replace("105", "10")
    said = refused(tmp_path, site)
    assert "'B' is no tax above 'A'" in said
    assert "'A' stands twice" in said


def test_a_quotation_names_a_line_of_taxes(tmp_path: Path) -> None:
    sheet = tmp_path / "quotes.csv"
    sheet.write_text(
        "item,gpu,gpus,price,tax,as_of\nHGX,h100-sxm-80gb,8,300000,baggage,2026-11-02\n"
    )
    site = (
        "country: BD, taxes: {server: [], board: [{name: CD, rate: 50}]}}\n  quotes: quotes.csv #"
    )
    assert "unknown line of taxes of room 'baggage'" in refused(tmp_path, site)
    sheet.write_text(sheet.read_text().replace("baggage", "board"))
    found = opened(tmp_path, site)
    (supply,) = own_servers(found.inventory, found.catalog).of
    assert supply.capex_usd == pytest.approx(300000 * (1.235 * 1.5 + 0.08))


def test_a_written_inventory_is_checked_again(tmp_path: Path) -> None:
    inventory = read(tmp_path, kenya(), KES)
    assert problems_of(inventory, load(), "plan") == []
    (site,) = inventory.sites
    bad = replace(inventory, sites=(replace(site, currency=None),), report_currency="QQQ")
    said = [p.message for p in problems_of(bad, load(), "plan")]
    assert said == ["unknown currency 'QQQ'", "nothing is known of KE, so that it needs currency"]
