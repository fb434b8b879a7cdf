"""A plan's own replicas for one workload, run again: what `gpumix simulate --plan` does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from gpumix.catalog import Catalog
from gpumix.domain.plan import Plan
from gpumix.domain.proof import (
    KEPT,
    NOT_KEPT,
    UNCLEAR,
    PlannedHours,
    PlannedReplicas,
    PlanSimulation,
    SimulatedHour,
    SimulatedPromise,
)
from gpumix.domain.workload import Demand, Kind, Workload
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.options.option import Option
from gpumix.options.promised import Runs
from gpumix.options.proof import (
    MOST_REPLICAS,
    QUEUE_SEED,
    SEED,
    Judged,
    at_slowdown,
    hour_of,
    judged,
    queued,
    slowdown_of,
)
from gpumix.options.queued import is_queued
from gpumix.options.sharing import members_of, summed, together
from gpumix.options.workloads import options_at
from gpumix.perf.interval import slowdown_at
from gpumix.serving.kept import REQUESTS, Reached
from gpumix.simulate.volume import capacity_of, factors, slowest
from gpumix.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

LEAST_REQUESTS, MOST_REQUESTS = 1_000, 1_000_000
_SAME = 1e-9
"""Relative difference of two slowdowns that come from the same data."""


@dataclass(frozen=True, slots=True)
class PlanQuestion:
    """What is to be run again; None = as the plan did it.

    `hour` is of the week (0 = Monday 00:00), `year` of the horizon (1 = first). `requests` are
    those of the first run; more follow while a promise is in doubt.
    """

    workload: str
    hour: int | None = None
    year: int | None = None
    confidence: float | None = None
    seed: int | None = None
    requests: int | None = None


def run_plan(
    question: PlanQuestion,
    plan: Plan,
    catalog: Catalog,
    nights: Sequence[Sequence[int]] = (),
    place: str = "plan.json",
) -> PlanSimulation:
    """The plan's replicas of a workload under its traffic; without an hour, the busiest of every
    block that no other block's proves too.

    Args:
        question: which hours, how, of which workload.
        plan: with its inventory and the hours of its workloads.
        catalog: what the plan was made with.
        nights: hours of the week in which each day's volume of work that may wait is done.
        place: what problems call the plan.

    Raises: InputError with all that the question gets wrong, or for a plan without its hours.
    """
    workload, demand, hours = _asked(question, plan, place)
    own = options_in(hours, workload, catalog)
    options = _slower(question, own)
    if workload.is_deferrable:
        found = _volumes(question, workload, demand, hours, options, own, nights)
    else:
        found = [_simulated(one, workload) for one in _judged(question, workload, hours, options)]
    if not found:
        text = f"no replicas of {workload.id} run then, or nothing arrives"
        raise InputError(Problem("--year, --hour", text))
    return PlanSimulation(
        plan=plan.name,
        workload=workload.id,
        model=workload.model,
        unit=workload.unit,
        confidence=question.confidence or _confidence(workload, own),
        seed=question.seed,
        slo=tuple(
            max((hour.slo[i] for hour in found), key=lambda one: one.simulated_s or math.inf)
            for i in range(len(found[0].slo))
        ),
        simulated_hours=tuple(found),
        warnings=_moved(own),
    )


def _asked(
    question: PlanQuestion, plan: Plan, place: str
) -> tuple[Workload, Demand, list[PlannedHours]]:
    """The workload with the demand of all that share its replicas, and the hours that are asked
    about. Raises: InputError."""
    problems = [
        Problem(name, f"must lie between {low:g} and {high:g}, got {value:g}")
        for name, value, low, high in (
            ("--hour", question.hour, 0, HOURS_PER_WEEK - 1),
            ("--year", question.year, 1, plan.years),
            ("--confidence", question.confidence, 0.5, 0.99),
            ("--requests", question.requests, LEAST_REQUESTS, MOST_REQUESTS),
            ("--seed", question.seed, 0, 2**32 - 1),
        )
        if value is not None and not low <= value <= high
    ]
    by_id = {w.id: w for w in plan.inventory.workloads} if plan.inventory else {}
    workload = by_id.get(question.workload)
    if workload is None:
        problems.append(unknown_name("--workload", "workload", question.workload, by_id))
    elif workload.run is not None:
        text = f"{workload.id} is a training job, which has no busiest hour"
        problems.append(Problem("--workload", text, f"gpumix explain {place} {workload.id}"))
    hours = next((w.planned_hours for w in plan.workloads if w.id == question.workload), ())
    if workload is not None and workload.run is None and not hours:
        fix = "it is of an older gpumix; make it again: gpumix plan " + place
        problems.append(Problem(place, "does not record what runs in each hour", fix))
    if problems or workload is None or workload.demand is None or plan.inventory is None:
        raise InputError(problems)
    found = [
        one
        for one in hours
        if (question.year is None or one.year == question.year - 1)
        and (question.hour is None or workload.is_deferrable or question.hour in one.hours)
    ]
    whole = summed(members_of(workload, together(plan.inventory)[1]))  # all on its replicas
    return replace(whole, id=workload.id), whole.demand or workload.demand, found


def options_in(
    hours: Sequence[PlannedHours], workload: Workload, catalog: Catalog
) -> dict[PlannedReplicas, Option]:
    """What each kind of replica that runs in some hours is, predicted from the catalogue and
    planned as in the plan.

    Raises: InputError where the catalogue knows no such way any more.
    """
    running = list(dict.fromkeys(one for part in hours for one in part.running))
    largest = {
        gpu: max(one.tp for one in running if one.gpu == gpu)
        for gpu in dict.fromkeys(r.gpu for r in running)
        if gpu in catalog.gpus
    }
    known = {
        (o.gpu, o.tp, o.precision, o.slice.name if o.slice else "", o.rtt_s): o
        for rtt_s in dict.fromkeys(one.rtt_s for one in running)
        for o in options_at(workload, largest, catalog, rtt_s)
    }
    found, problems = {}, []
    for one in running:
        option = known.get((one.gpu, one.tp, one.precision, one.slice, one.rtt_s))
        if option is None:
            text = (
                f"{one.tp} x {one.gpu} {one.slice} {one.precision}".rstrip()
                + " is not known to this data"
            )
            problems.append(Problem(f"workloads.{workload.id}.hours", text, "make the plan again"))
        else:
            found[one] = option
    if problems:
        raise InputError(problems)
    return found


def _slower(
    question: PlanQuestion, own: Mapping[PlannedReplicas, Option]
) -> dict[PlannedReplicas, Option]:
    """The options as slow as they are asked about; one way stays one option."""
    made: dict[tuple[int, float], Option] = {}
    found = {}
    for one, option in own.items():
        slowdown = one.slowdown
        if question.confidence is not None:
            slowdown = float(slowdown_at(option.sigma, question.confidence))
        key = (id(option), slowdown)
        found[one] = made.setdefault(key, at_slowdown(option, slowdown))
    return found


def _confidence(workload: Workload, options: Mapping[PlannedReplicas, Option]) -> float:
    """The probability that replicas are at least as fast as planned; of work with an interval of
    its own the least of its replicas'."""
    if workload.kind not in (Kind.MEDIA, Kind.CUSTOM):
        return workload.confidence
    return min(
        (
            NormalDist().cdf(math.log(one.slowdown) / option.sigma)
            for one, option in options.items()
        ),
        default=workload.confidence,
    )


