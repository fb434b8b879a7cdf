"""The tables of a case's answer: options, cash by year, what it is made of, what would change it.

Amounts are in the currency of the answer; each title names which of the three totals it shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from gpumix import fields
from gpumix.domain.ledger import Leaf
from gpumix.domain.plan import Plan
from gpumix.domain.tco import Ends, OptionAnswer, TcoAnswer
from gpumix.report.tables import Cell, Column, Table, column, text, value

MOST_INPUTS = 10
"""Inputs that the tornado shows; all are in the JSON."""


def headline(found: TcoAnswer) -> str:
    """The cheapest option and the next, in one sentence."""
    counted = {name: o for name, o in found.options.items() if o.kind != "flows"}
    if not counted:
        return f"{len(found.options)} series of flows, at {found.cost_of_capital:.1%} a year."
    order = sorted(counted, key=lambda name: counted[name].present_cost)
    best = counted[order[0]]
    told = f"{order[0]}: {_kind_of(found)} {_amount(best.present_cost, found)} over {_span(found)}"
    if len(order) == 1:
        return f"{told}, {_amount(best.cash.total, found)} in cash."
    more = counted[order[1]].present_cost - best.present_cost
    share = f" ({more / abs(best.present_cost):+.0%})" if best.present_cost else ""
    return f"{told} is the least; {order[1]} costs {_amount(more, found)} more{share}."


def _kind_of(found: TcoAnswer) -> str:
    return "marginal present cost" if found.costs == "marginal" else "present cost"


def costs_words(found: TcoAnswer) -> str:
    """What is counted, of every option alike."""
    if found.costs == "marginal":
        return (
            "Marginal costs of every option: what is paid at the start, staff and financing are"
            " committed, so left out; rent, leases, tokens, energy, support and what else"
            " recurs are counted. For whether to run on, not for whether to buy."
        )
    return "Full costs of every option: hardware, energy, staff, support, taxes, what it sells for."


def in_currency(found: TcoAnswer, name: str) -> str:
    """A field's label with the currency of the answer: `Present cost [USD]`."""
    return f"{fields.label(name)} [{found.currency}]"


def _span(found: TcoAnswer) -> str:
    years, rest = divmod(found.months, 12)
    if rest:
        return f"{found.months} months"
    return "1 year" if years == 1 else f"{years} years"


def _amount(amount: float, found: TcoAnswer) -> str:
    return f"{found.currency} {amount:,.0f}" if abs(amount) >= 100.0 else (
        f"{found.currency} {amount:,.4g}"
    )  # fmt: skip


def tables(found: TcoAnswer) -> tuple[Table, ...]:
    """Every table of the answer that has rows, in the order in which it is read."""
    every = (
        options_table(found),
        years_table(found),
        category_table(found),
        comparison_table(found),
        break_even_table(found),
        tornado_table(found),
        spread_table(found),
        variants_table(found),
        assumptions_table(found),
    )
    return tuple(table.without_absent() for table in every if table.rows)


def options_table(found: TcoAnswer) -> Table:
    """Each option: cash, present cost, level cost, GPU-hours."""
    names = ("up_front", "most_outlaid", "present_cost", "level_cost_per_year")
    columns = (
        column("option", "TcoAnswer"),
        column("kind", "OptionAnswer"),
        column("up_front"),
        column("total", "Cash"),
        *(column(name) for name in names[1:]),
        column("provisioned"),
        column("busy", "PerGpuHour"),
    )
    rows = tuple(_option_row(name, option, found) for name, option in _shown(found))
    return Table(f"Options, in {found.currency}", columns, rows)


def _shown(found: TcoAnswer) -> Iterable[tuple[str, OptionAnswer]]:
    order = sorted(found.options.items(), key=lambda item: item[1].present_cost)
    return [(name, option) for name, option in order if option.kind != "flows"]


