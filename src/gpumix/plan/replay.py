"""The proof of a plan: its traffic replayed on its replicas, and rates corrected where it breaks.

A promise must be kept (serving/kept.py) in the busiest hour of every block of every year. An hour
is not simulated where one with the same replicas and at least its demand was, or where each kind of
its replicas keeps every promise by itself, no more of them and at least as busy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from gpumix import mix
from gpumix.domain.proof import Replay, ReplayedSlo
from gpumix.domain.workload import Demand, Inventory, Workload
from gpumix.options import sustained
from gpumix.options.chance import chances
from gpumix.options.option import Option
from gpumix.options.promised import Part, Runs
from gpumix.options.proof import MOST_REPLICAS, Hour, Judged, checked, hour_of
from gpumix.options.proof import judged as judged_hours
from gpumix.options.queued import is_queued
from gpumix.plan import interpret, regret, replay_queue
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.plan.regret import Variant
from gpumix.plan.running import running_in
from gpumix.plan.search import Found, judged, search
from gpumix.serving.kept import BEYOND_DOUBT, REQUESTS, SURE, Reached, Run, attained, percentile_of
from gpumix.serving.simulated_capacity import capacity_by_simulation
from gpumix.units import SECONDS_PER_HOUR

CORRECTIONS = 6
"""How often, at most, a plan is made anew because a workload's replay breaks a promise."""

_ONE_BY_ONE = 2
"""Corrections that lower only the rates of what the plan runs; later ones lower the others as much,
so that the search does not go from one unproven rate to the next."""

_LEAST_STEP = 0.97
"""What rates are multiplied by where each kind of replica by itself sustains what is planned."""


@dataclass(frozen=True, slots=True)
class Replayer:
    """Replays plans and remembers the runs, so that a changed plan costs what changed in it."""

    runs: Runs = field(default_factory=lambda: Runs(MOST_REPLICAS))

    def of(self, answer: Answer, corrections: Mapping[str, int]) -> dict[str, Replay]:
        """Every promised workload's replay on the plan's replicas."""
        return replay_queue.replays(answer, corrections) | {
            w.id: self._replay(w, w.demand, hours, corrections.get(w.id, 0))
            for w in answer.choice.inventory.workloads
            if sustained.is_simulated(w) and w.slos and w.demand is not None
            if (hours := hours_of(answer, w))  # an API's replicas cannot be simulated
        }

    def with_chances(self, answer: Answer, proof: Mapping[str, Replay]) -> dict[str, Replay]:
        """The replays with the probability that each promise's worst hour keeps it."""
        found = dict(proof)
        for w in answer.choice.inventory.workloads:
            if w.id in found and w.demand is not None:
                every = (
                    list(replay_queue.hours_of(answer, w).values())
                    if is_queued(w)
                    else self.judged(w, w.demand, hours_of(answer, w))
                )
                slo = found[w.id].slo
                p = chances(self.runs, w, every, [one.kept for one in slo])
                slo = tuple(replace(one, p_kept=at) for one, at in zip(slo, p, strict=True))
                found[w.id] = replace(found[w.id], slo=slo)
        return found

    def judged(self, workload: Workload, demand: Demand, hours: Sequence[Hour]) -> list[Judged]:
        """Those hours that none of the others dominates, the busiest first."""
        return judged_hours(self.runs, demand, workload.slos, hours)

    def _replay(
        self, workload: Workload, demand: Demand, hours: Sequence[Hour], corrections: int
    ) -> Replay:
        judged = self.judged(workload, demand, hours)
        week = self._week(demand, hours, judged)
        outcomes = {id(o): o for o, _ in [*week, *(run for one in judged for run in one.ran)]}
        offered = sum(len(o.arrival_s) for o in outcomes.values())
        served = sum(int(o.served.sum()) for o in outcomes.values())
        return Replay(
            requests=offered,
            served=served,
            shed=offered - served,
            within=attained(week, workload.slos),
            slo=tuple(
                checked(slo, i, judged, percentile_of(week, slo))
                for i, slo in enumerate(workload.slos)
            ),
            corrections=corrections,
            arrival_cv=demand.arrival_cv,
            length_correlation=demand.length_correlation,
            prefix_share=demand.prefix_share,
            traffic=replay_queue.sources(demand),
        )

    def _week(self, demand: Demand, hours: Sequence[Hour], judged: Sequence[Judged]) -> list[Run]:
        """Runs of the first week, weighted by the units they stand for; hours that were not judged
        in runs as short as those that rates are found with, as no promise rests on them."""
        known = {id(one.hour): one.ran for one in judged}
        week: list[Run] = []
        for hour in hours:
            if hour.planned.period != hours[0].planned.period:
                break
            ran = known.get(id(hour)) or [
                (
                    self.runs.one(demand, part, sustained.requests_for(part.option, 1)),
                    part.units_per_hour,
                )
                for part in hour.parts
            ]
            total = math.fsum(units for _, units in ran)
            week += [(outcome, hour.units * units / total) for outcome, units in ran]
        return week


