"""An attributed fleet, its bill, jobs, prices and rules -> the facts that classes look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from gpumix.audit.facts import HOUR_S, Facts, IntArray, Names, OwnedHours, Rules
from gpumix.audit.lost import failed_attempts
from gpumix.domain.plan import Plan
from gpumix.telemetry.attribute import Attributed
from gpumix.telemetry.bill import Bill
from gpumix.telemetry.machines import Machine, resource_key
from gpumix.telemetry.price_book import Price
from gpumix.telemetry.store import Fleet
from gpumix.values import FloatArray


def gather(
    fleet: Fleet,
    attributed: Attributed,
    bill: Bill | None,
    prices: Sequence[Price],
    rules: Rules,
    plan: Plan | None = None,
) -> Facts:
    """All that is known of a fleet, from its folder, its attribution and what was given."""
    shares = shares_of(attributed.hours)
    machines = tuple(_machines(attributed.hours, bill))
    aliases = fleet.declared.team_aliases
    return Facts(
        currency=attributed.currency,
        start=attributed.start,
        end=attributed.end,
        shares=shares,
        rules=rules,
        lines=bill.lines if bill else (),
        machines=machines,
        failed=tuple(failed_attempts(fleet, attributed, shares, machines, rules)),
        prices=tuple(prices),
        holidays=frozenset(fleet.declared.holidays),
        standby=frozenset(
            (aliases.get(s.team, s.team) if s.team else None, s.workload)
            for s in fleet.declared.standby
        ),
        bill_micro=attributed.bill_micro,
        plan=plan,
        plan_workloads=fleet.declared.plan_workloads,
    )


def shares_of(hours: pa.Table) -> OwnedHours:
    """The columns of the attributed hours as arrays."""

    def words(name: str) -> Names:
        return np.array(hours.column(name).to_pylist(), dtype=object)

    def whole(name: str) -> IntArray:
        return np.asarray(hours.column(name).to_numpy(), dtype=np.int64)

    def number(name: str) -> FloatArray:
        column = hours.column(name).cast(pa.float64())
        return np.array(column.fill_null(float("nan")).to_numpy(), dtype=float)

    served = number("tokens_in") + number("tokens_out")
    return OwnedHours(
        hour=whole("hour") * HOUR_S,
        team=words("team"),
        workload=words("workload"),
        model=words("model"),
        gpu=words("gpu"),
        node=words("node"),
        device=words("device"),
        slot=whole("slot"),
        kind=words("kind"),
        hours=number("hours"),
        usd_micro=whole("usd_micro"),
        list_micro=whole("list_micro"),
        engine=number("engine_active"),
        power=number("power_w"),
        sm=number("sm_active"),
        running=number("requests_running"),
        tokens=served,
    )


def _machines(hours: pa.Table, bill: Bill | None) -> Iterator[Machine]:
    """Every node of the attribution: its GPUs and what the bill calls it."""
    ids: dict[str, str] = {}
    names: dict[str, str] = {}
    for line in bill.lines if bill else ():
        if line.resource_id:
            ids.setdefault(resource_key(line.resource_id), line.resource_id)
            if line.resource_name:
                names.setdefault(line.resource_name.casefold(), line.resource_id)
    slots: dict[str, set[int]] = {}
    gpus: dict[str, str | None] = {}
    seen: Mapping[str, list[object]] = hours.select(["node", "slot", "gpu"]).to_pydict()
    for node, slot, gpu in zip(seen["node"], seen["slot"], seen["gpu"], strict=True):
        slots.setdefault(str(node), set()).add(int(str(slot)))
        gpus[str(node)] = None if gpu is None else str(gpu)
    for node, those in slots.items():
        known = ids.get(resource_key(node)) or names.get(node.casefold())
        yield Machine(node, gpus[node], tuple(sorted(those)), (), known)