def _judged(
    question: PlanQuestion,
    workload: Workload,
    hours: Sequence[PlannedHours],
    options: Mapping[PlannedReplicas, Option],
) -> list[Judged]:
    """The hours that are simulated, as the plan's own replay does it."""
    demand = workload.demand
    if demand is None:
        return []
    seed = _seed(question, QUEUE_SEED if is_queued(workload) else SEED)
    rated = {one: replace(o, units_per_hour=one.units_per_hour) for one, o in options.items()}
    every = [
        hour
        for one in hours
        if (hour := hour_of(one, rated, demand, question.hour, seed)) is not None
    ]
    requests = question.requests or REQUESTS
    if is_queued(workload):
        return [queued(hour, requests) for hour in every]
    return judged(Runs(MOST_REPLICAS), demand, workload.slos, every, requests)


def _seed(question: PlanQuestion, own: int) -> int:
    return own if question.seed is None else question.seed


def _simulated(one: Judged, workload: Workload) -> SimulatedHour:
    slo = tuple(
        _promise(slo.name, slo.limit_s, reached)
        for slo, reached in zip(workload.slos, one.reached, strict=True)
    )
    planned, hour = one.hour.planned, one.hour
    return SimulatedHour(
        planned.year, planned.period, hour.hour, hour.units_per_hour, planned.running, slo
    )


