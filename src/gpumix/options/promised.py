"""Replicas that serve one hour of a workload's traffic together, simulated until it is clear which
promises they keep: what the plan's replay runs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from gpumix.domain.workload import Demand, Slo
from gpumix.options.option import Option
from gpumix.options.sustained import table_of
from gpumix.serving.kept import MOST_REQUESTS, REQUESTS, Reached, Run, reached
from gpumix.serving.simulator.simulation import Outcome, Settings, simulate
from gpumix.serving.traffic import draw
from gpumix.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of replica in one hour, at its share of the demand [units/h].

    `seed` is of its own traffic: kinds of one hour do not see the same.
    """

    option: Option
    replicas: int
    units_per_hour: float
    seed: int

    @property
    def load(self) -> float:
        """Its demand over what it is planned at (0-1)."""
        return self.units_per_hour / (self.option.units_per_hour * self.replicas)


def run(demand: Demand, part: Part, requests: int, most_replicas: int | None = None) -> Outcome:
    """As much of a part's hour as `requests` take. With more than `most_replicas`, so many with
    their share of the traffic: fewer behind one queue wait longer. Times are those that
    users see from where they are."""
    replicas = min(part.replicas, most_replicas or part.replicas)
    stream = draw(
        requests,
        part.units_per_hour * replicas / part.replicas / SECONDS_PER_HOUR,
        demand.input,
        demand.output,
        arrival_cv=demand.arrival_cv,
        correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        classes=demand.classes,
        seed=part.seed,
    )
    outcome = simulate(stream, table_of(part.option, demand), Settings(replicas=replicas))
    return outcome.seen_from(part.option.rtt_s)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of parts, each remembered: what is asked again costs nothing."""

    most_replicas: int | None = None
    known: dict[tuple[object, int, float, int, int], Outcome] = field(default_factory=dict)

    def of(self, demand: Demand, parts: Sequence[Part], requests: int) -> list[Run]:
        """A run of each part, two at a time, with the units it stands for."""
        with ThreadPoolExecutor(max_workers=2) as pool:  # the compiled loop lets others run
            outcomes = list(pool.map(lambda part: self.one(demand, part, requests), parts))
        return [(o, part.units_per_hour) for part, o in zip(parts, outcomes, strict=True)]

    def one(self, demand: Demand, part: Part, requests: int) -> Outcome:
        """What happens to a part, run once."""
        key = (part.option.replica, part.replicas, part.units_per_hour, part.seed, requests)
        if key not in self.known:
            self.known[key] = run(demand, part, requests, self.most_replicas)
        return self.known[key]

    def until_sure(
        self,
        demand: Demand,
        slos: Sequence[Slo],
        parts: Sequence[Part],
        requests: int = REQUESTS,
        most: int = MOST_REQUESTS,
    ) -> tuple[list[Run], tuple[Reached, ...]]:
        """Runs of the parts, and what each promise comes to: from twice as many requests while one
        is in doubt, up to `most`."""
        while True:
            ran = self.of(demand, parts, requests)
            found = tuple(reached(ran, slo) for slo in slos)
            sure = all(r.is_sure(s.limit_s) for r, s in zip(found, slos, strict=True))
            if sure or requests >= most:
                return ran, found
            requests = min(2 * requests, most)