def _option_row(name: str, option: OptionAnswer, found: TcoAnswer) -> tuple[Cell, ...]:
    cheapest = name == found.cheapest
    peak = option.cash.most_outlaid
    return (
        text(name, "good" if cheapest else ""),
        text(option.kind.replace("_", " ")),
        value("up_front", option.cash.up_front),
        value("total", option.cash.total, record="Cash"),
        Cell(fields.format_value("most_outlaid", peak.amount), f"month {peak.month}"),
        value("present_cost", option.present_cost),
        value("level_cost_per_year", option.level_cost_per_year),
        value("provisioned", option.cost_per_gpu_hour.provisioned),
        value("busy", option.cost_per_gpu_hour.busy, record="PerGpuHour"),
    )


def _by_option(found: TcoAnswer, first: Column) -> tuple[Column, ...]:
    own = fields.field("total", "Cash")
    names = [name for name, _ in _shown(found)]
    return (first, *(Column(name, name, True, own.definition) for name in names))


def years_table(found: TcoAnswer) -> Table:
    """Cash by year of the horizon, a column an option."""
    options = _shown(found)
    count = math.ceil(found.months / 12)
    rows = [
        (
            text(_year(found, year)),
            *(value("total", o.cash.by_year[year], record="Cash") for _, o in options),
        )
        for year in range(count)
    ]
    total = (
        text("all", "total"),
        *(value("total", o.cash.total, record="Cash") for _, o in options),
    )
    columns = _by_option(found, column("year", "TcoAnswer"))
    title = f"Cash by year, in {found.currency}"
    return Table(title, columns, (*rows, total) if options else (), bool(options))


def _year(found: TcoAnswer, year: int) -> str:
    """`2027`, or `2027-07 on` where years of the horizon are no calendar years."""
    first, month = found.start.split("-")
    named = f"{int(first) + year}"
    return named if month == "01" else f"{named}-{month} on"


def category_table(found: TcoAnswer) -> Table:
    """Cash by category over the horizon, a column an option."""
    options = _shown(found)
    names = list(dict.fromkeys(c for _, o in options for c in o.by_category))
    rows = tuple(
        (
            text(name),
            *(value("total", o.by_category.get(name), record="Cash") for _, o in options),
        )
        for name in names
    )
    columns = _by_option(found, column("category", "TcoAnswer"))
    return Table(f"Cash by category over the horizon, in {found.currency}", columns, rows)


def comparison_table(found: TcoAnswer) -> Table:
    """What one option saves against another."""
    names = ("saved_cash", "npv", "irr", "payback_months", "discounted_payback_months")
    columns = (column("question", "TcoAnswer"), *(column(name) for name in names))
    rows = tuple(
        (
            text(name),
            value("saved_cash", one.saved_cash),
            value("npv", one.npv),
            text("" if one.irr.value is None else f"{one.irr.value:.1%}", note=one.irr.reason),
            value("payback_months", one.payback_months, "never"),
            value("discounted_payback_months", one.discounted_payback_months, "never"),
        )
        for name, one in found.comparisons.items()
    )
    return Table(f"One against the other, in {found.currency}", columns, rows)


def break_even_table(found: TcoAnswer) -> Table:
    """Where two options cost the same."""
    columns = (column("question", "TcoAnswer"), column("break_even", "TcoAnswer"))
    rows = tuple(
        (text(name), text("" if c.value is None else fields.significant(c.value, 4), note=c.reason))
        for name, c in found.break_evens.items()
    )
    return Table("Break-evens", columns, rows)


def tornado_table(found: TcoAnswer) -> Table:
    """Present cost at both ends of the inputs that matter most."""
    names = [name for name, _ in _shown(found)]
    columns = (
        column("input", "TcoAnswer"),
        *(Column(n, n, True, fields.field("low", "TcoAnswer").definition) for n in names),
        column("flips"),
    )
    known = {d.path: d.what for d in found.assumptions}
    rows = tuple(
        (
            text(known.get(path, path)),
            *(_ends(ends, name) for name in names),
            text("yes" if ends.flips else "no"),
        )
        for path, ends in list(found.tornado.items())[:MOST_INPUTS]
    )
    return Table(f"Present cost from low to high of one input, in {found.currency}", columns, rows)


