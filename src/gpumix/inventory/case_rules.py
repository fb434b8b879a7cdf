"""What is wrong with a case beyond its shapes: names that are not there, dates out of order."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from gpumix.domain.case import (
    COUNTED,
    RECURRING,
    STAFFED,
    Case,
    Line,
    Option,
    Residual,
    Tariff,
    Tax,
)
from gpumix.errors import Hint
from gpumix.inventory.yaml import KeyPath
from gpumix.units import MONTHS_PER_YEAR

_NEGATIVE = ("credit", "residual")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OVER = ("hours", "months")
_TINY = 1e-9


class Fault(NamedTuple):
    """What is wrong at a path, and how to mend it."""

    path: KeyPath
    message: str
    fix: str | Hint = ""


def case_faults(case: Case, today: date) -> Iterator[Fault]:
    """Everything that is wrong with a case whose shapes are right."""
    yield from _horizon(case)
    for currency in case.finance.fx:
        if currency == case.finance.currency:
            here = ("finance", "fx", currency)
            yield Fault(here, "is the currency of the answer", "delete it: its rate is 1")
    for index, unit in enumerate(case.load.units):
        if unit.per_day is not None and unit.per_month is not None:
            yield Fault(("load", "units", index), "states `per_day` and `per_month`", "state one")
    if case.site.tariff is not None:
        yield from _tariff(case.site.tariff, case)
    for name, stack in case.site.taxes.items():
        yield from tax_faults(("site", "taxes", name), stack)
    for part, key in ((case.site.generator, "generator"), (case.site.staff, "staff")):
        if part is not None:
            yield from _currency(("site", key, "currency"), part.currency, case)
    for name, option in case.options.items():
        yield from _option(("options", name), option, case)
        if option.flows and case.costs == "marginal":
            here = ("options", name, "flows")
            what = "does not say which of its cash is committed and which is not"
            yield Fault(here, what, "write lines, or `costs: full`")
    yield from _questions(case)
    yield from _dates(case, today)


def _horizon(case: Case) -> Iterator[Fault]:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", case.horizon.start):
        yield Fault(("horizon", "start"), f"is no month: {case.horizon.start}", "write 2027-01")
    months = case.horizon.years * MONTHS_PER_YEAR
    if case.horizon.months is None and abs(months - round(months)) > _TINY:
        yield Fault(("horizon", "years"), "is no whole number of months", "state `months`")
    if case.horizon.months is None and round(months) > 600:
        yield Fault(("horizon", "years"), "must be at most 50")


def _currency(path: KeyPath, currency: str | None, case: Case) -> Iterator[Fault]:
    if currency is None or currency == case.finance.currency or currency in case.finance.fx:
        return
    fix = f"state it: finance.fx: {{{currency}: ...}}, {case.finance.currency} for one {currency}"
    yield Fault(path, f"{currency} has no rate of exchange", fix)


def _tariff(tariff: Tariff, case: Case) -> Iterator[Fault]:
    path = ("site", "tariff")
    yield from _currency((*path, "currency"), tariff.currency, case)
    metered = any(option.metered is not None for option in case.options.values())
    yield from tariff_faults(path, tariff, metered)


def tariff_faults(path: KeyPath, tariff: Tariff, metered: bool = False) -> Iterator[Fault]:
    """Slots without hours or price, hours and days that are none; meters tell the hours."""
    without = [name for name in tariff.energy if name not in tariff.slots]
    if len(tariff.energy) > 1 and len(without) > 1 and not metered:
        fix = "state `slots`: the share of the hours, or `hours`, of all slots but one"
        yield Fault((*path, "energy"), f"no hours are stated for {', '.join(without)}", fix)
    for name, slot in tariff.slots.items():
        here = (*path, "slots", name)
        if name not in tariff.energy:
            yield Fault(here, "has no price in `energy`", Hint(name, list(tariff.energy)))
        if slot.hours is not None and len(slot.hours) != 2:
            yield Fault((*here, "hours"), "needs two hours", "such as [17, 23]")
        for day in slot.days or ():
            if day[:3].lower() not in _DAYS:
                yield Fault((*here, "days"), f"{day!r} is no day", "such as [mon, tue]")
    stated = math.fsum(slot.share or 0.0 for slot in tariff.slots.values())
    if stated > 1.0 + _TINY:
        yield Fault((*path, "slots"), f"the shares sum to {stated:g}, more than 1")
    if tariff.demand is not None:
        yield from _twelve((*path, "demand", "price"), len(tariff.demand.price))


def _twelve(path: KeyPath, count: int) -> Iterator[Fault]:
    if count not in (1, int(MONTHS_PER_YEAR)):
        yield Fault(path, f"holds {count} figures", "state one, or twelve from January on")


def tax_faults(path: KeyPath, stack: Sequence[Tax]) -> Iterator[Fault]:
    """Taxes whose base is not above them, or that stand twice."""
    above = ["value"]
    for index, tax in enumerate(stack):
        here = (*path, index)
        for base in tax.base:
            if base not in above:
                what = f"{base!r} is no tax above {tax.name!r}"
                yield Fault((*here, "base"), what, f"above it: {', '.join(above)}")
        if tax.name in above:
            yield Fault((*here, "name"), f"{tax.name!r} stands twice")
        above.append(tax.name)


def _option(path: KeyPath, option: Option, case: Case) -> Iterator[Fault]:
    if (option.kind == "flows") != bool(option.flows):
        what = "needs `flows`" if option.kind == "flows" else "has `flows` but is of another kind"
        yield Fault(path, what, "`kind: flows` and `flows: [-100, 60, 60]` go together")
    if option.irr_near is not None and not option.flows:
        yield Fault((*path, "irr_near"), "needs `flows`")
    if option.loan is not None and (option.loan.periods is None) == (option.loan.payment is None):
        fix = "state one of them: the other is answered"
        yield Fault((*path, "loan"), "needs exactly one of `periods` and `payment`", fix)
    elif option.loan is not None and option.loan.payment is not None:
        interest = option.loan.principal * option.loan.rate_per_period
        if option.loan.payment <= interest:
            what = f"never pays the loan back: its interest alone is {interest:g} a period"
            yield Fault((*path, "loan", "payment"), what)
    yield from _power(path, option, case)
    names = {line.item for line in option.lines}
    if len(names) < len(option.lines):
        items = [line.item for line in option.lines]
        twice = next(item for item in items if items.count(item) > 1)
        yield Fault((*path, "lines"), f"item {twice!r} stands twice", "give each a name of its own")
    for index, line in enumerate(option.lines):
        yield from _line((*path, "lines", index), line, option, case)
    for index, one in enumerate(option.carbon.embodied if option.carbon else ()):
        here = (*path, "carbon", "embodied", index, "quantity")
        yield from _quantity(here, one.quantity, option, case)


def _power(path: KeyPath, option: Option, case: Case) -> Iterator[Fault]:
    power, metered = option.power, option.metered
    site = case.site
    if metered is not None:
        if site.tariff is None:
            yield Fault((*path, "metered"), "needs site.tariff, the prices of what is metered")
        else:
            priced = list(site.tariff.energy)
            for slot in metered.kwh:
                if slot not in priced:
                    here = (*path, "metered", "kwh")
                    yield Fault(here, f"{slot!r} has no price", Hint(slot, priced))
        if metered.peak_kw is not None:
            yield from _twelve((*path, "metered", "peak_kw"), len(metered.peak_kw))
    if power is None:
        return
    ways = [
        name for name in ("load_kw", "it_kw", "it_kw_per_gpu", "facility_kw", "server")
        if getattr(power, name) is not None
    ]  # fmt: skip
    if len(ways) > 1 and ways != ["load_kw", "server"]:
        yield Fault((*path, "power"), f"states {' and '.join(ways)}", "state one of them")
    if not ways and power.nameplate_kw is None:
        fix = "idle_kw and load_kw, it_kw, it_kw_per_gpu, facility_kw, or server"
        yield Fault((*path, "power"), "states no power", fix)
    if power.idle_kw is not None and power.load_kw is not None and power.idle_kw > power.load_kw:
        yield Fault((*path, "power", "idle_kw"), "is more than load_kw")
    owned = option.kind in STAFFED and not power.included and bool(ways)
    if owned and case.defaults != "none" and site.tariff is None and site.country is None:
        fix = "state site.tariff or site.country, or `power: {included: true}`"
        yield Fault((*path, "power"), "is drawn at a site without tariff or country", fix)


def _line(path: KeyPath, line: Line, option: Option, case: Case) -> Iterator[Fault]:
    months = case.months
    fix: str | Hint
    if line.price < 0.0 and line.category not in _NEGATIVE:
        fix = "only a credit or a residual is received"
        yield Fault((*path, "price"), f"is negative: {line.price:g}", fix)
    if line.price > 0.0 and line.category in _NEGATIVE:
        fix = "write it negative: it is received"
        yield Fault((*path, "price"), f"a {line.category} of {line.price:g} would be paid", fix)
    if line.category == "credit" and line.until is None:
        yield Fault(path, "a credit needs `until`, the month in which it ends")
    if line.at > months or (line.at == months and line.per not in (None, "once")):
        yield Fault((*path, "at"), f"is after the horizon of {months} months: {line.at}")
    if line.until is not None and line.until <= line.at:
        yield Fault((*path, "until"), f"is not after `at`: {line.until} against {line.at}")
    yield from _currency((*path, "currency"), line.currency, case)
    yield from _quantity((*path, "quantity"), line.quantity, option, case)
    units = [unit.name for unit in case.load.units]
    known = ["once", *RECURRING, *units]
    if line.per is not None and line.per not in known:
        fix = Hint(line.per, known, f"known: {', '.join(known)}")
        yield Fault((*path, "per"), f"unknown: {line.per!r}", fix)
    if line.per in ("mtok_input", "mtok_output") and not _has_tokens(case, line.per):
        yield Fault((*path, "per"), "needs load.units with tokens")
    if line.timing is not None and line.per not in ("year", "month"):
        yield Fault((*path, "timing"), "is for `per: year` and `per: month`")
    if line.tax is not None and line.tax not in case.site.taxes:
        fix = Hint(line.tax, list(case.site.taxes), "name one of site.taxes")
        yield Fault((*path, "tax"), f"no taxes are called {line.tax!r}", fix)
    yield from _share_of(path, line, option, case)
    if line.depreciation is not None and case.load.gpu_hours is None:
        yield Fault((*path, "depreciation"), "needs load.gpu_hours, the hours that are charged")
    if math.fsum(line.split.values()) > 1.0 + _TINY:
        yield Fault((*path, "split"), "the parts are more than the whole")
    if line.residual is not None and not _states_one(line.residual):
        fix = "state one of share, after_months, decline_per_year, ooms_per_year"
        yield Fault((*path, "residual"), "needs exactly one rule", fix)


def _states_one(left: Residual) -> bool:
    stated = (left.share, left.after_months, left.decline_per_year, left.ooms_per_year)
    return sum(rule is not None for rule in stated) == 1 and left.after_months != {}


def _share_of(path: KeyPath, line: Line, option: Option, case: Case) -> Iterator[Fault]:
    if line.gross_up and not line.of:
        yield Fault((*path, "gross_up"), "needs `of`, what the share is taken of")
    if line.gross_up and line.price >= 1.0:
        yield Fault((*path, "price"), f"a share of the sum must be below 1, got {line.price:g}")
    others = [one for one in option.lines if one is not line and not one.of]
    before = option.lines[: option.lines.index(line)]
    others += [one for one in before if one.of]
    known = {one.category for one in others} | {one.item for one in others}
    if option.power is not None or option.metered is not None:
        known |= {"energy", "electricity", "demand", "fuel"}
    if case.site.staff is not None and option.kind in STAFFED:
        known.add("staff")
    for name in line.of:
        if name not in known:
            fix = Hint(name, sorted(known), "shares of shares stand below them")
            yield Fault((*path, "of"), f"the option has no line {name!r}", fix)


def _quantity(path: KeyPath, quantity: float | str, option: Option, case: Case) -> Iterator[Fault]:
    if not isinstance(quantity, str):
        if quantity < 0.0:
            yield Fault(path, f"must be at least 0, got {quantity:g}")
        return
    if quantity not in COUNTED:
        fix = Hint(quantity, COUNTED, f"a number, or {', '.join(COUNTED)}")
        yield Fault(path, f"unknown: {quantity!r}", fix)
    sized = case.load.busiest_hour_share is not None and case.load.replica is not None
    has_servers = option.servers is not None and option.gpus_per_server is not None
    if quantity == "gpus" and option.gpus is None and not has_servers and not sized:
        yield Fault(path, "the option's GPUs are not known", "state gpus, or load.replica")
    has_servers = option.servers is not None or option.gpus_per_server is not None
    if quantity == "servers" and not has_servers:
        yield Fault(path, "the option's servers are not known", "state servers")
    power = option.power
    if quantity == "it_kw" and power is None:
        yield Fault(path, "the option states no power")
    if quantity == "nameplate_kw" and (power is None or power.nameplate_kw is None):
        yield Fault(path, "the option's power states no nameplate_kw")


def _has_tokens(case: Case, per: str) -> bool:
    key = "input_tokens" if per == "mtok_input" else "output_tokens"
    return any(getattr(unit, key) for unit in case.load.units)


def _questions(case: Case) -> Iterator[Fault]:
    names = list(case.options)
    for index, pair in enumerate(case.compare):
        yield from _unknown(("compare", index), pair, names)
    for name, asked in case.break_even.items():
        path = ("break_even", name)
        yield from _unknown((*path, "between"), asked.between, names)
        if asked.search is not None and asked.search[0] >= asked.search[1]:
            yield Fault((*path, "search"), "must go from low to high")
        if asked.search is not None and asked.over in _OVER:
            yield Fault((*path, "search"), f"{asked.over} are not searched for: delete it")
    for path_text, ends in case.ranges.items():
        if not ends[0] <= ends[1] <= ends[2]:
            yield Fault(("ranges", path_text), "must be low, typical, high in this order")


def _unknown(path: KeyPath, named: Collection[str], known: list[str]) -> Iterator[Fault]:
    for name in named:
        if name not in known:
            yield Fault(path, f"no option is called {name!r}", Hint(name, known))


def _dates(case: Case, today: date) -> Iterator[Fault]:
    for name, option in case.options.items():
        for index, line in enumerate(option.lines):
            if line.as_of is not None and line.as_of > today:
                path = ("options", name, "lines", index, "as_of")
                yield Fault(path, f"is in the future: {line.as_of}", "state the day it was true")
    for name, exchange in case.finance.fx.items():
        if exchange.as_of is not None and exchange.as_of > today:
            yield Fault(("finance", "fx", name, "as_of"), f"is in the future: {exchange.as_of}")
