"""What an open site pays beside its servers, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gpumix.cost.case.streams import Stream
from gpumix.cost.site_charges import SiteCharges, SiteLoad
from gpumix.domain.case import Demand, FuelUse, Generator, Tariff

DAYS = 8760.0 / 12.0 / 24.0


def load(servers: list[float], kw: float = 10.0) -> SiteLoad:
    counts = np.array(servers)
    return SiteLoad(counts, counts * kw, counts * kw * 1.5)


def by_item(streams: tuple[Stream, ...]) -> dict[str, Stream]:
    return {stream.item: stream for stream in streams}


def test_a_standing_charge_is_paid_while_the_site_is_open_and_grows_once_a_year() -> None:
    tariff = Tariff(energy={"all": 0.1}, fixed_per_day=2.0, tax=0.05, price_change_per_year=0.1)
    (paid,) = SiteCharges("room", tariff=tariff).paid(load([0.0, *[1.0] * 23]))
    assert paid.months.tolist() == [float(m) for m in range(2, 25)]
    assert paid.total == pytest.approx(2.0 * DAYS * 1.05 * (11 + 12 * 1.1))
    assert (paid.quantity * paid.price).tolist() == paid.amounts.tolist()


def test_the_peak_of_the_whole_site_is_billed_with_minimum_and_ratchet() -> None:
    demand = Demand(price=(2.0,), unit="kVA", power_factor=0.8, ratchet=0.6, minimum_kw=20.0)
    tariff = Tariff(energy={"all": 0.1}, demand=demand)
    found = by_item(SiteCharges("room", tariff=tariff).paid(load([1.0, 3.0, 1.0])))
    paid = found["demand charge"]  # peaks of 15, 45 and 15 kW
    assert paid.quantity.tolist() == pytest.approx([20.0 / 0.8, 45.0 / 0.8, 27.0 / 0.8])
    assert paid.total == pytest.approx(2.0 * (20.0 + 45.0 + 27.0) / 0.8)


def test_prices_of_the_peak_by_calendar_month_start_with_the_plans() -> None:
    demand = Demand(price=tuple(float(m) for m in range(1, 13)))
    charges = SiteCharges("room", tariff=Tariff(energy={"a": 0.1}, demand=demand), first_month=10)
    paid = by_item(charges.paid(load([1.0, 1.0, 1.0])))["demand charge"]
    assert paid.price.tolist() == [11.0, 12.0, 1.0]


def test_a_room_is_rented_at_its_minimum_and_fitted_out_once() -> None:
    charges = SiteCharges("room", rent_usd_per_kw_month=100.0, minimum_kw=25.0, fit_out_usd=5e4)
    found = by_item(charges.paid(load([0.0, 1.0, 3.0])))
    assert found["room below its minimum"].amounts.tolist() == [1_500.0, 0.0]
    assert (found["fit-out"].months.tolist(), found["fit-out"].total) == ([1.0], 50_000.0)


def test_a_generator_burns_for_its_size_in_every_outage() -> None:
    use = FuelUse(per_rated_kw=0.04, per_load_kw=0.23)
    generator = Generator(rated_kw=40.0, litres_per_hour=use, diesel_price=0.8)
    charges = SiteCharges("room", generator=generator, outage_hours_per_year=600.0)
    (paid,) = charges.paid(load([1.0] * 12))
    assert (paid.category, paid.total) == ("fuel", pytest.approx(600.0 * 0.04 * 40.0 * 0.8))


def test_a_site_without_servers_pays_nothing() -> None:
    charges = SiteCharges(
        "room",
        tariff=Tariff(energy={"all": 0.1}, fixed_per_day=2.0, demand=Demand(price=(2.0,))),
        rent_usd_per_kw_month=100.0,
        minimum_kw=25.0,
        fit_out_usd=5e4,
    )
    assert charges.paid(load([0.0] * 12)) == ()
