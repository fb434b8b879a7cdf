"""The proof of a plan: its traffic replayed on its replicas, and rates corrected where it breaks.

Every block of the first year's week is replayed at its busiest hour. A promise at quantile q is
broken in an hour if the share of its requests within the limit lies below q by more than the
replay's own uncertainty (batch means).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from gpumix import mix
from gpumix.domain.plan import Replay, ReplayedSlo
from gpumix.domain.workload import Demand, Slo, Workload
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.plan import interpret, regret, replay_queue
from gpumix.plan.cycle import Cycle, peak_demand
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.plan.regret import Variant
from gpumix.plan.search import Found, judged, search
from gpumix.serving.simulated_capacity import latency_of, settled
from gpumix.serving.simulator.simulation import Outcome, Settings, simulate
from gpumix.serving.traffic import draw
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

CORRECTIONS = 2
"""How often, at most, a plan is made anew because a workload's replay breaks a promise."""

BATCHES = 20
STUDENT = 2.093
"""Batches of one run whose means tell its uncertainty, and Student's t (19 degrees of freedom) of
a 95 % interval."""

_REPLAYED = 4
"""Replicas of a kind that are replayed, with their share of the traffic, if it has more."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One kind of replica in the busiest hour of one block.

    `weight` are the units of the week it stands for; `stream` tells kinds of one hour apart: each
    gets random numbers of its own.
    """

    hour: int
    weight: float
    option: Option
    replicas: int
    units_per_hour: float
    stream: int


@dataclass(frozen=True, slots=True)
class Replayer:
    """Replays plans and remembers the runs, so that a changed plan costs what changed in it."""

    runs: dict[tuple[object, int, float, int], Outcome] = field(default_factory=dict)

    def of(self, answer: Answer, corrections: Mapping[str, int]) -> dict[str, Replay]:
        """Every promised workload's replay on the plan's replicas: text in the first year, what
        shares one queue in all of them."""
        return replay_queue.replays(answer, corrections) | {
            w.id: self._replay(w, w.demand, parts, corrections.get(w.id, 0))
            for w in answer.choice.inventory.workloads
            if sustained.is_simulated(w) and w.slos and w.demand is not None
            if (parts := self.parts(answer, w))  # an API's replicas cannot be simulated
        }

    def parts(self, answer: Answer, workload: Workload) -> list[_Part]:
        """Each block of its first week, its busiest hour split by what replicas sustain."""
        demand, parts = workload.demand, []
        if demand is None:
            return []
        cycle = answer.formulation.cycle
        for index in cycle.first_week(workload):
            block = cycle.blocks[index]
            running = _running(answer, workload, index)
            able = math.fsum(o.units_per_hour * n for o, n in running.items())
            if able <= 0.0:
                continue
            hour = max(block.hours, key=lambda h: demand.units_per_hour[h])
            peak = peak_demand(workload, block)
            total = math.fsum(demand.units_per_hour[h] for h in block.hours)
            for stream, (option, count) in enumerate(running.items()):
                share = option.units_per_hour * count / able
                if peak * share > 0.0 and option.replica is not None:
                    parts.append(_Part(hour, total * share, option, count, peak * share, stream))
        return parts

    def outcome(self, demand: Demand, part: _Part) -> Outcome:
        """What happens to a part, run once."""
        key = (part.option.replica, part.replicas, part.units_per_hour, part.stream)
        if key not in self.runs:
            self.runs[key] = _run(demand, part)
        return self.runs[key]

    def _replay(
        self, workload: Workload, demand: Demand, parts: Sequence[_Part], corrections: int
    ) -> Replay:
        with ThreadPoolExecutor(max_workers=2) as pool:  # the compiled loop lets others run
            outcomes = list(pool.map(lambda part: self.outcome(demand, part), parts))
        ran = list(zip(parts, outcomes, strict=True))
        offered = sum(len(o.arrival_s) for o in outcomes)
        served = sum(int(o.served.sum()) for o in outcomes)
        within = [_Share.of(part.weight, _kept(o, workload.slos)) for part, o in ran]
        return Replay(
            requests=offered,
            served=served,
            shed=offered - served,
            within=_together(within).mean,
            slo=tuple(_check(slo, ran) for slo in workload.slos),
            corrections=corrections,
            arrival_cv=demand.arrival_cv,
            length_correlation=demand.length_correlation,
            prefix_share=demand.prefix_share,
            traffic=replay_queue.sources(demand),
        )


def _running(answer: Answer, workload: Workload, block: int) -> dict[Option, int]:
    """Replicas of each option that serve a workload in a block."""
    running: dict[Option, int] = {}
    for line in answer.lines:
        for use in line.uses:
            if use.block == block and use.cell.workload.id == workload.id:
                running[use.cell.option] = running.get(use.cell.option, 0) + use.replicas
    return running


def _seed(part: _Part) -> int:
    """Not that of the rates: a plan is proven on traffic that its rates were not found with."""
    return sustained.SEED + 1 + part.stream


def _run(demand: Demand, part: _Part) -> Outcome:
    """A part's hour, or as much of it as tells its quantiles."""
    replicas = min(part.replicas, _REPLAYED)
    stream = draw(
        sustained.requests_for(part.option, replicas),
        part.units_per_hour * replicas / part.replicas / SECONDS_PER_HOUR,
        demand.input,
        demand.output,
        arrival_cv=demand.arrival_cv,
        correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        seed=_seed(part),
    )
    return simulate(stream, sustained.table_of(part.option, demand), Settings(replicas=replicas))


