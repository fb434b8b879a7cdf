"""When work that has committed capacity goes to the cloud: the burst rule of a hybrid plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gpumix.domain.plan import BurstRule
from gpumix.domain.site import Range
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.perf.inference.memory import weights_bytes
from gpumix.plan.accounts import Line, Use
from gpumix.plan.cycle import peak_demand
from gpumix.plan.interpret import Answer
from gpumix.units import GIGA, MONTHS_PER_YEAR, SECONDS_PER_HOUR

Uses = Sequence[tuple[Line, Use]]


def burst_rules(answer: Answer, defaults: Mapping[str, Range]) -> tuple[BurstRule, ...]:
    """A rule for each workload that is served by committed and by hourly capacity in the first
    year, from the plan's own blocks."""
    found = []
    for workload in answer.choice.inventory.workloads:
        if workload.is_deferrable:
            continue
        uses = [
            (line, use)
            for line in answer.lines
            for use in line.uses
            if use.cell.workload.id == workload.id
            and answer.formulation.cycle.blocks[use.block].period.year == 0
        ]
        own = [(x, u) for x, u in uses if x.supply.purchase.is_committed]
        cloud = [(x, u) for x, u in uses if not x.supply.purchase.is_committed]
        if own and cloud:
            found.append(_rule(answer, workload, own, cloud, defaults))
    return tuple(found)


def _rule(
    answer: Answer, workload: Workload, own: Uses, cloud: Uses, defaults: Mapping[str, Range]
) -> BurstRule:
    cycle = answer.formulation.cycle
    bursting = {use.block for _, use in cloud}
    busiest = max(bursting, key=lambda p: peak_demand(workload, cycle.blocks[p]))
    hours = math.fsum(map(cycle.hours, bursting))
    cloud_units = math.fsum(use.units for _, use in cloud)
    own_units = math.fsum(use.units for _, use in own)
    held_data = {line.supply.id: line.data_usd.get(workload.id, 0.0) for line, _ in cloud}
    share = cloud_units / (cloud_units + own_units) if cloud_units else 0.0
    starts = [startup_s(use.cell.option, defaults) for _, use in cloud]
    return BurstRule(
        workload=workload.id,
        above_units_per_s=_units_per_hour(own, busiest) / SECONDS_PER_HOUR,
        hours_per_month=hours / MONTHS_PER_YEAR,
        share=share,
        clouds=tuple(dict.fromkeys(line.supply.id for line, _ in cloud)),
        startup_s=max((s for s in starts if s is not None), default=None),
        data_at=tuple(dict.fromkeys(_place(line) for line, _ in own)),
        data_tb=workload.data_tb,
        egress_tb_per_month=workload.egress_tb_per_month * share,
        data_usd_per_month=math.fsum(held_data.values()) / answer.level_months,
    )


def _units_per_hour(uses: Uses, block: int) -> float:
    """What these replicas can deliver in a block [units/h]."""
    return math.fsum(use.share * use.replicas * use.rate for _, use in uses if use.block == block)


def startup_s(option: Option, defaults: Mapping[str, Range]) -> float | None:
    """From a running instance to a replica that serves: weights loaded, engine started [s]; None
    where either is not known, as for media.

    Formula: bytes of weights / load rate + engine start (planning.csv).
    """
    rate, engine_s = defaults["weights_load_gb_per_s"].typical, defaults["engine_start"].typical
    if option.replica is None or not rate or engine_s is None:
        return None
    stored = float(
        (weights_bytes(option.replica.dep) * option.replica.dep.gpus)[option.replica.row]
    )
    return stored / (rate * GIGA) + engine_s


def _place(line: Line) -> str:
    """The site or the provider and its region."""
    supply = line.supply
    if supply.site:
        return supply.site
    return f"{supply.provider} {'' if supply.region == 'unspecified' else supply.region}".strip()
