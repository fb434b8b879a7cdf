"""One option of a case: its streams, and every figure that is computed from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gpumix.cost.case.books import book_values, charges
from gpumix.cost.case.lines import Written, quantity_of, tax_shares, write_lines
from gpumix.cost.case.marginal import still_paid
from gpumix.cost.case.people import answered, financed, staff_of
from gpumix.cost.case.power import Draw, Electricity, draw_of, electricity_of
from gpumix.cost.case.returns import rate_of_return
from gpumix.cost.case.size import Size, dark_share, size_of, tokens_per_year
from gpumix.cost.case.size import units_per_year as count_units
from gpumix.cost.case.streams import Clock, Stream, present_cost_of
from gpumix.cost.case.sums import cash_of, sums_by
from gpumix.cost.energy import joules_per_token
from gpumix.cost.finance import level_cost_per_year
from gpumix.domain.case import CAPITALISED, RENTED_BY_THE_HOUR, Case, Option
from gpumix.domain.tco import (
    BooksAnswer,
    CarbonAnswer,
    Energy,
    Irr,
    LineAnswer,
    MonthBill,
    OptionAnswer,
    PerGpuHour,
    PerMtok,
)
from gpumix.units import HOURS_PER_YEAR, KILO, MEGA, MONTHS_PER_YEAR, PERCENT, SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Counted:
    """An option as it is counted over a horizon."""

    option: Option
    size: Size
    draw: Draw | None
    electricity: Electricity
    lines: tuple[Written, ...]
    streams: tuple[Stream, ...]


def count(option: Option, case: Case, clock: Clock) -> Counted:
    """Everything an option pays and receives, as streams; only what it still pays where the case's
    costs are marginal.

    Args:
        option: one option of the case.
        case: the case.
        clock: months of the ledger.

    Source: docs/tco-case.md.
    """
    size = size_of(option, case.load)
    draw = draw_of(option, size, case)
    electricity = electricity_of(option, draw, case, clock)
    before = [*electricity.streams, *staff_of(option, size, clock)]
    lines = write_lines(option.lines, before, size, draw, clock)
    if case.costs == "marginal":
        kept = tuple(s for s in still_paid(before, lines) if s.amounts.size)
        return Counted(option, size, draw, electricity, tuple(lines), kept)
    streams = before + [stream for line in lines for stream in line.streams]
    if option.financing is not None:
        streams += financed(option.financing, [s for one in lines for s in one.paid], clock)
    if option.flows:
        streams.append(_flows(option, clock))
    kept = tuple(s for s in streams if s.amounts.size)
    return Counted(option, size, draw, electricity, tuple(lines), kept)


def _flows(option: Option, clock: Clock) -> Stream:
    amounts = -np.array(option.flows)
    months = np.arange(float(amounts.size)) * MONTHS_PER_YEAR
    ones = np.ones_like(amounts)
    currency = clock.case.finance.currency
    return Stream("other", "flows", months, ones, amounts, ones, amounts, False, "year", currency)


def answer(counted: Counted, case: Case) -> OptionAnswer:
    """Every figure of an option.

    Args:
        counted: the option's streams over the case's horizon.
        case: the case.

    Source: docs/tco-case.md, "Figures".
    """
    option, size, streams = counted.option, counted.size, counted.streams
    present = present_cost_of(streams, case.finance.cost_of_capital)
    rate, payments = case.finance.cost_of_capital, 1.0 if _is_yearly(case) else MONTHS_PER_YEAR
    level = level_cost_per_year(present, rate, case.years, payments)
    units = {unit.name: count_units(unit, case.load) for unit in case.load.units}
    return OptionAnswer(
        kind=option.kind,
        cash=cash_of(streams, case.months),
        present_cost=present,
        level_cost_per_year=level,
        by_category=sums_by(streams, "category"),
        by_item=sums_by(streams, "item"),
        lines=_lines(counted, case),
        gpus=size.gpus,
        servers=size.servers,
        peak_per_s=size.peak_per_s,
        replicas=size.replicas,
        gpus_needed=size.gpus_needed,
        gpu_hours_per_year=_provisioned_hours(option, size, case),
        cost_per_gpu_hour=_per_gpu_hour(option, size, level, case)
        if case.load.gpu_hours is None
        else _of_run(present, case.load.gpu_hours, case.load.useful),
        units_per_year=units,
        tokens_per_year=math.fsum(tokens_per_year(case.load)),
        cost_per_unit={name: level / number for name, number in units.items() if number},
        cost_per_mtok=_per_mtok(level, case),
        energy=_energy(counted, case),
        carbon=_carbon(counted, case),
        books=_books(counted, case),
        npv=-present if option.flows else None,
        irr=_irr(option),
    )


def _is_yearly(case: Case) -> bool:
    return case.finance.flows == "yearly"


def _lines(counted: Counted, case: Case) -> dict[str, LineAnswer]:
    found = {one.line.item: _line(one, counted, case) for one in counted.lines}
    if counted.option.loan is not None:
        name, value = answered(counted.option.loan)
        found[name] = LineAnswer("financing", 1.0, value, 0.0 if value is None else value)
    return found


def _line(written: Written, counted: Counted, case: Case) -> LineAnswer:
    line = written.line
    amount = _amount(written, case)
    stack = case.site.taxes.get(line.tax or "", ())
    taxes = {name: share * amount for name, share in tax_shares(stack).items()}
    total = math.fsum(taxes.values())
    return LineAnswer(
        category=line.category,
        quantity=quantity_of(line.quantity, counted.size, counted.draw),
        price=line.price,
        amount=amount,
        taxes=taxes,
        tax_total=total,
        tax_pct=total / amount / PERCENT if amount else 0.0,
        tax_final=total - math.fsum(taxes[tax.name] * tax.recoverable for tax in stack),
        landed=amount + total,
    )


def _amount(written: Written, case: Case) -> float:
    """What is paid once; of what recurs, a year's at the price of the start."""
    paid = [s for s in written.paid if s.amounts.size]
    if all(s.months.size == 1 for s in paid):
        return math.fsum(s.total for s in paid)
    years = min(case.years, 1.0)
    first = [s.amounts[s.months <= MONTHS_PER_YEAR - (0.0 if s.closes else 1.0)] for s in paid]
    return math.fsum(float(amounts.sum()) for amounts in first) / years


