"""What a training job costs in cash and in calendar time on every GPU, at the plan's prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix.cost.jobs import break_even_price_ratio, value_of_wait_usd
from gpumix.cost.unit_cost import usd_per_run
from gpumix.domain.job import JobPlan, JobWay, ParetoRun
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Placement
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.options.runs import Job, Run
from gpumix.options.tradeoff import front
from gpumix.options.training import held_h, job_of
from gpumix.plan.formulate import holds, usd_per_hour
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply
from gpumix.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

MOST_REASONS = 8

SLOWED_FROM = 0.05
"""Share of a step that exchange must take for a GPU to be told as slowed by its link."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to be shown, with the prediction behind it and the share of the plan's work on it."""

    row: JobWay
    run: Run
    share: float


def job_plan(
    placements: Sequence[Placement],
    workload: Workload,
    tried: Sequence[Option],
    supplies: Sequence[Supply],
    catalog: Catalog,
) -> JobPlan:
    """What cash and calendar time say of every GPU for a training job placed so."""
    job = job_of(workload, catalog)
    ways = list(_ways(placements, workload, job, tried, supplies))
    shown = _priced_against_cheapest(_best_of_gpus(ways), job)
    used = [way for way in ways if way.share]
    return JobPlan(
        calendar_usd_per_day=job.run.calendar_usd_per_day,
        calendar_usd=sum(way.share * way.row.calendar_usd for way in used),
        finish_expected_s=sum(way.share * way.row.finish_expected_s for way in used),
        pareto=front(_as_pareto(way.row) for way in ways if way.row.kept),
        ways=tuple(way.row for way in shown),
        why=tuple(_why(shown)),
    )


def _as_pareto(row: JobWay) -> ParetoRun:
    return ParetoRun(
        row.gpu, row.gpus, row.purchase, row.finish_expected_s, row.finish_p90_s, row.usd_per_run,
        None,
    )  # fmt: skip


def _ways(
    placements: Sequence[Placement],
    workload: Workload,
    job: Job,
    tried: Sequence[Option],
    supplies: Sequence[Supply],
) -> Iterator[_Way]:
    """Every gang on every supply that is rented by the hour, or that the plan holds."""
    shares = {(p.resource, p.gpus, p.precision): p.share for p in placements}
    held = {p.resource for p in placements}
    allowed = [
        s for s in supplies
        if may_run(workload, s) and (s.id in held or not s.purchase.is_committed)
    ]  # fmt: skip
    for option in tried:
        if option.run is None:
            continue
        for supply in allowed:
            if supply.gpu == option.gpu and holds(supply, option, workload):
                share = shares.get((supply.id, option.gpus, option.precision), 0.0)
                yield _Way(
                    _row(workload, job, option, option.run, supply, share), option.run, share
                )


def _row(
    workload: Workload, job: Job, option: Option, run: Run, supply: Supply, share: float
) -> JobWay:
    on_spot = supply.purchase is Purchase.SPOT
    done = run.spot(job) if on_spot else run.steady(job)
    hourly = usd_per_hour(option, supply, workload)
    held = held_h(workload, job, run, on_spot)
    return JobWay(
        gpu=option.gpu,
        gpus=option.gpus,
        precision=option.precision,
        purchase=supply.purchase.value,
        usd_per_gpu_hour=supply.usd_per_gpu_hour + supply.usd_per_gpu_busy_hour,
        finish_expected_s=done.expected_h * SECONDS_PER_HOUR,
        finish_p90_s=done.p90_h * SECONDS_PER_HOUR,
        kept=job.run.finish_within_h is None or done.p90_h <= job.run.finish_within_h,
        usd_per_run=usd_per_run(hourly, held, job.run.programme_factor),
        calendar_usd=value_of_wait_usd(job.run.calendar_usd_per_day, done.expected_h),
        within_share=run.shares.within,
        between_share=run.shares.between,
        break_even_cash=1.0,
        break_even_with_time=1.0,
        ratio_now=1.0,
        chosen=share > 0.0,
    )


def _best_of_gpus(ways: Sequence[_Way]) -> list[_Way]:
    """Of each GPU what the plan uses, the way cheapest in cash and the way that is best with the
    wait counted; of those in time where there are any."""
    found: list[_Way] = [way for way in ways if way.share]
    for gpu in dict.fromkeys(way.row.gpu for way in ways):
        own = [way for way in ways if way.row.gpu == gpu]
        own = [way for way in own if way.row.kept] or own
        found += [min(own, key=_cash), min(own, key=_with_wait)]
    return sorted(
        {way.row: way for way in found}.values(), key=lambda w: (not w.row.kept, _cash(w))
    )


def _cash(way: _Way) -> tuple[float, float]:
    return way.row.usd_per_run, way.row.finish_expected_s


def _with_wait(way: _Way) -> tuple[float, float]:
    return way.row.usd_per_run + way.row.calendar_usd, way.row.usd_per_run


def _priced_against_cheapest(ways: Sequence[_Way], job: Job) -> list[_Way]:
    """The same ways with the price ratios over the first, which is cheapest in cash."""
    if not ways:
        return []
    base = ways[0].row
    hourly = value_of_wait_usd(job.run.calendar_usd_per_day, 1.0)

    def ratio(row: JobWay, value: float) -> float:
        found = break_even_price_ratio(
            row.usd_per_run / row.usd_per_gpu_hour,
            base.usd_per_run / base.usd_per_gpu_hour,
            row.finish_expected_s / SECONDS_PER_HOUR,
            base.finish_expected_s / SECONDS_PER_HOUR,
            value,
            base.usd_per_gpu_hour,
        )
        return max(found, 0.0)

    return [
        replace(
            way,
            row=replace(
                way.row,
                break_even_cash=ratio(way.row, 0.0),
                break_even_with_time=ratio(way.row, hourly),
                ratio_now=way.row.usd_per_gpu_hour / base.usd_per_gpu_hour,
            ),
        )
        for way in ways
    ]


def _why(ways: Iterable[_Way]) -> Iterator[str]:
    """What PCIe costs the GPUs it slows, beside the cheapest gang as large with a fast link."""
    runs = {(way.run.gpu.id, way.run.gpus): way.run for way in ways}.values()
    slowed = [run for run in runs if run.is_on_pcie and run.shares.exchange > SLOWED_FROM]
    for one in slowed[:MOST_REASONS]:
        linked = [run for run in runs if not run.is_on_pcie and run.gpus == one.gpus]
        if linked:
            yield one.against(linked[0])
