"""What data costs where work runs: in the search by the unit, in the accounts exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from gpumix.cost.case.streams import Stream, paid_monthly
from gpumix.cost.contracts import data_usd_per_month
from gpumix.domain.workload import Workload
from gpumix.plan.cycle import Cycle, mean_demand, peak_demand
from gpumix.plan.periods import Period, active_months, units_of
from gpumix.supply.supply import Supply

EGRESS: Final = "egress"
STORAGE: Final = "storage"


def _usd_per_month(workload: Workload, supply: Supply) -> dict[str, float]:
    """Egress and storage of a month if all of the workload runs there [USD]."""
    sent = data_usd_per_month(workload.egress_tb_per_month, supply.egress_usd_per_gb)
    kept = data_usd_per_month(workload.data_tb, supply.storage_usd_per_gb_month)
    return {EGRESS: sent, STORAGE: kept}


def data_usd_per_unit(workload: Workload, supply: Supply, periods: Sequence[Period]) -> float:
    """The cost of data spread over the units of these periods of the horizon [USD/unit]."""
    units, months = units_of(workload, periods), sum(active_months(workload, p) for p in periods)
    usd = math.fsum(_usd_per_month(workload, supply).values()) * months
    return usd / units if units else 0.0


def mean_over_peak(workload: Workload, cycle: Cycle) -> float:
    """Mean load of replicas that are there for the peak of every block (0-1)."""
    hours = [block.hours_per_week for block in cycle.blocks]
    peak = math.fsum(peak_demand(workload, b) * h for b, h in zip(cycle.blocks, hours, strict=True))
    mean = math.fsum(mean_demand(workload, b) * h for b, h in zip(cycle.blocks, hours, strict=True))
    return mean / peak if peak else 1.0


def data_streams(
    workload: Workload, supply: Supply, shares: Mapping[Period, float]
) -> tuple[Stream, ...]:
    """Egress and storage of the share (0-1) of each period's units that is done there."""
    periods = list(shares)
    months = np.concatenate([p.ends for p in periods]) if periods else np.zeros(0)
    done = [np.full(p.months, shares[p] * active_months(workload, p) / p.months) for p in periods]
    quantity = np.concatenate(done) if periods else np.zeros(0)
    return tuple(
        paid_monthly(
            name,
            name,
            f"month of {workload.id}",
            usd,
            quantity,
            months,
            source=supply.source,
            basis=supply.basis,
            as_of=supply.as_of,
        )
        for name, usd in _usd_per_month(workload, supply).items()
        if usd
    )