def _kept(outcome: Outcome, slos: Iterable[Slo]) -> FloatArray:
    """Whether each settled request kept all of these promises (1.0 or 0.0)."""
    span = settled(outcome)
    kept = np.ones(len(outcome.arrival_s[span]))
    for slo in slos:
        times = latency_of(outcome, slo.metric)[span]
        kept *= np.isnan(times) | (times <= slo.limit_s)
    return kept


@dataclass(frozen=True, slots=True)
class _Share:
    """A share of requests, its variance, and the units it stands for."""

    mean: float
    variance: float
    weight: float

    @property
    def highest(self) -> float:
        """The upper end of its 95 % interval."""
        return self.mean + STUDENT * math.sqrt(self.variance)

    @classmethod
    def of(cls, weight: float, kept: FloatArray) -> _Share:
        """By batch means: neighbours in a queue fare alike, so single requests do not count."""
        means = [float(batch.mean()) for batch in np.array_split(kept, BATCHES)]
        return cls(float(kept.mean()), float(np.var(means, ddof=1)) / BATCHES, weight)


def _together(shares: Sequence[_Share]) -> _Share:
    """The share over several runs that do not know of each other."""
    total = math.fsum(s.weight for s in shares)
    if total <= 0.0:
        return _Share(1.0, 0.0, 0.0)
    mean = math.fsum(s.weight * s.mean for s in shares) / total
    return _Share(mean, math.fsum(s.variance * (s.weight / total) ** 2 for s in shares), total)


def _check(slo: Slo, ran: Sequence[tuple[_Part, Outcome]]) -> ReplayedSlo:
    """A promise over the week, and in the hour that came nearest to breaking it."""
    if not ran:
        return ReplayedSlo(slo.name, slo.limit_s, 0.0, 0.0, 0, True)
    hours = {part.hour: [(p, o) for p, o in ran if p.hour == part.hour] for part, _ in ran}
    reached = {hour: _quantile_s(slo, runs) for hour, runs in hours.items()}
    worst = max(reached, key=reached.__getitem__)
    kept = not any(_is_broken(slo, runs) for runs in hours.values())
    return ReplayedSlo(slo.name, slo.limit_s, _quantile_s(slo, ran), reached[worst], worst, kept)


def _is_broken(slo: Slo, ran: Sequence[tuple[_Part, Outcome]]) -> bool:
    """Whether surely too few requests of an hour are within the limit."""
    shares = [_Share.of(part.weight, _kept(o, (slo,))) for part, o in ran]
    return _together(shares).highest < slo.quantile


def _quantile_s(slo: Slo, ran: Sequence[tuple[_Part, Outcome]]) -> float:
    """The promise's quantile, requests weighted by how many each run stands for [s]."""
    times, weights = [np.zeros(0)], [np.zeros(0)]
    for part, outcome in ran:
        own = latency_of(outcome, slo.metric)[settled(outcome)]
        own = own[~np.isnan(own)]
        times.append(own)
        weights.append(np.full(len(own), part.weight / max(len(own), 1)))
    every, share = np.concatenate(times), np.concatenate(weights)
    if not len(every):
        return 0.0
    order = np.argsort(every)
    reached = np.searchsorted(np.cumsum(share[order]), slo.quantile * share.sum() * (1.0 - 1e-12))
    return float(every[order][min(reached, len(every) - 1)])


def proven(
    found: Found, choice: Choice, cycle: Cycle, replayer: Replayer
) -> tuple[Found, Choice, dict[str, Replay]]:
    """The plan, made anew with lower rates while its replay breaks a promise, and the last replay.

    Where rates cannot be lowered or leave no plan, the one before stays, its broken promise told.
    """
    corrections: dict[str, int] = {}
    proof = replayer.of(interpret.answer_of(found), corrections)
    while names := [n for n in broken(proof) if corrections.get(n, 0) < CORRECTIONS]:
        lower = corrected(choice, interpret.answer_of(found), names, replayer)
        again = _again(lower, cycle) if lower != choice else None
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
    """The plan, or a restricted one that is cheaper and whose replay breaks no promise either.

    A cheaper one that breaks one is no alternative, and told as such.
    """
    while (best := regret.cheapest(found, variants)) is not found:
        other = replayer.of(interpret.answer_of(best), {})
        if not broken(other):
            return best, variants, other
        variants = tuple(
            replace(v, found=None, reason="breaks a promise in the replay")
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


def corrected(choice: Choice, answer: Answer, names: Sequence[str], replayer: Replayer) -> Choice:
    """The choice with what the plan's replicas really sustain in the numbers in which it runs them.

    An option's rate was found for a pool of its own; a mix runs fewer of it in some hour.
    """
    options = dict(choice.options)
    for workload in choice.inventory.workloads:
        if workload.id in names:
            parts = sorted(replayer.parts(answer, workload), key=lambda p: -p.replicas)
            fewest = {part.option: part for part in parts}
            lower = {option: _lowered(workload, part) for option, part in fewest.items()}
            options[workload.id] = [lower.get(o, o) for o in options[workload.id]]
    return replay_queue.corrected(replace(choice, options=options), answer, names)


def _lowered(workload: Workload, part: _Part) -> Option:
    """A part's option at what so many replicas sustain of the traffic they were replayed with."""
    option, replicas = part.option, min(part.replicas, _REPLAYED)
    found = sustained.sustained_by(workload, option, replicas, _seed(part))
    if 0.0 < found.requests_per_s * SECONDS_PER_HOUR / replicas < option.units_per_hour:
        return sustained.at_rate(option, found, replicas)
    return option
