"""Today's fleet under the demand of a year: what it carries, what it costs, what it would take.

The same mix problem as the plan's, of one year, among exactly what runs today: rented instances
and servers of one's own are held around the clock, however they are paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.domain.today_plan import TodayPromise
from gpumix.domain.workload import Inventory, Limits, Tier, Workload
from gpumix.errors import GpumixError
from gpumix.plan.cycle import cycle_of
from gpumix.plan.effort import Work
from gpumix.plan.formulate import Choice, Formulation, formulate, weight_of
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.periods import Period, active_months, growth, whole_year
from gpumix.plan.search import GAP, Found
from gpumix.plan.timeline import day

TOO_MUCH = "demand exceeds its capacity"
NO_SPARE = "does not survive the loss of an instance"
NO_WAY = "none of its GPUs can meet the promises"


@dataclass(frozen=True, slots=True)
class Carried:
    """A fleet under the demand of a year, and which promises it keeps."""

    answer: Answer
    promises: tuple[TodayPromise, ...]

    @property
    def usd(self) -> float:
        """Cost of the year [USD]."""
        return self.answer.usd

    @property
    def gpus(self) -> int:
        """GPUs that are held."""
        return sum(line.most * line.supply.gpus_per_instance for line in self.answer.lines)


def as_it_runs(choice: Choice) -> Carried | None:
    """The fleet with the counts that run, under the first year's demand; of work that it cannot
    carry with all that is promised, what it can. Work that starts later is not asked of it. None
    where nothing can be said."""
    year = _Year.of(_running_now(choice), 0)
    broken: dict[str, str] = {}
    kept = list(year.able)
    if not year.solved(kept):
        kept = []
        for workload in year.in_order():
            reason, asked = next(
                (way for way in year.ways(workload) if year.solved([*kept, *way[1]])),
                (TOO_MUCH, []),
            )
            kept += asked
            broken[workload.id] = reason
    return year.carried(year.asking(kept), broken)


def grown(choice: Choice, year: int) -> Carried | None:
    """The fleet with as many more of the same rentals as a year's demand asks for; None where no
    number of them will do."""
    return _with_counts(
        choice, year, lambda r: r if r.site is not None else replace(r, max_instances=None)
    )


def cut(choice: Choice) -> Carried | None:
    """The cheapest part of the fleet that carries what it is asked today; None where the whole of
    it does not."""
    return _with_counts(_running_now(choice), 0, lambda r: replace(r, min_instances=0))


def in_year(inventory: Inventory, year: int) -> Inventory:
    """One year of the horizon as an inventory of its own (0 = first), less the limits that are
    about what may be chosen."""
    period = whole_year(year)
    return replace(
        inventory,
        start=day(inventory, period.start),
        years=1,
        short_months=inventory.short_months if year == inventory.years - 1 else 0,
        limits=Limits(capex_usd=None, spot_share=inventory.limits.spot_share),
        workloads=tuple(_moved(w, period) for w in inventory.workloads if active_months(w, period)),
    )


def _moved(workload: Workload, year: Period) -> Workload:
    """A workload with the demand that it has in a year of the horizon, told from its start."""
    until, demand = workload.until_month, workload.demand
    if demand is not None:
        units = tuple(growth(workload, year) * units for units in demand.units_per_hour)
        demand = replace(demand, units_per_hour=units, growth_per_year=0.0)
    return replace(
        workload,
        demand=demand,
        from_month=max(workload.from_month - year.start, 0),
        until_month=None if until is None or until >= year.end else until - year.start,
    )


def _running_now(choice: Choice) -> Choice:
    """The choice with the work alone that runs when the plan starts."""
    inventory = choice.inventory
    now = tuple(w for w in inventory.workloads if not w.from_month)
    return replace(choice, inventory=replace(inventory, workloads=now))


def _with_counts(
    choice: Choice, year: int, free: Callable[[mix.Resource], mix.Resource]
) -> Carried | None:
    """The cheapest counts where some are free."""
    asked = _Year.of(choice, year)
    problem = asked.asking(asked.able)
    return asked.carried(replace(problem, resources=tuple(map(free, problem.resources))), {})


@dataclass(frozen=True, slots=True)
class _Year:
    """The problem of one year."""

    choice: Choice
    whole: Formulation

    @classmethod
    def of(cls, choice: Choice, year: int) -> _Year:
        """A year of the horizon (0 = first)."""
        own = replace(choice, inventory=in_year(choice.inventory, year))
        weights = [weight_of(w, own.options[w.id], own.supplies) for w in own.inventory.workloads]
        return cls(own, formulate(own, cycle_of(own.inventory, weights)))

    @property
    def able(self) -> tuple[mix.Workload, ...]:
        """Work that some GPU of the fleet can do."""
        names = {config.workload for config in self.whole.problem.configs}
        return tuple(w for w in self.whole.problem.workloads if w.id in names)

    def in_order(self) -> Iterator[Workload]:
        """Workloads as they are given what there is: premium work, what cannot wait, the rest."""
        yield from sorted(
            self.choice.inventory.workloads,
            key=lambda w: (w.tier is not Tier.PREMIUM, w.is_deferrable),
        )

    def ways(self, workload: Workload) -> Iterator[tuple[str, list[mix.Workload]]]:
        """With all that is promised, then without the loss of an instance: what is broken so, and
        what it asks for."""
        own = {
            config.workload
            for config, cell in zip(self.whole.problem.configs, self.whole.cells, strict=True)
            if cell is not None and cell.workload.id == workload.id
        }
        asked = [w for w in self.able if w.id in own]
        if asked:
            yield "", asked
        if any(w.n_plus_one for w in asked):
            yield NO_SPARE, [replace(w, n_plus_one=False) for w in asked]

    def asking(self, asked: Sequence[mix.Workload]) -> mix.Problem:
        """The problem with some of the work alone."""
        names = {workload.id for workload in asked}
        configs = tuple(c for c in self.whole.problem.configs if c.workload in names or c.cut)
        return replace(self.whole.problem, workloads=tuple(asked), configs=configs)

    def solved(self, asked: Sequence[mix.Workload]) -> mix.Solution | None:
        """The cheapest way to do some of the work alone."""
        return _solved(self.asking(asked), self.choice.work)

    def carried(self, problem: mix.Problem, broken: Mapping[str, str]) -> Carried | None:
        """The accounts of the cheapest way."""
        solution = _solved(problem, self.choice.work)
        if solution is None:
            return None
        names = {workload.id for workload in problem.workloads}
        pairs = zip(self.whole.problem.configs, self.whole.cells, strict=True)
        cells = tuple(cell for config, cell in pairs if config.workload in names or config.cut)
        part = replace(self.whole, problem=problem, cells=cells)
        able = {cell.workload.id for cell in self.whole.cells if cell is not None}
        reasons = {
            w.id: broken.get(w.id, "") if w.id in able else NO_WAY
            for w in self.choice.inventory.workloads
        }
        return Carried(
            answer_of(Found(self.choice, part, solution, len(self.choice.supplies), None)),
            tuple(TodayPromise(name, not why, why) for name, why in reasons.items()),
        )


def _solved(problem: mix.Problem, work: Work) -> mix.Solution | None:
    """The cheapest way; None where there is none, or none was found in the work allowed."""
    if work.is_over or not mix.feasible(problem, fractions=True):
        return None
    try:
        effort, left_s = work.variant.work, work.left_s()
        solution = mix.solve(problem, effort=effort, gap=GAP, time_limit_s=left_s)
    except (GpumixError, mix.OutOfTime):
        return None
    return None if solution.cost is None else solution