def _ends(ends: Ends, name: str) -> Cell:
    low, high = ends.low[name], ends.high[name]
    return text(f"{low:,.0f} to {high:,.0f}" if round(low) != round(high) else f"{low:,.0f}")


def spread_table(found: TcoAnswer) -> Table:
    """Present cost over the draws, and how often each option is the cheapest."""
    columns = (
        column("option", "TcoAnswer"),
        *(column(name, "Spread") for name in ("p10", "p50", "p90")),
        column("share_cheapest"),
    )
    rows = tuple(
        (
            text(name),
            *(value(p, getattr(spread, p), record="Spread") for p in ("p10", "p50", "p90")),
            value("share_cheapest", found.share_cheapest[name]),
        )
        for name, spread in found.distribution.items()
    )
    return Table(f"Present cost over draws of all ranges, in {found.currency}", columns, rows)


def variants_table(found: TcoAnswer) -> Table:
    """Present cost of each option in each variant."""
    names = [name for name, _ in _shown(found)]
    own = fields.field("present_cost")
    columns = (
        column("question", "TcoAnswer"),
        *(Column(n, n, True, own.definition) for n in names),
    )
    rows = tuple(
        (
            text(name),
            *(value("present_cost", _present(variant.options, n)) for n in names),
        )
        for name, variant in found.variants.items()
        if names
    )
    return Table(f"Present cost by variant, in {found.currency}", columns, rows)


def _present(options: Mapping[str, OptionAnswer], name: str) -> float | None:
    return options[name].present_cost if name in options else None


def assumptions_table(found: TcoAnswer) -> Table:
    """Every figure that the case does not state, the unsourced ones first."""
    columns = (
        column("input", "TcoAnswer"),
        column("value", "Default"),
        column("range", "Default"),
        column("source", "Default"),
    )
    rows = tuple(
        (
            text(d.what),
            Cell(fields.format_value(fields.field("value", "Default"), d.value), d.unit),
            text("" if d.low is None or d.high is None else f"{d.low:g} to {d.high:g}"),
            text(d.source if d.sourced else f"not sourced: {d.source or 'assumed'}"),
        )
        for d in found.assumptions
    )
    return Table("Taken from tables of defaults", columns, rows)


def tree_table(name: str, leaves: Sequence[Leaf], currency: str) -> Table:
    """The cost tree of an option: quantity x price = amount on every leaf, and their sum."""
    columns = (
        column("category", "TcoAnswer"),
        column("item", "TcoAnswer"),
        column("quantity", "Entry"),
        column("price", "Entry"),
        column("amount", "Entry"),
        column("source", "Entry"),
    )
    rows = [
        (
            text(leaf.category),
            text(leaf.item),
            Cell(fields.format_value(fields.field("quantity", "Entry"), leaf.quantity), leaf.unit),
            Cell(fields.format_value(fields.field("price", "Entry"), leaf.price), leaf.currency),
            value("amount", leaf.amount, record="Entry"),
            text(_dated(leaf)),
        )
        for leaf in leaves
    ]
    total = math.fsum(leaf.amount for leaf in leaves)
    last = (
        text("all", "total"), text(""), text(""), text(""),
        value("amount", total, record="Entry"), text(""),
    )  # fmt: skip
    return Table(f"What {name} is made of: cash, in {currency}", columns, (*rows, last), True)


def _dated(leaf: Leaf) -> str:
    """Where a price comes from and of when it is; marked where nobody stands behind it."""
    source = leaf.source or f"no source: {leaf.basis}"
    return f"{source}, {leaf.as_of}" if leaf.as_of else source


def ledger_tables(plan: Plan) -> tuple[Table, ...]:
    """The cost tree of every resource of a plan, the dearest first; none in plans before."""
    if plan.ledger is None:
        return ()
    options = plan.ledger.options.items()
    return tuple(tree_table(name, one.leaves, plan.ledger.currency) for name, one in options)
