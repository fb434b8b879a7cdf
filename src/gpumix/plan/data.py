"""What data costs where work runs: in the search by the unit, in the accounts exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from gpumix.cost.contracts import data_usd_per_month
from gpumix.domain.workload import Workload
from gpumix.plan.cycle import WEEKS_PER_YEAR, Cycle, mean_demand, peak_demand, work_per_week
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR

EGRESS: Final = "egress"
STORAGE: Final = "storage"


def data_usd_per_year(workload: Workload, supply: Supply) -> dict[str, float]:
    """Egress and storage of a year if all of the workload runs there [USD]."""
    sent = data_usd_per_month(workload.egress_tb_per_month, supply.egress_usd_per_gb)
    kept = data_usd_per_month(workload.data_tb, supply.storage_usd_per_gb_month)
    return {EGRESS: sent * MONTHS_PER_YEAR, STORAGE: kept * MONTHS_PER_YEAR}


def data_usd_per_unit(workload: Workload, supply: Supply, years: range) -> float:
    """The cost of data spread over the units of these years of the horizon [USD/unit]."""
    units = math.fsum(work_per_week(workload, year) for year in years) * WEEKS_PER_YEAR
    usd = math.fsum(data_usd_per_year(workload, supply).values()) * len(years)
    return usd / units if units else 0.0


def mean_over_peak(workload: Workload, cycle: Cycle) -> float:
    """Mean load of replicas that are there for the peak of every block (0-1)."""
    hours = [len(block.hours) for block in cycle.blocks]
    peak = math.fsum(peak_demand(workload, b) * h for b, h in zip(cycle.blocks, hours, strict=True))
    mean = math.fsum(mean_demand(workload, b) * h for b, h in zip(cycle.blocks, hours, strict=True))
    return mean / peak if peak else 1.0


def data_usd_by_year(
    workload: Workload, supply: Supply, share_by_year: Mapping[int, float], years: int
) -> dict[str, tuple[float, ...]]:
    """Egress and storage [USD] of the share (0-1) of each year's units that is done there."""
    return {
        name: tuple(usd * share_by_year.get(year, 0.0) for year in range(years))
        for name, usd in data_usd_per_year(workload, supply).items()
    }