def _provisioned_hours(option: Option, size: Size, case: Case) -> float | None:
    """GPU-hours of a year that are paid for: what is rented by the hour, only while busy."""
    if size.gpus is None:
        return None
    hours = size.gpus * case.load.hours_per_year
    return hours * case.load.busy if option.kind in RENTED_BY_THE_HOUR else hours


def _per_gpu_hour(option: Option, size: Size, level: float, case: Case) -> PerGpuHour:
    held = _provisioned_hours(option, size, case)
    if not held or size.gpus is None:
        return PerGpuHour(None, None, None)
    lit = 1.0 - dark_share(option, case)
    busy = size.gpus * case.load.hours_per_year * case.load.busy * lit
    useful = busy * case.load.useful
    return PerGpuHour(
        level / held, level / busy if busy else None, level / useful if useful else None
    )


def _of_run(present: float, gpu_hours: float, useful: float) -> PerGpuHour:
    """A run's cost, which is paid at the start, over its hours."""
    each = present / gpu_hours
    return PerGpuHour(each, each, each / useful if useful else None)


def _per_mtok(level: float, case: Case) -> PerMtok:
    """Level cost of a million tokens; p_in = T / (in + k out), p_out = k p_in.

    Source: NVIDIA, "How much does your LLM inference cost" (k = 3); InferenceX (full speed).
    """
    load = case.load
    seconds = load.hours_per_year * load.busy * SECONDS_PER_HOUR / MEGA
    speed = load.full_speed
    total = level / (speed.tok_s * seconds) if speed.tok_s and seconds else None
    output_only = level / (speed.output_tok_s * seconds) if speed.output_tok_s and seconds else None
    inputs, outputs = (tokens / MEGA for tokens in tokens_per_year(load))
    combined = level / (inputs + outputs) if inputs + outputs else None
    price_in = price_out = None
    if load.price_ratio is not None and inputs + outputs:
        price_in = level / (inputs + load.price_ratio * outputs)
        price_out = load.price_ratio * price_in
    return PerMtok(total, output_only, combined, price_in, price_out)


def _energy(counted: Counted, case: Case) -> Energy:
    draw, found = counted.draw, counted.electricity
    speed = case.load.full_speed
    cost = math.fsum(s.total for s in found.streams) / case.years
    months = () if found.bill is None else zip(
        found.bill.fixed, found.bill.energy, found.bill.demand, found.bill.total, strict=True
    )  # fmt: skip
    return Energy(
        mean_it_kw=None if draw is None else draw.mean_it_kw,
        mean_facility_kw=None if draw is None else draw.mean_facility_kw,
        kwh_per_year=found.kwh_per_year,
        cost_per_year=cost,
        bill_by_month=tuple(MonthBill(*map(float, month)) for month in months),
        generator_l_per_hour=found.litres_per_hour,
        generator_l_per_year=found.litres_per_year,
        dark_hours_per_year=dark_share(counted.option, case) * HOURS_PER_YEAR,
        joule_per_token=joules_per_token(draw.load_facility_kw, speed.tok_s)
        if draw is not None and speed.tok_s
        else None,
        joule_per_output_token=joules_per_token(draw.load_it_kw, speed.output_tok_s)
        if draw is not None and speed.output_tok_s
        else None,
    )


def _carbon(counted: Counted, case: Case) -> CarbonAnswer | None:
    """Embodied: quantity x kg of each item; operation: kWh of a year x grid intensity."""
    carbon = counted.option.carbon
    if carbon is None:
        return None
    embodied = math.fsum(
        quantity_of(one.quantity, counted.size, counted.draw) * one.kg_per_unit
        for one in carbon.embodied
    )
    grid = case.site.grid_g_per_kwh if carbon.grid_g_per_kwh is None else carbon.grid_g_per_kwh
    kwh = counted.electricity.kwh_per_year
    return CarbonAnswer(embodied, None if grid is None else kwh * grid / KILO)


def _books(counted: Counted, case: Case) -> BooksAnswer | None:
    """Hardware and its duties that do not come back, spread over years."""
    books = counted.option.books
    if books is None or case.costs == "marginal":
        return None
    capital = [one for one in counted.lines if one.line.category in CAPITALISED]
    cost = math.fsum(s.total for one in capital for s in (*one.paid, *one.taxes, *one.refunds))
    values = book_values(cost, books, case.years)
    return BooksAnswer(tuple(charges(cost, values)), tuple(values))


def _irr(option: Option) -> Irr | None:
    if not option.flows:
        return None
    return rate_of_return(np.array(option.flows), option.irr_near, 1.0)