def hours_of(answer: Answer, workload: Workload) -> list[Hour]:
    """The busiest hour of each block in which a workload runs on replicas that can be simulated,
    its demand split by what they sustain."""
    found: list[Hour] = []
    for index in range(len(answer.formulation.cycle.blocks)):
        block = running_in(answer, workload, index)
        if block is not None and workload.demand is not None:
            planned, options = block
            text = {one: o for one, o in options.items() if o.replica is not None}
            hour = hour_of(planned, text, workload.demand)
            found += [hour] if hour is not None else []
    return found


def proven(
    found: Found, choice: Choice, cycle: Cycle, replayer: Replayer
) -> tuple[Found, Choice, dict[str, Replay]]:
    """The plan, made anew with lower rates while its replay does not keep each promise beyond
    doubt, and the last replay.

    Where rates cannot be lowered or leave no plan, the one before stays, its broken promise told.
    """
    corrections: dict[str, int] = {}
    proof = replayer.of(interpret.answer_of(found), corrections)
    while names := [
        n for n in unclear(proof, choice.inventory) if corrections.get(n, 0) < CORRECTIONS
    ]:
        lower = corrected(choice, interpret.answer_of(found), names, replayer, corrections)
        again = _again(lower, cycle)
        if again is None or again.solution.cost is None:
            break
        corrections |= {n: corrections.get(n, 0) + 1 for n in names}
        found, choice = again, lower
        proof = replayer.of(interpret.answer_of(found), corrections)
    return found, choice, proof


def _again(lower: Choice, cycle: Cycle) -> Found | None:
    """The plan at lower rates; None where the user's time is up."""
    try:
        return search(lower, cycle, lower.work.plan)
    except mix.OutOfTime:
        return None


def cheapest(
    found: Found, variants: tuple[Variant, ...], proof: dict[str, Replay], replayer: Replayer
) -> tuple[Found, tuple[Variant, ...], dict[str, Replay]]:
    """The plan, or a restricted one that is cheaper and whose replay keeps each promise too.

    A cheaper one that does not is no alternative, and told as such.
    """
    while (best := regret.cheapest(found, variants)) is not found:
        other = replayer.of(interpret.answer_of(best), {})
        if not unclear(other, found.choice.inventory):
            return best, variants, other
        variants = tuple(
            replace(v, found=None, reason="does not surely keep a promise in the replay")
            if v.found is not None and v.found.formulation is best.formulation
            else v
            for v in variants
        )
    return found, variants, proof


def simple(
    found: Found,
    cheapest: Found,
    choice: Choice,
    cycle: Cycle,
    replayer: Replayer,
    proof: dict[str, Replay],
) -> tuple[Found, dict[str, Replay]]:
    """A simpler plan, made anew with its own supplies while its replay breaks a promise; the
    cheapest where that one keeps what the simpler one does not, unless it must be simple."""
    if found is cheapest:
        return cheapest, proof
    own = replace(choice, supplies=found.choice.supplies)
    again, _, other = proven(found, own, cycle, replayer)
    if broken(other) and not broken(proof) and not choice.inventory.limits.must_be_simple:
        return cheapest, proof
    bound = min(cheapest.solution.bound or 0.0, again.solution.cost or 0.0)
    judgement = judged(again.solution, bound)
    return replace(again, solution=judgement, considered=cheapest.considered), other


