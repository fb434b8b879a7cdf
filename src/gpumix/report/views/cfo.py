"""What a finance director reads first: the answer in three lines, then where the money goes.

Each title names which of the three totals it shows: cash, present cost or level cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date

from gpumix import fields
from gpumix.domain.evidence import Basis
from gpumix.domain.money import Flip, MoneyAgainst, MoneyInput, OwnOrRent, RentPrice, TornadoBar
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Alternative, MixLine, Plan
from gpumix.domain.room import RoomUse
from gpumix.domain.tco import Spread
from gpumix.domain.timeline import Action
from gpumix.report.tables import Cell, Table, basis, column, money, remark, table, text, value
from gpumix.report.views.alternatives import asked_order
from gpumix.report.views.assumptions import unconfirmed_words
from gpumix.report.views.mix import purchase_of, second_currency
from gpumix.report.views.plan import break_even_words
from gpumix.report.views.timeline import step_words
from gpumix.report.views.totals import with_second

_SIGNED = (Action.SELL, Action.BUY, Action.RESERVE)
"""Steps that somebody signs."""
_NAMED = 3


def answer_lines(plan: Plan) -> list[str]:
    """The answer in three lines: what to do and by when, the cash, the present cost against the
    next best with what would change the decision."""
    return [line for line in (_do(plan), _cash(plan), _against_next(plan)) if line]


def _do(plan: Plan) -> str:
    lines = {line.resource: line for line in plan.mix}
    signed = [step for step in plan.timeline if step.action in _SIGNED]
    shown = signed or [step for step in plan.timeline if step.action is Action.RENT]
    if not shown:
        return ""
    words = [f"by {step.date} {step_words(step, lines.get(step.resource))}" for step in shown]
    more = len(words) - _NAMED
    rest = f"; {more} more steps below" if more > 0 else ""
    told = "; ".join(words[:_NAMED])
    return f"Do: {told}{rest}."


def _cash(plan: Plan) -> str:
    ledger = plan.ledger
    if ledger is None or ledger.cash is None:
        return ""
    first, whole = ledger.cash.by_year[0], ledger.cash.total
    peak = ledger.cash.most_outlaid
    told = f"Cash: {with_second(plan, 'cash_by_year_usd', first)} in {year_names(plan)[0]}"
    if round(peak.amount) != round(first):
        most = with_second(plan, "cash_by_year_usd", peak.amount)
        when = f"in month {peak.month}" if peak.month else "on the first day"
        told += f"; the most ever outlaid is {most}, {when}"
    if plan.years > 1:
        told += f"; {with_second(plan, 'cash_by_year_usd', whole)} in all"
    return f"{told}."


def _against_next(plan: Plan) -> str:
    told = f"Present cost: {with_second(plan, 'horizon_usd', plan.horizon_usd)}"
    other = next_best(plan)
    if other is None or other.horizon_usd is None:
        return f"{told}; no other mix was found to compare with.{_flip_words(plan)}"
    above = other.horizon_usd - plan.horizon_usd
    delta = fields.format_value("horizon_usd", abs(above))
    more = "more" if above >= 0.0 else "less"
    return f"{told}; the next best, {other.name}, costs {delta} {more}.{_flip_words(plan)}"


def next_best(plan: Plan) -> Alternative | None:
    """The cheapest other mix that keeps the promises and is not the plan itself; None where none
    was found."""
    if plan.money is not None:
        return next((o for o in plan.regret if o.name == plan.money.best_alternative), None)
    other = [
        o
        for o in plan.regret
        if o.horizon_usd is not None and not o.breaks
        if abs(o.horizon_usd - plan.horizon_usd) >= 1.0
    ]
    return min(other, key=lambda o: o.horizon_usd or 0.0, default=None)


def asked_first(plan: Plan, most: int) -> list[Alternative]:
    """The alternatives to show where few fit: the next best, then those that are asked for first
    and cost another amount."""
    best = next_best(plan)
    other = [
        o
        for o in asked_order(plan)
        if o is not best and (o.horizon_usd is None or abs(o.horizon_usd - plan.horizon_usd) >= 1.0)
    ]
    return [*([best] if best else []), *other][:most]


def unquoted(plan: Plan) -> list[tuple[MixLine, int]]:
    """What is bought or committed to on a price that is assumed or estimated, and how many."""
    counts: dict[str, int] = {}
    for step in plan.timeline:
        if step.action in (Action.BUY, Action.RESERVE):
            counts[step.resource] = counts.get(step.resource, 0) + step.count
    rests = (m for m in plan.mix if m.basis is Basis.ASSUMED or m.estimated)
    return [(m, counts[m.resource]) for m in rests if m.resource in counts]


def _flip_words(plan: Plan) -> str:
    words = flips(plan)
    return f" What would change it: {words[0]}." if words else ""


def flips(plan: Plan) -> list[str]:
    """What would flip the decision, a phrase each, the nearest first."""
    if plan.money is not None:
        known = [flip for flip in plan.money.flips if flip.value is not None]
        return [flip_words(flip) for flip in sorted(known, key=distance)]
    return [break_even_words(flip) for flip in plan.break_evens]


def distance(flip: Flip) -> float:
    """How far an input is from where it flips, as a share of what it is."""
    if flip.value is None or not flip.now:
        return math.inf
    return abs(flip.value - flip.now) / abs(flip.now)


def flip_words(flip: Flip) -> str:
    """`price of servers below 66,437 USD (now 100,000): all cloud is cheaper`."""
    if flip.value is None:
        return f"{flip.name}: {flip.reason}"
    side = "above" if flip.value > flip.now else "below"
    return (
        f"{flip.name} {side} {figure(flip.value, flip.unit)} (now {figure(flip.now, flip.unit)}):"
        f" {flip.against} is cheaper"
    )


def figure(number: float, unit: str) -> str:
    """A number in its unit: `1.99 USD/h`, `30 % of the price new`, `14.5 % a year`, `0.8 times`."""
    if unit.startswith("share") or unit == "a year":
        return f"{100.0 * number:.3g} % {unit.removeprefix('share')}".replace("  ", " ").rstrip()
    return f"{fields.significant(number, 3)} {unit}".rstrip()


def year_names(plan: Plan) -> list[str]:
    """`2027`, or `2027-07 on` where years of the horizon are no calendar years."""
    names = [str(plan.start.year + year) for year in range(plan.years)]
    return names if plan.start.month == 1 else [f"{n}-{plan.start:%m} on" for n in names]


def cash_table(plan: Plan) -> Table:
    """Cash by year and group, what is received below 0, their sum and the sum so far."""
    own, second = "cash_by_year_usd", second_currency(plan)
    years = year_names(plan)
    columns = (
        column("category", "TcoAnswer"),
        *(column(own, title=year) for year in years),
        column("cash_usd", Plan, "All years"),
    )
    title = f"Cash by year, in {fields.USD.code}"
    ledger = plan.ledger
    if ledger is None or ledger.cash is None:
        return Table(title, columns, ())
    rows = [
        (text(g.name), *(money(own, usd, second) for usd in (*g.by_year, g.total)))
        for g in ledger.groups()
    ]
    total = (
        Cell("Cash", tone="total"),
        *(money(own, usd, second) for usd in (*ledger.cash.by_year, ledger.cash.total)),
    )
    return Table(title, columns, (*rows, total), bool(rows))


def limit_words(plan: Plan) -> str:
    """How far the limits of cash are; empty where there is none."""
    limit = plan.inventory.limits.capex_usd if plan.inventory else None
    if limit is None:
        return ""
    used = with_second(plan, "capex_usd", plan.capex_usd)
    return f"{used} of limits.capex, {with_second(plan, 'capex_usd', limit)}, is used."


def against_table(plan: Plan) -> Table:
    """What the plan saves against each alternative."""
    rows = plan.money.against if plan.money else ()
    second = second_currency(plan)
    return table(
        f"Against the alternatives: present cost and cash, in {fields.USD.code}",
        MoneyAgainst,
        rows,
        ("name", lambda a: text(a.name)),
        ("npv_usd", lambda a: money("npv_usd", a.npv_usd, second)),
        ("npv", lambda a: text(spread_words(a.npv))),
        ("saved_cash_usd", lambda a: money("saved_cash_usd", a.saved_cash_usd, second)),
        ("irr", lambda a: _irr(a)),
        ("payback_months", lambda a: _payback("payback_months", a.payback_months)),
        (
            "discounted_payback_months",
            lambda a: _payback("discounted_payback_months", a.discounted_payback_months),
        ),
        ("breaks", lambda a: remark("; ".join(a.breaks))),
    ).without_absent()


def _payback(name: str, months: float | None) -> Cell:
    """Months until the plan has cost no more, which it may from the first day."""
    if months is not None and months <= 0.0:
        return text("at once")
    return value(name, months, "never", MoneyAgainst)


def _irr(row: MoneyAgainst) -> Cell:
    rate = row.irr.value
    return text(
        "" if rate is None else f"{100.0 * rate:.1f} %", note=row.irr.reason if rate is None else ""
    )


def spread_words(spread: Spread) -> str:
    """`268,739 / 305,451 / 347,545`."""
    return f"{spread.p10:,.0f} / {spread.p50:,.0f} / {spread.p90:,.0f}"


def own_or_rent_table(plan: Plan) -> Table:
    """Where owning and renting cost the same, a row a line and price."""
    rows = [(one, p) for one in comparable(plan) for p in one.prices]
    return table(
        "Own against rent: present cost over the share of hours busy",
        OwnOrRent,
        rows,
        ("resource", lambda r: text(r[0].resource)),
        ("busy_now", lambda r: value("busy_now", r[0].busy_now)),
        ("now_usd", lambda r: money("now_usd", r[0].now_usd, second_currency(plan))),
        ("RentPrice.whose", lambda r: text(price_words(r[1].whose, r[1].usd_per_gpu_hour))),
        ("RentPrice.crossing", lambda r: value("crossing", r[1].crossing, r[1].reason, RentPrice)),
    )


def price_words(whose: str, usd_per_gpu_hour: float) -> str:
    """`median of 15 providers, $1.37 an hour`."""
    return f"{whose}, {fields.format_value('usd_per_gpu_hour', usd_per_gpu_hour)} an hour"


def comparable(plan: Plan) -> list[OwnOrRent]:
    """Lines that a price by the hour is known for."""
    return [one for one in plan.money.own_or_rent if one.prices] if plan.money else []


def without_price(plan: Plan) -> list[str]:
    """Lines that no price by the hour is known for, and why."""
    every = plan.money.own_or_rent if plan.money else ()
    return [f"{one.resource}: {one.reason}." for one in every if not one.prices and one.reason]


def tornado_table(plan: Plan) -> Table:
    """Present cost at both ends of the inputs that matter most."""
    second = second_currency(plan)
    return table(
        f"Present cost from the low to the high end of one input, in {fields.USD.code}",
        TornadoBar,
        plan.money.tornado if plan.money else (),
        ("input", lambda b: text(b.input.name, note=range_words(b.input))),
        ("low_usd", lambda b: money("TornadoBar.low_usd", b.low_usd, second)),
        ("high_usd", lambda b: money("TornadoBar.high_usd", b.high_usd, second)),
        ("flips", lambda b: text(_flipped(b), tone="bad" if b.flips else "")),
        ("source", lambda b: text(_source(b.input))),
    )


def range_words(one: MoneyInput) -> str:
    """`80,000, 100,000, 130,000 USD`."""
    numbers = [fields.significant(n, 3) for n in (one.low, one.typical, one.high)]
    return f"{', '.join(numbers)} {one.unit}".rstrip()


def _flipped(bar: TornadoBar) -> str:
    if not bar.flips:
        return "no"
    ends = ((bar.cheapest_at_low, "low"), (bar.cheapest_at_high, "high"))
    return "; ".join(f"{name} at the {end} end" for name, end in ends)


def _source(one: MoneyInput) -> str:
    if not one.sourced:
        return f"not sourced: {one.source or 'assumed'}"
    return f"{one.source}, {one.as_of}" if one.as_of else one.source


def spread_table(plan: Plan) -> Table:
    """Where present cost and cash of the first year lie over the draws, and who is cheapest how
    often."""
    found = plan.money
    return table(
        f"Present cost over {found.draws:,} draws of all ranges" if found else "",
        "MoneyOption",
        found.options if found else (),
        ("name", lambda o: text(o.name)),
        ("present_cost_usd", lambda o: value("present_cost_usd", o.present_cost_usd)),
        ("present", lambda o: text(spread_words(o.present))),
        ("first_year", lambda o: text(spread_words(o.first_year))),
        (
            "share_cheapest",
            lambda o: value("share_cheapest", o.share_cheapest, record="MoneyOption"),
        ),
        ("breaks", lambda o: remark("; ".join(o.breaks))),
    ).without_absent()


def books_table(plan: Plan) -> Table:
    """Depreciation beside cash, never added to it."""
    own = plan.money.books if plan.money else None
    names = (column("year", "TcoAnswer"), column("cash_by_year_usd"), column("charge_by_year_usd"),
             column("book_value_usd"))  # fmt: skip
    if own is None:
        return Table("Books", names, ())
    second = second_currency(plan)
    years = zip(
        year_names(plan), plan.cash_by_year_usd, own.charge_by_year_usd, own.book_value_usd,
        strict=False,
    )  # fmt: skip
    rows = [
        (
            text(year),
            money("cash_by_year_usd", cash, second),
            money("charge_by_year_usd", charge, second),
            money("book_value_usd", book, second),
        )
        for year, cash, charge, book in years
    ]
    life = fields.format_value("life_years", own.life_years)
    return Table(f"Books: straight line over {life} years, beside cash", names, tuple(rows))


def books_words(plan: Plan) -> str:
    """What is capitalised and what its sale brings above the books; empty where nothing is."""
    own = plan.money.books if plan.money else None
    if own is None:
        return ""
    held = with_second(plan, "capitalised_usd", own.capitalised_usd)
    sold = fields.format_value("resale_usd", own.resale_usd)
    gain = fields.format_value("gain_usd", abs(own.gain_usd))
    what = "gain" if own.gain_usd >= 0.0 else "loss"
    return f"{held} is capitalised; sold at the end for {sold}, a {what} of {gain} in the books."


def owned_table(plan: Plan) -> Table:
    """What is owned already: whether it is kept or sold, what keeping it costs, and from which
    price on selling it pays."""
    options = plan.ledger.options if plan.ledger else {}
    known = {one.resource: one for one in plan.money.keep_or_sell} if plan.money else {}
    second = second_currency(plan)

    def usd(name: str) -> Callable[[MixLine], Cell]:
        def cell(line: MixLine) -> Cell:
            one = known.get(line.resource)
            return money(name, getattr(one, name) if one else None, second)

        return cell

    return table(
        f"Keep or sell what is owned: cash and present cost, in {fields.USD.code}",
        MixLine,
        [m for m in plan.mix if m.purchase == Purchase.OWNED and m.resource in options],
        ("resource", lambda m: text(m.resource)),
        ("action", lambda m: text(_decided(plan, m))),
        ("Plan.cash_usd", lambda m: money("cash_usd", options[m.resource].cash.total, second)),
        ("present_cost_usd", lambda m: _present(options[m.resource].present_cost, plan)),
        ("sells_for_usd", usd("sells_for_usd")),
        ("without_more_usd", usd("without_more_usd")),
        ("sell_above_usd_per_gpu", usd("sell_above_usd_per_gpu")),
        ("reason", lambda m: text(known[m.resource].reason if m.resource in known else "")),
    ).without_absent()


def _present(usd: float, plan: Plan) -> Cell:
    return money("present_cost_usd", usd, second_currency(plan))


def _decided(plan: Plan, line: MixLine) -> str:
    steps = [s for s in plan.timeline if s.resource == line.resource]
    return "; ".join(f"{s.action} {s.count} from {s.date}" for s in steps) or "keep"


def room_table(plan: Plan) -> Table:
    """Racks and power that the plan takes of each site, beside what is there."""
    return table(
        fields.label("room_use"),
        RoomUse,
        plan.room_use,
        ("site", lambda r: text(r.site)),
        ("racks_used", lambda r: value("racks_used", r.racks_used, record=RoomUse)),
        ("racks", lambda r: value("racks", r.racks)),
        ("kw_used", lambda r: value("kw_used", r.kw_used, record=RoomUse)),
        ("kw", lambda r: value("kw", r.kw, record=RoomUse)),
    )


def ages_table(plan: Plan) -> Table:
    """How old each line's price is, until when it is good, and what rests on it."""
    lines = sorted(plan.mix, key=lambda line: -line.usd_horizon)
    second = second_currency(plan)
    return table(
        f"Age of prices by line: present cost, in {fields.USD.code}",
        MixLine,
        lines,
        ("resource", lambda m: text(m.resource, note=purchase_of(m))),
        ("usd_horizon", lambda m: money("usd_horizon", m.usd_horizon, second)),
        (
            "price_as_of",
            lambda m: value("price_as_of", m.price_as_of, "no price: it stands already"),
        ),
        ("age_days", lambda m: value("age_days", _age(m, plan.as_of))),
        ("valid_until", lambda m: _until(m, plan.as_of)),
        ("layer", lambda m: text(m.layer)),
        ("basis", lambda m: basis(m.basis)),
        ("source", lambda m: text(m.source)),
    ).without_absent()