def _promise(name: str, limit_s: float, reached: Reached) -> SimulatedPromise:
    if reached.is_kept(limit_s):
        verdict = KEPT
    else:
        verdict = NOT_KEPT if reached.is_sure(limit_s) else UNCLEAR
    seconds, error_s = (
        one if math.isfinite(one) else None for one in (reached.seconds, reached.standard_error_s)
    )
    return SimulatedPromise(name, limit_s, seconds, error_s, reached.requests, verdict)


def _volumes(
    question: PlanQuestion,
    workload: Workload,
    demand: Demand,
    hours: Sequence[PlannedHours],
    options: Mapping[PlannedReplicas, Option],
    own: Mapping[PlannedReplicas, Option],
    nights: Sequence[Sequence[int]],
) -> list[SimulatedHour]:
    """In each period the day's volume that takes the largest part of its time."""
    ratio = factors(options, own, workload, demand, question.requests, _seed(question, SEED))
    factor = {one: share for one, (share, _) in ratio.items()}
    error = max((e / share for share, e in ratio.values()), default=0.0)
    chosen = [n for n in nights if question.hour is None or question.hour in n] if nights else []
    if nights and not chosen:
        return []
    periods: dict[str, list[PlannedHours]] = {}
    for one in hours:
        periods.setdefault(one.period, []).append(one)
    found = []
    for period, members in periods.items():
        volume = math.fsum(demand.units_per_hour) * _growth(members, demand)
        opened, done_h, limit_h = slowest(capacity_of(members, factor), volume, nights, chosen)
        reached = Reached(
            done_h * SECONDS_PER_HOUR,
            done_h * SECONDS_PER_HOUR * error,
            question.requests or REQUESTS,
        )
        running = tuple(dict.fromkeys(r for one in members for r in one.running))
        promise = _promise("finish_within", limit_h * SECONDS_PER_HOUR, reached)
        rate = volume / max(len(nights), 1) / limit_h
        found.append(SimulatedHour(members[0].year, period, opened, rate, running, (promise,)))
    return found


def _growth(hours: Sequence[PlannedHours], demand: Demand) -> float:
    """Demand of a period over that of the workload's first year."""
    return max(
        one.peak_units_per_hour / most
        for one in hours
        if (most := max(demand.units_per_hour[h] for h in one.hours)) > 0.0
    )


def _moved(options: Mapping[PlannedReplicas, Option]) -> tuple[str, ...]:
    """A word of what is predicted otherwise than when the plan was made."""
    return tuple(
        f"{one.tp} x {one.gpu} at {one.precision} was planned {one.slowdown:.4g} times slower than"
        f" predicted, with today's data {slowdown_of(option):.4g}: the plan may differ"
        for one, option in options.items()
        if not math.isclose(one.slowdown, slowdown_of(option), rel_tol=_SAME)
    )
