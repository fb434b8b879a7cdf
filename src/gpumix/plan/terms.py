"""Commitments in the mix problem: each one as a term, and a site that is opened as a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gpumix import mix
from gpumix.cost.case.streams import present_cost_of
from gpumix.cost.finance import months_worth
from gpumix.cost.staff import SiteStaff
from gpumix.plan.cohorts import cohorts_of, freed_usd
from gpumix.plan.cycle import Cycle
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR


def terms_of(
    supply: Supply, cycle: Cycle, rate_per_year: float, staff: Sequence[SiteStaff]
) -> tuple[mix.Term, ...]:
    """Every commitment of a supply. What is sold at once is none: it serves nowhere, and all costs
    count from the best sale."""
    posts_usd = _posts_usd(supply, staff)
    freed = freed_usd(supply, cycle.periods, rate_per_year)
    return tuple(
        mix.Term(
            cohort.id,
            tuple(
                i
                for i, block in enumerate(cycle.blocks)
                if cohort.start <= block.period.start < cohort.until
            ),
            cohort.usd
            + freed
            + posts_usd * months_worth(rate_per_year, cohort.start, cohort.until),
            cohort.capex_usd,
        )
        for cohort in cohorts_of(supply, cycle.periods, rate_per_year)
        if cohort.until
    )


def _posts_usd(supply: Supply, staff: Sequence[SiteStaff]) -> float:
    """What staff costs a month with each instance, where it goes by the server [USD]."""
    own = next((one for one in staff if one.site == supply.site), None)
    if own is None or own.least > own.per_server:
        return 0.0
    return own.per_server * supply.servers_per_instance * own.salary_usd / MONTHS_PER_YEAR


def opened(
    staff: SiteStaff, there: Mapping[str, Supply], cycle: Cycle, rate_per_year: float
) -> mix.Group | None:
    """A site that is paid for once it holds a server: its least staff, less the network that an
    only server does without, at the most: all of them, by resource, are priced with it."""
    periods = cycle.periods
    one = staff.paid(np.ones(periods[-1].end))
    usd = present_cost_of([one], rate_per_year) if staff.least > staff.per_server else 0.0
    networks = [
        full.usd - only.usd
        for supply in there.values()
        if supply.alone is not None
        for full, only in zip(
            cohorts_of(supply, periods, rate_per_year),
            cohorts_of(supply.as_only(), periods, rate_per_year),
            strict=True,
        )
    ]
    usd -= max(networks, default=0.0)
    return mix.Group(f"staff of {staff.site}", tuple(there), usd) if usd > 0.0 and there else None
