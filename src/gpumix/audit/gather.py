"""An attributed fleet, its bill, jobs, prices and rules -> the facts that classes look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gpumix.audit.facts import Facts, IntArray, Names, OwnedHours, Rules, Seller
from gpumix.audit.lost import failed_attempts
from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.telemetry.attribute import Attributed
from gpumix.telemetry.bill import Bill
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.machines import resource_key
from gpumix.telemetry.price_book import Price, named_provider
from gpumix.telemetry.store import Fleet
from gpumix.values import FloatArray


def gather(
    fleet: Fleet,
    attributed: Attributed,
    bill: Bill | None,
    prices: Sequence[Price],
    rules: Rules,
    plan: Plan | None = None,
    catalog: Catalog | None = None,
) -> Facts:
    """All that is known of a fleet, from its folder, its attribution and what was given."""
    shares = shares_of(attributed.hours)
    aliases = fleet.declared.team_aliases
    return Facts(
        currency=attributed.currency,
        start=attributed.start,
        end=attributed.end,
        shares=shares,
        rules=rules,
        lines=bill.lines if bill else (),
        machines=attributed.machines,
        failed=tuple(failed_attempts(fleet, attributed, shares, rules)),
        prices=tuple(prices),
        holidays=frozenset(fleet.declared.holidays),
        standby=frozenset(
            (aliases.get(s.team, s.team) if s.team else None, s.workload)
            for s in fleet.declared.standby
        ),
        bill_micro=attributed.bill_micro,
        plan=plan,
        plan_workloads=fleet.declared.plan_workloads,
        team_aliases=aliases,
        checkpoint_every_s=fleet.declared.checkpoint_every_s,
        sellers=_sellers(bill, catalog or load()) if bill else {},
    )


def _sellers(bill: Bill, catalog: Catalog) -> dict[str, Seller]:
    """Who sells each resource of a bill, by its key."""
    found: dict[str, Seller] = {}
    for line in bill.lines:
        if line.resource_id and line.category == "Usage":
            provider = named_provider(line.provider, catalog)
            found.setdefault(resource_key(line.resource_id), Seller(provider, line.region))
    return found


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
