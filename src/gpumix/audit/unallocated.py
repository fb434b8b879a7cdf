"""Unallocated: GPU-hours that were paid for and that nobody had."""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft, of_rows, quoted, scope_of
from gpumix.audit.facts import Facts


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every node and type of GPU with hours that had no owner."""
    shares = facts.shares
    for values, rows in shares.groups(("gpu", "node"), shares.kind == "unallocated"):
        hours = float(shares.hours[rows].sum())
        yield of_rows(
            facts,
            "unallocated",
            scope_of(facts, rows, **values),
            rows,
            action=f"give back, or hand out, {hours / facts.hours:,.1f} GPUs of {values['node']}",
            because=f"{hours:,.1f} GPU-hours were paid for and had no owner: no pod, no job.",
            risk="an owner may be missing from the labels of the telemetry",
            how_to_check="select sum(hours), sum(usd_micro) from 'attributed.parquet' "
            f"where kind = 'unallocated' and node = {quoted(values['node'])}",
        )
