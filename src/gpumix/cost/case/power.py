"""What an option draws, and the bill for it: energy by slot, peak, standing charge, fuel."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.cost.case.size import Size, dark_share
from gpumix.cost.case.streams import Clock, Stream
from gpumix.cost.energy import facility_power_kw
from gpumix.domain.case import STAFFED, Case, Demand, Generator, Metered, Option, Power, Tariff
from gpumix.units import HOURS_PER_DAY, HOURS_PER_YEAR, MONTHS_PER_YEAR
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Draw:
    """Power of an option [kW]: mean and at full load, of the IT and of the whole facility."""

    mean_it_kw: float
    load_it_kw: float
    mean_facility_kw: float
    load_facility_kw: float
    nameplate_kw: float | None


def draw_of(option: Option, size: Size, case: Case) -> Draw | None:
    """What an option draws: idle + (load - idle) x busy for each server; x PUE.

    Args:
        option: the option.
        size: its GPUs and servers.
        case: the case.

    Source: MLPerf Power v4.1, v5.1 (loaded, idle); AcmeTrace (busy is SM activity).
    """
    power = option.power
    if power is None:
        return None
    busy = case.load.busy if power.busy is None else power.busy
    mean, load = _it_kw(power, size, busy)
    pue = case.site.pue
    if power.facility_kw is not None:
        mean_facility = load_facility = power.facility_kw
        mean = load = power.facility_kw / pue
    else:
        mean_facility = facility_power_kw(mean, pue)
        load_facility = facility_power_kw(load, pue)
    nameplate = None if power.nameplate_kw is None else power.nameplate_kw * size.servers
    return Draw(mean, load, mean_facility, load_facility, nameplate)


def _it_kw(power: Power, size: Size, busy: float) -> tuple[float, float]:
    """Mean and full IT power of the option [kW]."""
    if power.it_kw is not None:
        return power.it_kw, power.it_kw
    if power.it_kw_per_gpu is not None:
        whole = power.it_kw_per_gpu * (size.gpus or 1.0)
        return whole, whole
    load = power.load_kw or 0.0
    idle = load if power.idle_kw is None else power.idle_kw
    return (idle + (load - idle) * busy) * size.servers, load * size.servers


@dataclass(frozen=True, slots=True)
class Bill:
    """Each month's electricity in the tariff's currency [n], tax included."""

    fixed: FloatArray
    energy: FloatArray
    demand: FloatArray

    @property
    def total(self) -> FloatArray:
        """All of it [n]."""
        return self.fixed + self.energy + self.demand


def bill(
    tariff: Tariff, kwh: dict[str, float], peak_kw: FloatArray, days: float, first_month: int = 0
) -> Bill:
    """The bill of each month: days x standing charge, energy by slot, and the peak; x (1 + tax).

    Args:
        tariff: prices of electricity.
        kwh: energy of a month by slot [kWh].
        peak_kw: highest draw of each month [kW], shape (n,).
        days: days of a month.
        first_month: calendar month of the first, from 0.

    Source: Ergon tariffs 11, 12 and 14 (aguinane/qld-tariffs, tests).
    """
    taxed = 1.0 + tariff.tax
    months = np.ones_like(peak_kw)
    energy = sum(price * kwh.get(slot, 0.0) for slot, price in tariff.energy.items())
    charge = np.zeros_like(peak_kw)
    if tariff.demand is not None:
        charge = demand_charge(tariff.demand, peak_kw, first_month)
    return Bill(
        months * tariff.fixed_per_day * days * taxed, months * energy * taxed, charge * taxed
    )


def demand_charge(demand: Demand, peak_kw: FloatArray, first_month: int = 0) -> FloatArray:
    """Charge for each month's peak: max(peak, ratchet x highest so far, minimum) / pf x price.

    Args:
        demand: price, unit and rules; the power factor counts where the unit is kVA.
        peak_kw: highest draw of each month [kW], shape (n,).
        first_month: calendar month of the first, from 0.

    Source: REopt, test of ratchets; Ergon tariff 14.
    """
    prices = np.array(demand.price)[(first_month + np.arange(peak_kw.size)) % len(demand.price)]
    charge: FloatArray = billed_demand(demand, peak_kw) * prices
    return charge


def billed_demand(demand: Demand, peak_kw: FloatArray) -> FloatArray:
    """Peak that each month is billed for, in the charge's unit [kW or kVA], shape (n,).

    Args:
        demand: unit and rules.
        peak_kw: highest draw of each month [kW], shape (n,).

    Source: `demand_charge`.
    """
    highest = np.maximum.accumulate(peak_kw)
    billed = np.maximum(np.maximum(peak_kw, demand.ratchet * highest), demand.minimum_kw)
    return np.asarray(billed / (demand.power_factor if demand.unit == "kVA" else 1.0))


def slot_shares(tariff: Tariff) -> dict[str, float]:
    """Share of the hours of a year in each slot of a tariff; a slot without hours has the rest.

    Args:
        tariff: prices by slot.

    Source: definition.
    """
    shares = {name: _share(tariff, name) for name in tariff.energy}
    rest = 1.0 - sum(share for share in shares.values() if share is not None)
    return {name: rest if share is None else share for name, share in shares.items()}


def _share(tariff: Tariff, name: str) -> float | None:
    slot = tariff.slots.get(name)
    if slot is None:
        return None
    if slot.share is not None:
        return slot.share
    share = 1.0
    if slot.hours is not None:
        start, end = slot.hours
        share *= ((end - start) % HOURS_PER_DAY or HOURS_PER_DAY) / HOURS_PER_DAY
    if slot.months is not None:
        share *= len(set(slot.months)) / MONTHS_PER_YEAR
    if slot.days is not None:
        share *= len(set(slot.days)) / len(calendar.day_name)
    return share


@dataclass(frozen=True, slots=True)
class Electricity:
    """What electricity of an option comes to: streams of the ledger and figures of the answer."""

    streams: tuple[Stream, ...] = ()
    kwh_per_year: float = 0.0
    bill: Bill | None = None
    litres_per_hour: float | None = None
    litres_per_year: float = 0.0


def electricity_of(option: Option, draw: Draw | None, case: Case, clock: Clock) -> Electricity:
    """Energy, peak, standing charge and fuel of an option over the horizon.

    Outage hours are the generator's, or dark. A run of `load.gpu_hours` pays its energy at once.

    Args:
        option: the option.
        draw: its power, or None.
        case: the case.
        clock: months of the ledger.

    Source: docs/tco-case.md, "Figures"; generator: manufacturer chart, litres = a x rated + b x
    load.
    """
    if option.metered is not None and case.site.tariff is not None:
        return _metered(option.metered, case.site.tariff, clock)
    if draw is None or option.power is None:
        return Electricity()
    if case.load.gpu_hours is not None:
        return _run(option, option.power, draw, case.load.gpu_hours, clock)
    hours = case.load.hours_per_year / MONTHS_PER_YEAR
    if option.power.hours_per_month is not None:
        hours = option.power.hours_per_month
    outage = _outage_share(option, case)
    kwh = draw.mean_facility_kw * hours * (1.0 - dark_share(option, case))
    found = Electricity(kwh_per_year=kwh * MONTHS_PER_YEAR)
    if option.power.included:
        return found
    streams: list[Stream] = []
    tariff = case.site.tariff
    if tariff is not None:
        grid_kwh = draw.mean_facility_kw * hours * (1.0 - outage)
        slots = {slot: grid_kwh * share for slot, share in slot_shares(tariff).items()}
        peaks = np.full(clock.end, draw.load_facility_kw)
        days = case.load.hours_per_year / MONTHS_PER_YEAR / HOURS_PER_DAY
        monthly = bill(tariff, slots, peaks, days, clock.first_month)
        found = replace(found, bill=_stepped(monthly, tariff, clock))
        streams += _bill_streams(monthly, tariff, grid_kwh, clock)
    if (generator := case.site.generator) is not None and outage:
        an_hour = litres_per_hour(generator, draw.mean_facility_kw)
        out = case.site.outage_hours_per_year
        found = replace(found, litres_per_hour=an_hour, litres_per_year=an_hour * out)
        streams.append(_fuel(generator, an_hour * out / MONTHS_PER_YEAR, clock))
    return replace(found, streams=tuple(streams))


def litres_per_hour(generator: Generator, load_kw: float) -> float:
    """Fuel of a running generator: a x rated kW + b x kW delivered [l/h].

    Args:
        generator: its size and fuel curve.
        load_kw: power it delivers [kW].

    Source: manufacturer chart, a 0.0170, b 0.2483; HOMER's linear fuel curve.
    """
    use = generator.litres_per_hour
    return use.per_rated_kw * generator.rated_kw + use.per_load_kw * load_kw


def _outage_share(option: Option, case: Case) -> float:
    on_site = option.kind in STAFFED
    return case.site.outage_hours_per_year / HOURS_PER_YEAR if on_site else 0.0


def _metered(metered: Metered, tariff: Tariff, clock: Clock) -> Electricity:
    readings = np.array(metered.peak_kw or (0.0,))
    peaks = readings[(clock.first_month + np.arange(clock.end)) % readings.size]
    days = metered.days or HOURS_PER_YEAR / MONTHS_PER_YEAR / HOURS_PER_DAY
    monthly = bill(tariff, dict(metered.kwh), peaks, days, clock.first_month)
    kwh = sum(metered.kwh.values())
    streams = _bill_streams(monthly, tariff, kwh, clock)
    stepped = _stepped(monthly, tariff, clock)
    return Electricity(tuple(streams), kwh * MONTHS_PER_YEAR, stepped)


def _run(option: Option, power: Power, draw: Draw, gpu_hours: float, clock: Clock) -> Electricity:
    """A run of so many GPU-hours: its share of the draw, paid at the start."""
    tariff = clock.case.site.tariff
    gpus = option.gpus or (option.servers or 1.0) * (option.gpus_per_server or 1.0)
    kwh = draw.mean_facility_kw / gpus * gpu_hours
    if power.included or tariff is None:
        return Electricity(kwh_per_year=kwh)
    shares = slot_shares(tariff)
    price = sum(price * shares[slot] for slot, price in tariff.energy.items()) * (1 + tariff.tax)
    now = np.zeros(1)
    stream = _stream("energy", "electricity", now, np.array([kwh]), price, tariff, clock, "kWh")
    return Electricity((replace(stream, closes=False),), kwh)


def _stepped(monthly: Bill, tariff: Tariff, clock: Clock) -> Bill:
    step = clock.stepped(tariff.price_change_per_year, np.arange(clock.end, dtype=float))
    return Bill(monthly.fixed * step, monthly.energy * step, monthly.demand * step)


def _bill_streams(monthly: Bill, tariff: Tariff, kwh: float, clock: Clock) -> Sequence[Stream]:
    parts = (
        ("energy", "electricity", monthly.energy, kwh, "kWh"),
        ("energy", "standing charge", monthly.fixed, 1.0, "month"),
        ("demand", "demand charge", monthly.demand, 1.0, "month"),
    )
    starts, ends = clock.periods()
    found = []
    for category, item, amounts, quantity, unit in parts:
        if not amounts.any():
            continue
        stepped = amounts * clock.stepped(
            tariff.price_change_per_year, np.arange(clock.end, dtype=float)
        )
        sums = np.add.reduceat(stepped, starts.astype(int))
        count = quantity * (ends - starts)
        price = np.divide(sums, count, out=np.zeros_like(sums), where=count > 0.0)
        found.append(_stream(category, item, ends, count, price, tariff, clock, unit))
    return found


def _fuel(generator: Generator, litres_per_month: float, clock: Clock) -> Stream:
    starts, ends = clock.periods()
    litres = litres_per_month * (ends - starts)
    price = generator.diesel_price
    return _stream("fuel", "generator fuel", ends, litres, price, generator, clock, "l")


def _stream(
    category: str,
    item: str,
    months: FloatArray,
    quantity: FloatArray,
    price: FloatArray | float,
    of: Tariff | Generator,
    clock: Clock,
    unit: str,
) -> Stream:
    rate = clock.rates(of.currency, months)
    prices = np.broadcast_to(np.asarray(price, dtype=float), months.shape)
    return Stream(
        category=category,
        item=item,
        months=months,
        quantity=quantity,
        price=prices,
        rate=rate,
        amounts=quantity * prices * rate,
        closes=True,
        unit=unit,
        currency=of.currency or clock.case.finance.currency,
        source=of.source,
        basis=of.basis,
        as_of=of.as_of,
    )