def _age(line: MixLine, as_of: date) -> int | None:
    return None if line.price_as_of is None else (as_of - line.price_as_of).days


def _until(line: MixLine, as_of: date) -> Cell:
    until = line.valid_until
    past = until is not None and until < as_of
    return Cell(
        fields.format_value("valid_until", until), "past" if past else "", "bad" if past else ""
    )


def trust_words(plan: Plan) -> str:
    """The oldest price, what share of the amounts rests on assumed ones, and the dollars that
    nobody has confirmed."""
    dated = [line for line in plan.mix if line.price_as_of is not None]
    oldest = min(dated, key=lambda line: line.price_as_of or plan.as_of, default=None)
    words = ""
    if oldest is not None:
        layer = f", from the {oldest.layer}" if oldest.layer else ""
        words = f"The oldest price is of {oldest.price_as_of} ({oldest.resource}{layer})."
    if plan.ledger is None:
        return words
    share = 100.0 * plan.ledger.assumed_share()
    open_words = unconfirmed_words(plan)
    told = (words, f"{share:.0f} % of all amounts rest on assumed prices.")
    return " ".join(filter(None, (*told, open_words and f"{open_words}.")))


def deadlines(plan: Plan) -> list[tuple[date, str]]:
    """The days on which something that the plan rests on ends, the earliest first: prices,
    quotations, discounts and credits. Those past on the plan's day are among them."""
    found = [
        (line.valid_until, f"price of {line.resource}")
        for line in plan.mix
        if line.valid_until is not None and line.count
    ]
    return sorted([*found, *_contract_days(plan)])


def _contract_days(plan: Plan) -> Iterator[tuple[date, str]]:
    cloud = plan.inventory.cloud if plan.inventory else None
    if cloud is None:
        return
    providers = {line.provider for line in plan.mix}
    for discount in cloud.contracts.discounts:
        if discount.until is not None and discount.provider in providers:
            yield discount.until, f"discount of {discount.provider}"
    for credit in cloud.contracts.credits:
        if credit.provider in providers:
            yield credit.until, f"credit of {credit.provider}"


def expiry_words(plan: Plan) -> str:
    """The day on which the plan expires, and what is past already."""
    every = deadlines(plan)
    past = [(day, what) for day, what in every if day < plan.as_of]
    ahead = [(day, what) for day, what in every if day >= plan.as_of]
    gone = "; ".join(f"{what} was good until {day}" for day, what in past)
    if not ahead:
        return f"Ask for prices again before signing: {gone}." if gone else (
            "Nothing it rests on has an end; plan again when a price changes."
        )  # fmt: skip
    day, what = ahead[0]
    told = f"It holds until {day}: then the {what} ends."
    return f"{told} To be asked for again before signing: {gone}." if gone else told
