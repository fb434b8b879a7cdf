"""Allocated and idle: GPUs that an owner held for hours and did not use."""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft, of_rows, quoted, scope_of
from gpumix.audit.facts import SCOPE, Facts
from gpumix.domain.defaults import IDLE_ENGINE_ACTIVE, IDLE_POWER_FACTOR, IDLE_RUN_S
from gpumix.units import SECONDS_PER_HOUR


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every owner, node and type of GPU with hours that were held and idle."""
    shares = facts.shares
    for values, rows in shares.groups(SCOPE, shares.kind == "allocated_idle"):
        if facts.kept_warm(values["team"], values["workload"]):
            continue
        hours = float(shares.hours[rows].sum())
        what = values["workload"] or values["team"] or "the owner"
        yield of_rows(
            facts,
            "allocated_idle",
            scope_of(facts, rows, **values),
            rows,
            action=f"stop {what} on {values['node']} while it has no work, or declare it a standby",
            because=f"{hours:,.1f} GPU-hours were held with engine activity under "
            f"{IDLE_ENGINE_ACTIVE:.0%} and power under {IDLE_POWER_FACTOR:g} x the GPU's idle "
            f"power, {IDLE_RUN_S / SECONDS_PER_HOUR:g} h or more at a time.",
            risk="a workload kept warm on purpose starts more slowly afterwards",
            how_to_check="select hour, device, engine_active, power from 'attributed.parquet' "
            f"where kind = 'allocated_idle' and node = {quoted(values['node'])}",
        )
