"""What capital and the people of a site cost, as an inventory writes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.workload import Inventory
from gpumix.supply.capital import cost_of_capital
from gpumix.supply.owned import own_servers

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]

TEAM = """
horizon: {start: 2027-01, years: 3}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 1M, output: 1M}
supply:
  on_prem:
    room: {country: BD, racks: RACKS, kw_per_rack: 20, gpus: [l40s-48gb]MORE}
"""


def team(more: str = "", racks: int = 1) -> str:
    return TEAM.replace("RACKS", str(racks)).replace("MORE", more)


def test_staff_is_stated_whole_or_in_its_short_form(read: Read) -> None:
    (site,) = read(team(", staff: {least: 1, per_server: 0.1, salary: 9000, whole: true}")).sites
    assert (site.staff_fte, site.staff_per_server) == (1.0, 0.1)
    assert (site.fte_usd_per_year, site.staff_whole) == (9_000.0, True)
    (short,) = read(team(", staff_fte: 1, fte_usd_per_year: 9000")).sites
    assert (short.staff_fte, short.fte_usd_per_year) == (1.0, 9_000.0)
    assert (short.staff_per_server, short.staff_whole) == (None, False)


def test_staff_in_both_forms_is_refused(refused: Refused) -> None:
    told = refused(team(", staff: {least: 1}, staff_fte: 1, fte_usd_per_year: 9000"))
    assert "supply.on_prem.room.staff_fte" in told
    assert "supply.on_prem.room.fte_usd_per_year" in told


@pytest.mark.parametrize("staff", ["{least: -1}", "{salary: -1}", "{per_server: -0.1}", "{fte: 1}"])
def test_wrong_staff_is_refused(refused: Refused, staff: str) -> None:
    assert "supply.on_prem.room.staff" in refused(team(f", staff: {staff}"))


def test_capital_costs_what_is_stated_else_what_it_does_at_the_site(
    read: Read, catalog: Catalog
) -> None:
    assert cost_of_capital(read(team()), catalog) == catalog.countries["BD"].cost_of_capital
    assert cost_of_capital(read(team(", cost_of_capital: 0.2")), catalog) == 0.2
    stated = read(team(", cost_of_capital: 0.2") + "finance: {cost_of_capital: 0.05}\n")
    assert cost_of_capital(stated, catalog) == 0.05
    (server,) = own_servers(stated, catalog).of
    assert server.hardware is not None
    assert server.hardware.rate_per_year == 0.05
    cloud = TEAM.partition("  on_prem")[0] + "  cloud: {purchase: [on_demand]}\n"
    assert cost_of_capital(read(cloud), catalog) == 0.0


def test_a_wrong_cost_of_capital_is_refused(refused: Refused) -> None:
    assert "finance.cost_of_capital" in refused(team() + "finance: {cost_of_capital: -0.1}\n")


def test_a_server_costs_the_same_however_many_racks_are_declared(
    read: Read, catalog: Catalog
) -> None:
    few, many = (own_servers(read(team(racks=racks)), catalog) for racks in (1, 100))
    assert few.of == many.of
    assert few.staff == many.staff
