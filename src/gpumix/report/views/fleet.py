"""The tables of an attribution: who held what and what it cost, what is outside, what to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from gpumix import fields
from gpumix.domain.fleet import Attribution, AttributionRow
from gpumix.errors import printable
from gpumix.report.tables import Cell, Table, column, text
from gpumix.units import MEGA

MOST_ROWS: Final = 20
"""Rows of a table on a terminal; the JSON has all."""
_WORDS: Final = {
    "used": "used",
    "allocated_idle": "held, idle",
    "unallocated": "nobody's",
    "no_data": "no data",
}


def headline(found: Attribution) -> str:
    """What of the bill was used, idle, nobody's, unknown, and outside of the GPUs."""
    by_kind: dict[str, int] = defaultdict(int)
    for row in found.rows:
        by_kind[row.kind] += row.usd_micro
    given = found.totals.attributed_usd_micro
    if not given:
        hours = sum(row.hours for row in found.rows)
        return f"{hours:,.1f} GPU-hours; no bill says what they cost."
    parts = [f"{_WORDS[kind]} {by_kind[kind] / given:.1%}" for kind in _WORDS if by_kind[kind]]
    whole = amount(found.totals.bill_usd_micro, found.currency)
    return f"{whole} billed; {amount(given, found.currency)} for GPUs: {', '.join(parts)}."


def amount(usd_micro: int, currency: str) -> str:
    """Money to the cent.

    >>> amount(-1234567890, "USD")
    'USD -1,234.57'
    """
    return f"{currency} {usd_micro / MEGA:,.2f}"


def tables(found: Attribution) -> tuple[Table, ...]:
    """Every table that has rows, in the order in which it is read."""
    every = (owners_table(found), nodes_table(found), outside_table(found))
    return tuple(table for table in every if table.rows)


def owners_table(found: Attribution) -> Table:
    """Cost by team, workload and kind, with what a million tokens cost."""
    groups = _grouped(found, lambda r: (r.team, r.workload, r.model, r.kind))
    per_owner: dict[tuple[str | None, ...], list[int]] = defaultdict(lambda: [0, 0])
    for row in found.rows:
        one = per_owner[row.team, row.workload, row.model]
        one[0] += row.usd_micro
        one[1] += row.tokens_in + row.tokens_out
    rows = []
    for (team, workload, model, kind), (hours, usd, tokens, kwh) in groups[:MOST_ROWS]:
        whole, served = per_owner[team, workload, model]
        per_mtok = whole / served if served and tokens else None
        rows.append(
            (
                text(printable(team or "")),
                text(printable(workload or "")),
                text(printable(model or "")),
                text(_WORDS[kind or ""]),
                Cell(f"{hours:,.1f}"),
                Cell(amount(usd, found.currency)),
                Cell(f"{tokens / MEGA:,.3f}" if tokens else fields.ABSENT),
                Cell(fields.ABSENT if per_mtok is None else f"{per_mtok:,.3f}"),
                Cell(f"{kwh:,.1f}"),
            )
        )
    names = (
        "team",
        "workload",
        "model",
        "kind",
        "hours",
        "usd_micro",
        "mtok",
        "usd_per_mtok",
        "kwh",
    )
    columns = tuple(column(name, "AttributionRow") for name in names)
    return Table(_title("Whose it was", groups), columns, tuple(rows))


def nodes_table(found: Attribution) -> Table:
    """Cost by node and kind."""
    groups = _grouped(found, lambda r: (r.node, r.gpu, r.kind))
    rows = [
        (
            text(printable(node or "")),
            text(gpu or ""),
            text(_WORDS[kind or ""]),
            Cell(f"{hours:,.1f}"),
            Cell(amount(usd, found.currency)),
        )
        for (node, gpu, kind), (hours, usd, _, _) in groups[:MOST_ROWS]
    ]
    columns = tuple(
        column(name, "AttributionRow") for name in ("node", "gpu", "kind", "hours", "usd_micro")
    )
    return Table(_title("Where it was", groups), columns, tuple(rows))


def outside_table(found: Attribution) -> Table:
    """What of the bill belongs to no GPU."""
    rows = [
        (
            text(one.charge_category),
            text(one.reason.replace("_", " ")),
            Cell(amount(one.usd_micro, found.currency)),
        )
        for one in found.totals.outside
    ]
    columns = tuple(column(name, "Outside") for name in ("charge_category", "reason", "usd_micro"))
    return Table("Outside of the GPUs", columns, tuple(rows))


Group = tuple[tuple[str | None, ...], tuple[float, int, int, float]]
"""A key, and its GPU-hours, micro-units, tokens and energy [kWh]."""


def _grouped(
    found: Attribution, key: Callable[[AttributionRow], tuple[str | None, ...]]
) -> list[Group]:
    """Rows folded by a key, the dearest first."""
    sums: dict[tuple[str | None, ...], list[float]] = defaultdict(lambda: [0.0, 0, 0, 0.0])
    for row in found.rows:
        one = sums[key(row)]
        one[0] += row.hours
        one[1] += row.usd_micro
        one[2] += row.tokens_in + row.tokens_out
        one[3] += row.joules / 3.6e6
    order = sorted(sums.items(), key=lambda g: (-g[1][1], -g[1][0], str(g[0])))
    return [(k, (v[0], int(v[1]), int(v[2]), v[3])) for k, v in order]


def _title(words: str, groups: Sequence[Group]) -> str:
    more = len(groups) - MOST_ROWS
    return f"{words} (and {more:,} rows more: --json)" if more > 0 else words
