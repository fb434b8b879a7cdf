"""A server of one's own: the worked table of docs/cost.md, and what must always hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix import catalog
from gpumix.cost.capex import gpu_capex
from gpumix.cost.hardware import residual_share
from gpumix.cost.premises import server_draw_kw, servers_per_rack
from gpumix.cost.tco import onprem_server
from gpumix.domain.case import Residual
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.site import AI_ENTERPRISE, Licence, Site
from gpumix.errors import DataError, InputError, NoEstimate

CATALOG = catalog.load()
DEFAULTS = CATALOG.defaults
SERVERS = {server.id: server for server in CATALOG.servers}
H100 = SERVERS["hgx-h100-8"]
PRICE = (320_000.0, Assumption("price", "320,000 USD", Basis.ASSUMED, "a worked example"))
SITE = Site("dhaka", "BD", 4, 12.0, "air", ())
BD = CATALOG.countries["BD"]

SCALE = (
    "maintenance_support_rate",
    "spares_share",
    "installation_rack_power_adder",
    "storage_capex_adder",
    "insurance_rate",
)
ADDERS = (
    "network_cabling_optics_adder",
    "storage_capex_adder",
    "spares_share",
    "installation_rack_power_adder",
    "insurance_rate",
)


def _with(**typical):
    return {**DEFAULTS, **{k: replace(DEFAULTS[k], typical=v) for k, v in typical.items()}}


def _cost(site=SITE, country=BD, defaults=DEFAULTS, server=H100, price=PRICE, **options):
    return onprem_server(server, price, site, country, defaults, **{"years": 3, **options})


def _energy_usd(cost, busy):
    return cost.usd_per_year(busy) - cost.fixed_usd_per_year + cost.idle_energy_usd_per_year


@pytest.mark.parametrize(
    ("iso2", "capital", "energy", "total", "per_gpu_hour"),
    [
        ("BD", 88.1e3, 7.2e3, 123.3e3, 1.76),
        ("US", 74.2e3, 8.7e3, 110.9e3, 1.58),
        ("DE", 69.7e3, 13.1e3, 110.8e3, 1.58),
        ("IN", 78.9e3, 6.5e3, 113.4e3, 1.62),
        ("NG", 119.5e3, 10.8e3, 158.3e3, 2.26),
    ],
)
def test_worked_table(iso2, capital, energy, total, per_gpu_hour):
    plain = _with(**dict.fromkeys(ADDERS, 0.0), residual_value_36m=0.15, residual_value_60m=0.15)
    """With one post at 12,000 USD, which the site pays."""
    site, staff = replace(SITE, country=iso2, pue=1.55), 12e3
    cost = _cost(site, CATALOG.countries[iso2], plain, years=5, recovery_lag_months=0.0)
    assert cost.capital_usd_per_year == pytest.approx(capital, rel=0.001)
    assert cost.support_usd_per_year == pytest.approx(16e3)
    assert _energy_usd(cost, 0.6) == pytest.approx(energy, rel=0.05)
    assert cost.usd_per_year(0.6) + staff == pytest.approx(total, rel=0.005)
    assert cost.usd_per_gpu_hour(0.6) + staff / 8 / 8760 == pytest.approx(per_gpu_hour, abs=0.01)


@pytest.mark.parametrize(
    ("price_usd", "pue", "rent"),
    [(270_000.0, 1.12, None), (320_000.0, 1.12, None), (320_000.0, 1.35, 80.0)],
    ids=["hyperscaler", "neocloud", "wholesale colocation"],
)
def test_h100_at_scale_lands_in_the_market_band(price_usd, pue, rent):
    market = DEFAULTS["market_tco_H100_usd_gpu_hour"]
    at_scale = _with(**{name: DEFAULTS[name].low for name in SCALE})
    site = Site("us", "US", 400, 40.0, "air", (), pue=pue, facility_usd_per_kw_month=rent)
    cost = _cost(site, CATALOG.countries["US"], at_scale, price=(price_usd, PRICE[1]), years=5)
    assert market.low * 0.85 <= cost.usd_per_gpu_hour(0.8) <= market.high * 1.15


def test_every_priced_server_costs_something_sane():
    for server in CATALOG.servers:
        try:
            price = gpu_capex(CATALOG.capex, server.gpu, server)
        except NoEstimate:
            continue
        cost = _cost(server=server, price=price, hot_humid=True)
        assert price[0] < cost.capex_usd < 1.7 * price[0]
        assert 0.3 < cost.usd_per_gpu_hour(0.6) < 5.0
        assert cost.fixed_usd_per_year == pytest.approx(sum(cost.fixed_parts.values()))


def test_capex_is_cash_with_all_taxes_and_the_charge_is_not():
    back = _cost(recovery_lag_months=0.0)
    kept = _cost(replace(SITE, taxes_recoverable=False))
    assert back.capex_usd == kept.capex_usd
    imported = 320e3 * (1 + 0.125 + 0.06 + 0.05)
    assert back.capex_usd == pytest.approx(imported * 1.17875 + 320e3 * 0.08)
    advance = imported * 0.12875
    annuity = 0.13 / (1 - 1.13**-3)
    worth = 320e3 * 0.275 / 1.13**3  # only the server itself is sold again
    paid = back.capex_usd - advance - worth
    assert back.capital_usd_per_year == pytest.approx(paid * annuity)
    gap = kept.capital_usd_per_year - back.capital_usd_per_year
    assert gap == pytest.approx(advance * annuity)
    late = _cost()
    assert back.capital_usd_per_year < late.capital_usd_per_year < kept.capital_usd_per_year


def test_owned_servers_have_running_costs_only():
    bought, owned = _cost(), _cost(owned=True)
    assert owned.capex_usd == owned.capital_usd_per_year == 0.0
    assert owned.support_usd_per_year == pytest.approx(0.05 * 320e3)
    assert bought.support_usd_per_year == pytest.approx(0.05 * 320e3 * 1.185)
    assert owned.idle_energy_usd_per_year == bought.idle_energy_usd_per_year
    unpriced = _cost(owned=True, price=None)
    assert unpriced.support_usd_per_year == 0.0
    assert any("no price known" in a.value for a in unpriced.assumptions)
    with pytest.raises(NoEstimate, match="no purchase price"):
        _cost(price=None)


def test_pue_by_cooling_and_climate():
    def overhead(hot_humid=False, **site):
        return _cost(replace(SITE, **site), hot_humid=hot_humid).energy_usd_per_busy_hour

    base = overhead(pue=1.0)
    assert overhead() / base == pytest.approx(1.52)
    assert overhead(hot_humid=True) / base == pytest.approx(1.65)
    assert overhead(cooling="rear_door") / base == pytest.approx(1.35)
    assert overhead(cooling="liquid", hot_humid=True) / base == pytest.approx(1.2)
    with pytest.raises(InputError, match="unknown cooling 'ice'"):
        overhead(cooling="ice")


def test_stated_figures_go_first_and_are_named_so():
    site = replace(SITE, pue=1.5, usd_per_kwh=0.2, outage_hours_per_year=0.0, cost_of_capital=0.05)
    cost = _cost(site)
    said = {a.subject: a for a in cost.assumptions}
    assert said["dhaka: electricity"].source == "the inventory"
    assert said["dhaka: cost of capital"].value == "0.05 a year"
    assert "hgx-h100-8 at the wall" in " ".join(said)
    assert cost.capital_usd_per_year < _cost().capital_usd_per_year
    assert cost.idle_energy_usd_per_year == pytest.approx(2.38 * 1.5 * 8760 * 0.2, rel=1e-3)


def test_each_assumption_names_its_own_source():
    said = {a.subject: a.source for a in _cost().assumptions}
    assert all(said.values())
    assert "bdtariff" in said["dhaka: import tax"]
    assert "carbon" not in said["dhaka: electricity"]
    assert said["dhaka: outages"] == "Bangladesh, countries.csv; inference"


def test_no_generator_means_less_service_not_more_cost():
    dark = _cost(replace(SITE, generator=False))
    assert dark.availability == pytest.approx(1 - 500 / 8760)
    worked = dark.usd_per_year(0.6) - dark.fixed_usd_per_year
    assert worked == pytest.approx(dark.energy_usd_per_busy_hour * 0.6 * (8760 - 500))
    assert dark.usd_per_year(0.6) < _cost().usd_per_year(0.6)


def test_support_and_insurance_of_what_is_owned_are_paid_on_what_it_is_worth_now():
    old = _cost(owned=True, age_months=36.0)
    assert old.support_usd_per_year == pytest.approx(0.05 * 0.275 * 320e3)
    offered = _cost(owned=True, age_months=36.0, sell_usd=92_000.0)
    assert offered.support_usd_per_year == pytest.approx(4_600.0)
    assert offered.insurance_usd_per_year == pytest.approx(460.0)


def test_an_only_server_needs_no_network():
    one, several = _cost(alone=True), _cost()
    assert ("network", "network") not in [part[:2] for part in one.hardware.paid if part[2]]
    network = 0.125 * 320e3
    assert several.capex_usd - one.capex_usd == pytest.approx(network * 1.17875)


def test_rent_and_licence():
    rented = _cost(
        replace(SITE, facility_usd_per_kw_month=100.0), licences=[Licence(AI_ENTERPRISE)]
    )
    assert rented.facility_usd_per_year == pytest.approx(100 * 12 * 10.2)
    assert rented.licence_usd_per_year == 8 * 4500
    own = (
        Licence(AI_ENTERPRISE, 1125.0),
        Licence("os", 100.0, (H100.gpu,)),
        Licence("x", 9.0, ("l4",)),
    )
    assert _cost(SITE, licences=own).licence_usd_per_year == 8 * 1225
    assert _cost(SITE).licence_usd_per_year == 0.0


def test_power_of_servers_with_gaps():
    assert server_draw_kw(H100, DEFAULTS) == pytest.approx((2.38, 6.22))
    assert server_draw_kw(SERVERS["hgx-b200-8"], DEFAULTS) == (2.88, 10.4)
    idle, load = server_draw_kw(SERVERS["pcie-l40s-8"], DEFAULTS)
    assert load == 4.3
    assert idle == pytest.approx(4.3 * 2.38 / 6.22)


@pytest.mark.parametrize(
    ("server", "kw", "count"),
    [
        ("pcie-l40s-8", 5.0, 1),
        ("pcie-l40s-8", 20.0, 4),
        ("hgx-h100-8", 10.0, 0),
        ("hgx-h100-8", 12.0, 1),
        ("hgx-h100-8", 100.0, 5),  # 42 U bind, not 100 kW
    ],
)
def test_servers_per_rack(server, kw, count):
    assert servers_per_rack(SERVERS[server], kw) == count


def test_residual_value_falls_straight_to_nothing():
    rule = Residual(after_months={36: 0.275, 60: 0.1})
    shares = residual_share(rule, 12.0 * np.array([0, 1.5, 3, 4, 5, 6, 7])).tolist()
    assert shares == pytest.approx([1.0, 0.6375, 0.275, 0.1875, 0.1, 0.0125, 0.0])
    level = Residual(after_months={36: 0.15, 60: 0.15})
    assert residual_share(level, np.array([108.0])).tolist() == [0.15]


def test_a_missing_row_is_named():
    with pytest.raises(DataError, match="insurance_rate"):
        _cost(defaults={k: v for k, v in DEFAULTS.items() if k != "insurance_rate"})


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0.02, 0.5),
    st.floats(0.0, 0.5),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.2),
)
def test_dearer_never_costs_less(tariff, rise, busy, rate, more):
    def year(tariff, rate, price=320e3):
        site = replace(SITE, usd_per_kwh=tariff, cost_of_capital=rate)
        return _cost(site, price=(price, PRICE[1])).usd_per_year(busy)

    base = year(tariff, rate)
    assert year(tariff + rise, rate) >= base
    assert year(tariff, rate + more) >= base - 1e-6
    assert year(tariff, rate, 350e3) > base


@settings(deadline=None, max_examples=40)
@given(st.floats(0.0, 0.4), st.integers(1, 8), st.sampled_from(sorted(CATALOG.countries)))
def test_a_longer_horizon_never_raises_the_capital_charge(rate, years, iso2):
    site = replace(SITE, country=iso2, cost_of_capital=rate)
    charge = _cost(site, CATALOG.countries[iso2], years=years).capital_usd_per_year
    longer = _cost(site, CATALOG.countries[iso2], years=years + 1).capital_usd_per_year
    assert longer <= charge + 1e-6