def broken(found: Mapping[str, Replay]) -> list[str]:
    """Workloads whose replay broke a promise."""
    return [name for name, replay in found.items() if not all(s.kept for s in replay.slo)]


def unclear(found: Mapping[str, Replay], inventory: Inventory) -> list[str]:
    """Workloads whose replay broke a promise, or of text did not keep it beyond doubt (pools of one
    queue were searched with that margin)."""
    queued = {w.id for w in inventory.workloads if is_queued(w)}
    return [
        name
        for name, replay in found.items()
        if not all(s.kept and (name in queued or _worst(s).is_clear(s.limit_s)) for s in replay.slo)
    ]


def _worst(slo: ReplayedSlo) -> Reached:
    return Reached(slo.worst_s, slo.standard_error_s, slo.requests)


def corrected(
    choice: Choice,
    answer: Answer,
    names: Sequence[str],
    replayer: Replayer,
    corrections: Mapping[str, int] = MappingProxyType({}),
) -> Choice:
    """The choice with what the plan's replicas really sustain in the numbers in which it runs them.

    An option's rate was found for a pool of its own; a mix runs fewer of it in some hour. After
    `_ONE_BY_ONE` corrections of a workload the rates of all its options are lowered.
    """
    options = dict(choice.options)
    for workload in choice.inventory.workloads:
        if workload.id not in names or workload.demand is None:
            continue
        lower = _lower_rates(workload, workload.demand, answer, replayer)
        if not lower:  # its replicas share one queue
            continue
        worst = min(new.units_per_hour / old.units_per_hour for old, new in lower.items())
        others = worst if corrections.get(workload.id, 0) >= _ONE_BY_ONE else 1.0
        options[workload.id] = [lower.get(o) or _slower(o, others) for o in options[workload.id]]
    return replay_queue.corrected(replace(choice, options=options), answer, names)


def _lower_rates(
    workload: Workload, demand: Demand, answer: Answer, replayer: Replayer
) -> dict[Option, Option]:
    """What runs in hours that were simulated, at the rates that so few replicas sustain on the same
    traffic; all a little slower where that is as much as they are planned at."""
    judged = replayer.judged(workload, demand, hours_of(answer, workload))
    fewest: dict[Option, Part] = {}
    for part in (part for one in judged for part in one.hour.parts):
        known = fewest.get(part.option)
        if known is None or part.replicas < known.replicas:
            fewest[part.option] = part
    lower = {option: _lowered(workload, demand, part, replayer) for option, part in fewest.items()}
    if all(new.units_per_hour >= old.units_per_hour for old, new in lower.items()):
        return {option: _slower(option, _LEAST_STEP) for option in lower}
    return lower


def _slower(option: Option, factor: float) -> Option:
    return replace(option, units_per_hour=option.units_per_hour * factor)


def _lowered(workload: Workload, demand: Demand, part: Part, replayer: Replayer) -> Option:
    """A part's option at what so many replicas sustain of the traffic they were replayed with, with
    the margin that leaves no doubt."""
    option, replicas = part.option, min(part.replicas, MOST_REPLICAS)
    _, reached = replayer.runs.until_sure(demand, workload.slos, (part,))
    slos = [
        replace(
            slo, limit_s=slo.limit_s - BEYOND_DOUBT * min(r.standard_error_s, SURE * slo.limit_s)
        )
        for slo, r in zip(workload.seen_from(option.rtt_s).slos, reached, strict=True)
    ]
    found = capacity_by_simulation(
        sustained.table_of(option, demand),
        sustained.traffic_of(demand),
        slos,
        option.units_per_hour / SECONDS_PER_HOUR * replicas,
        replicas=replicas,
        correlation=demand.length_correlation,
        requests=REQUESTS,
        seed=part.seed,
    )
    if found.requests_per_s * SECONDS_PER_HOUR / replicas < option.units_per_hour:
        return sustained.at_rate(option, found, replicas)
    return option
