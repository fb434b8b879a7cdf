"""Quotations for servers: what they price, what they include, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.errors import InputError
from gpumix.report import export
from gpumix.supply.owned import own_servers
from gpumix.supply.supply import Supply
from gpumix.verbs.plan import Opened, open_inventory

INVENTORY = """
horizon: {start: 2027-01, years: 3}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 1000, output_tokens: 200, requests_per_s: 1}
supply:
  quotes: quotes.csv
  on_prem:
    dhaka: {country: BD, racks: 4, kw_per_rack: 12, gpus: [h100-sxm-80gb]}
"""
HEADER = "item,gpu,gpus,price,currency,tax,includes,as_of,valid_until\n"
ADDED = 1.0 + 0.125 + 0.06 + 0.05
"""Server with network, storage and spares, of which customs asks 17.875 %; installation is 8 %."""


def opened(tmp_path: Path, *rows: str, header: str = HEADER) -> Opened:
    (tmp_path / "team.yaml").write_text(INVENTORY)
    (tmp_path / "quotes.csv").write_text(header + "\n".join(rows) + "\n")
    return open_inventory(tmp_path / "team.yaml")


def bought(tmp_path: Path, *rows: str) -> Supply:
    found = opened(tmp_path, *rows)
    (supply,) = own_servers(found.inventory, found.catalog).of
    return supply


def refused(tmp_path: Path, *rows: str, header: str = HEADER) -> str:
    with pytest.raises(InputError) as error:
        opened(tmp_path, *rows, header=header)
    return "\n".join(f"{p.place}: {p.message} ({p.fix})" for p in error.value.problems)


def test_a_quote_goes_before_the_catalogue(tmp_path: Path) -> None:
    supply = bought(tmp_path, "HGX,h100-sxm-80gb,8,300000,USD,,,2026-11-02,2026-12-31")
    assert supply.capex_usd == pytest.approx(300000 * (ADDED * 1.17875 + 0.08))
    assert supply.source.startswith("quotation HGX, 300,000 USD for 8, valid until 2026-12-31")
    assert str(supply.as_of) == "2026-11-02"


def test_what_a_quote_includes_is_not_added_again(tmp_path: Path) -> None:
    everything = "network;storage;support;tax;installation"
    supply = bought(tmp_path, f"All in,h100,8,400000,USD,,{everything},2026-11-02,".replace(
        "h100,", "h100-sxm-80gb,"))  # fmt: skip
    assert supply.capex_usd == pytest.approx(400000 * 1.05)  # spares are nobody's part
    yearly = dict(supply.usd_per_instance_year)
    assert yearly["support"] == 0.0
    assert yearly["insurance"] == pytest.approx(0.005 * 400000)
    noted = {a.subject: a for a in supply.assumptions}
    assert noted["dhaka: network"].source == "quotation All in: included (2026-11-02)"
    assert "included in quotation All in" in noted["dhaka: import tax"].source
    assert "bdtariff" not in noted["dhaka: import tax"].source


def test_one_part_included(tmp_path: Path) -> None:
    supply = bought(tmp_path, "HGX,h100-sxm-80gb,8,300000,USD,server,network,2026-11-02,")
    assert supply.capex_usd == pytest.approx(300000 * (1.11 * 1.17875 + 0.08))


def test_several_servers_and_another_currency(tmp_path: Path) -> None:
    supply = bought(tmp_path, "Two,h100-sxm-80gb,16,73901340,BDT,,tax,2026-11-02,")
    assert supply.capex_usd == pytest.approx(73901340 / 123.1689 / 2 * (ADDED + 0.08), rel=1e-9)


def test_the_quote_that_costs_least_to_have(tmp_path: Path) -> None:
    supply = bought(
        tmp_path,
        "Bare,h100-sxm-80gb,8,300000,USD,,,2026-11-02,",
        "All in,h100-sxm-80gb,8,330000,USD,,network;storage;support;tax;installation,2026-11-02,",
    )
    assert "All in" in supply.source


def test_every_problem_at_once(tmp_path: Path) -> None:
    said = refused(
        tmp_path,
        "A,h100-sxm-80gb,8,-1,USD,,,2026-11-02,",
        "B,h100-sxm-80gb,8,100000,QQQ,,,2026-11-02,",
        "C,h100-sxm-80gb,8,100000,USD,,,2026-11-02,2026-11-01",
        "D,h100-sxm-80gb,8,100000,USD,,,2026-10-02,2026-11-23",
        "E,h100-sxm-81gb,8.5,100000,USD,tax,tax;paint,2126-10-02,soon",
        "D,h100-sxm-80gb,8,90000,USD,,,2026-10-02,",
    )
    for words in (
        "line 2: price is '-1'",
        "line 3: unknown currency 'QQQ'",
        "line 4: valid_until, 2026-11-01, is before as_of, 2026-11-02",
        "line 5: the quotation 'D' for h100-sxm-80gb expired on 2026-11-23",
        "(ask for a new one and write its price and dates, or delete the line)",
        "line 6: gpus is 8.5",
        "line 6: unknown GPU 'h100-sxm-81gb'",
        "line 6: unknown part in includes 'paint'",
        "line 6: includes tax and names taxes",
        "line 6: valid_until is 'soon'",
        "line 7: has the quotation of line 5 again",
    ):
        assert words in said
    assert said.count("supply.quotes (line 10)") >= 10


def test_a_quote_of_the_future(tmp_path: Path) -> None:
    assert "as_of is 2126-10-02" in refused(tmp_path, "A,h100-sxm-80gb,8,100000,USD,,,2126-10-02,")


def test_columns(tmp_path: Path) -> None:
    said = refused(tmp_path, "A,8,1,2026-11-02", header="item,gpus,prise,as_of\n")
    assert "column 'gpu' is missing" in said
    assert "unknown column 'prise'" in said


def test_a_quote_that_nobody_may_buy_is_noted(tmp_path: Path) -> None:
    found = opened(tmp_path, "L40S,l40s-48gb,8,90000,USD,,,2026-11-02,")
    assert found.inventory.notes[-1] == ("quotation L40S: no site lists l40s-48gb in its gpus")


def test_valid_to_the_end_of_the_day(tmp_path: Path) -> None:
    assert bought(tmp_path, "HGX,h100-sxm-80gb,8,300000,USD,,,2026-11-02,2026-11-24").capex_usd


def test_quotes_are_part_of_the_inventory(tmp_path: Path) -> None:
    found = opened(tmp_path, "HGX,h100-sxm-80gb,8,300000,USD,,tax;network,2026-11-02,2026-12-31")
    (written,) = export.record_to_dict(found.inventory)["quotes"]
    assert written["usd"] == 300000
    assert written["includes"] == ["network", "tax"]
