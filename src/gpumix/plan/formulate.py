"""Words to numbers: workloads, options and supply become a mix problem.

Served workloads become rates per block. Work that may wait becomes, for each period, an amount per
week; on rented capacity it gets an instance of its own that runs only as long as the work takes
(a share of each hour), on committed capacity it fills what is idle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpumix import mix
from gpumix.cost.site_charges import SiteCharges
from gpumix.cost.staff import SiteStaff
from gpumix.cost.unit_cost import usd_per_unit
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.gpu import Slice
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Inventory, Tier, Workload
from gpumix.options.option import Option
from gpumix.options.pools import Pooled, needed, part_of_peak
from gpumix.options.ways import Way, cheapest_ways, instances
from gpumix.perf.slices import fillings
from gpumix.plan.cohorts import Cohort, cohorts_of
from gpumix.plan.cycle import Cycle, highest_demand, peak_demand
from gpumix.plan.data import data_usd_per_unit, mean_over_peak
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.nights import hours_of, nights_of, shifts_of
from gpumix.plan.periods import Period, busiest_week, first_month, work_per_week
from gpumix.plan.sites import SiteCosts, site_costs
from gpumix.plan.terms import Terms
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_WEEK

QUANTA = 4
"""Runs of a rented instance, at the least, that finish a week's deferrable work in its longest
block, or every night's in its window; the smallest amount the plan can buy is the work of one."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one config of the problem means: this option on this supply, `duty` of each hour; of
    work that may wait, what arrives in one period."""

    workload: Workload
    option: Option
    supply: Supply
    period: Period | None
    duty: float


@dataclass(frozen=True, slots=True)
class Formulation:
    """The problem and what its numbers mean; `cells` are parallel to `problem.configs`, None
    for those that cut GPUs.

    All costs are present costs at `rate_per_year`. They count from owned servers that are all sold
    at once, which costs nothing there and frees `freed_usd`: what a mix costs is that much less.
    """

    problem: mix.Problem
    cells: tuple[Cell | None, ...]
    supply: Mapping[str, Supply]
    cycle: Cycle
    freed_usd: float = 0.0
    rate_per_year: float = 0.0
    sites: tuple[SiteCosts, ...] = ()

    def cohorts(self, resource: str, *, alone: bool = False) -> tuple[Cohort, ...]:
        """When a committed resource may begin and end; `alone` as the only server of its site."""
        supply = self.supply[resource]
        own = supply.as_only() if alone else supply
        return cohorts_of(own, self.cycle.periods, self.rate_per_year)


@dataclass(frozen=True, slots=True)
class Choice:
    """The inventory with what could serve it: undominated options by workload id, and supply.

    `spot_useful_share` is, by GPU, the part of paid spot time that interruptions leave to
    deferrable work. `work` is how much searching is worth, `survives_loss` whether premium work
    must survive the loss of an instance. `pools` says how the needs of workloads are counted whose
    replicas share one queue. `rate_per_year` is the cost of capital, `staff`
    looks after the sites, which pay `sites` once open. The cash of a year stays below its limit by
    `cash_margin_usd`, for what the problem does not see.
    """

    inventory: Inventory
    options: Mapping[str, Sequence[Option]]
    supplies: tuple[Supply, ...]
    spot_useful_share: Mapping[str, float]
    work: Work = NORMAL
    survives_loss: bool = True
    pools: Mapping[str, Pooled] = field(default_factory=dict)
    rate_per_year: float = 0.0
    staff: tuple[SiteStaff, ...] = ()
    cash_margin_usd: Mapping[int, float] = field(default_factory=dict)
    sites: tuple[SiteCharges, ...] = ()

    def needed(self, workload: Workload, cycle: Cycle) -> tuple[float, ...]:
        """What replicas must do together, at their planned rates, in each block [units/h]."""
        peaks = [peak_demand(workload, block) for block in cycle.blocks]
        pooled, highest = self.pools.get(workload.id), max(peaks)
        return tuple(needed(pooled, peak, highest) for peak in peaks)


def formulate(
    choice: Choice, cycle: Cycle, rate_factor: Mapping[str, float] | None = None
) -> Formulation:
    """The mix problem of a choice; `rate_factor` scales each workload's rates (sensitivity)."""
    builder = _Builder(choice, cycle, rate_factor or {})
    for workload in choice.inventory.workloads:
        if workload.is_deferrable:
            builder.add_deferrable(workload)
        else:
            builder.add_served(workload)
    return builder.formulation()


def part_of(whole: Formulation, problem: mix.Problem) -> Formulation:
    """The formulation of a problem that holds only some resources of the whole one."""
    kept = {resource.id for resource in problem.resources}
    pairs = zip(whole.problem.configs, whole.cells, strict=True)
    cells = tuple(cell for config, cell in pairs if config.resource in kept)
    return replace(whole, problem=problem, cells=cells)


def rate_on(
    option: Option, supply: Supply, workload: Workload, spot_useful_share: Mapping[str, float]
) -> float:
    """Units per hour of one replica on this supply; 0 where it cannot keep its promise there."""
    if supply.purchase is not Purchase.SPOT or not workload.is_deferrable:
        return option.units_per_hour
    if workload.run is not None:
        return option.spot_units_per_hour or 0.0
    return option.units_per_hour * spot_useful_share[supply.gpu]


def wait_usd(option: Option, supply: Supply) -> float:
    """What waiting for a unit is worth to the team there, beside its cash [USD/unit]."""
    return option.spot_wait_usd if supply.purchase is Purchase.SPOT else option.wait_usd


def outlasts_a_week(option: Option, workload: Workload) -> bool:
    """Whether a run takes longer than the representative week: it cannot live off the hours that
    served work leaves idle, night by night, but holds its gang without a break."""
    return workload.run is not None and option.units_per_hour * HOURS_PER_WEEK < 1.0


def holds(supply: Supply, option: Option, workload: Workload) -> bool:
    """Whether an option is meant for places as far from the users, and its replica fits one
    instance, or is a gang of whole nodes (training only).

    Instances smaller than a node are no gang, nor are those of a provider that joins none by a
    fast network.
    """
    if option.rtt_s != supply.planned_rtt_s(workload.id):
        return False
    size = supply.gpus_per_instance
    if option.gpus <= size:
        return True
    gang = workload.run is not None and supply.has_fabric
    return gang and size >= GPUS_PER_NODE and option.gpus % size == 0


class _Builder:
    """Collects resources, workloads and configs of one problem."""

    def __init__(self, choice: Choice, cycle: Cycle, rate_factor: Mapping[str, float]) -> None:
        self.choice, self.cycle, self.rate_factor = choice, cycle, rate_factor
        self.years = choice.inventory.years
        self.sites = site_costs(choice.staff, choice.sites)
        self.terms = Terms(choice.inventory, cycle, choice.rate_per_year, self.sites)
        self.resources = [self._resource(s) for s in choice.supplies]
        self.supply = {s.id: s for s in choice.supplies}
        self.workloads: list[mix.Workload] = []
        self.configs: list[mix.Config] = []
        self.cells: list[Cell | None] = []
        self.slices: dict[str, dict[Slice, None]] = {}

    def add_served(self, workload: Workload) -> None:
        """A rate in every block."""
        has_spot = any(s.purchase is Purchase.SPOT for s in self.choice.supplies)
        share = self.choice.inventory.limits.spot_share if has_spot else None
        premium, cycle = workload.tier is Tier.PREMIUM, self.cycle
        self.workloads.append(
            mix.Workload(
                workload.id,
                "inference",
                demand=self.choice.needed(workload, cycle),
                n_plus_one=premium and self.choice.survives_loss,
                lost_together=premium and self.choice.survives_loss,
                max_spot_share=None if premium else share,
            )
        )
        highest = highest_demand(workload, cycle)
        for supply in self.choice.supplies:
            for option, rate in self._possible(workload, supply):
                planned = rate * part_of_peak(option, highest)
                cell = Cell(workload, option, supply, None, 1.0)
                self._config(workload.id, supply.id, option, planned, cell)

    def add_deferrable(self, workload: Workload) -> None:
        """An amount of work for a week of each period, in the blocks of its window."""
        window = hours_of(workload)
        held = {s.id: self._held_for(workload, s) for s in self._worth_holding(workload)}
        for period in self.cycle.periods:
            work = work_per_week(workload, period)
            if not work:
                continue
            blocks = tuple(
                b
                for b in self.cycle.of_period(period)
                if window.issuperset(self.cycle.blocks[b].hours)
            )
            name = work_name(workload.id, period)
            hours = [b.hours if i in blocks else () for i, b in enumerate(self.cycle.blocks)]
            self.workloads.append(
                mix.Workload(
                    name,
                    "batch",
                    work=work * period.share_of_year,
                    window=blocks,
                    shifts=shifts_of(workload, work, hours, period.share_of_year),
                )
            )
            for supply in self.choice.supplies:
                if supply.is_held:
                    for option, rate in self._possible(workload, supply):
                        resource = supply.id
                        if outlasts_a_week(option, workload) and not supply.count:
                            resource = held.get(supply.id, "")
                        if resource:
                            cell = Cell(workload, option, supply, period, 1.0)
                            self._config(name, resource, option, rate, cell)
            self._rent_for(workload, name, period, work, blocks)

    def _worth_holding(self, workload: Workload) -> list[Supply]:
        """What a run of more than a week may hold for itself alone: every server that may be
        bought, and the rental commitment at which a run costs least."""
        bought: list[Supply] = []
        rented: list[Way] = []
        for supply in self.choice.supplies:
            if not supply.is_held or supply.count:
                continue
            ways = [
                Way(
                    unit_cost_usd(option, supply, workload, rate) + wait_usd(option, supply),
                    supply,
                    option,
                    rate,
                )
                for option, rate in self._possible(workload, supply)
                if outlasts_a_week(option, workload)
            ]
            if ways and supply.site:
                bought.append(supply)
            else:
                rented += ways
        work = busiest_week(workload, self.cycle.periods)
        ways = cheapest_ways(rented, workload, work, HOURS_PER_WEEK)
        return [*bought, *(way.supply for way in ways)]

    def _held_for(self, workload: Workload, supply: Supply) -> str:
        """A commitment of this supply that served work does not share; its id."""
        resource = f"{supply.id} for {workload.id}"
        self.supply[resource] = supply
        self.resources.append(replace(self._resource(supply), id=resource))
        return resource

    def _rent_for(
        self, workload: Workload, name: str, period: Period, work: float, blocks: Sequence[int]
    ) -> None:
        """The cheapest rental of this work's own, running only as long as it takes; where there
        is a limit on it, the next ones too."""
        ways = [
            Way(
                supply.usd_per_instance_hour * instances(option, supply, workload) / rate
                + data_usd_per_unit(workload, supply, (period,))
                + wait_usd(option, supply),
                supply,
                option,
                rate,
            )
            for supply in self.choice.supplies
            if not supply.is_held
            for option, rate in self._possible(workload, supply)
        ]
        hours = [len(self.cycle.blocks[b].hours) for b in blocks]
        for way in cheapest_ways(ways, workload, work, sum(hours)) if hours else ():
            longest = sum(hours) if nights_of(workload) else max(hours)
            self._rent(way, workload, name, period, work / (way.rate * longest))

    def _rent(self, way: Way, workload: Workload, name: str, period: Period, busy: float) -> None:
        """A rental that runs only a share of each hour; `busy` replicas do all of a week's work in
        its longest block, or night by night in all blocks of its window."""
        _, supply, option, rate = way
        runs = max(QUANTA, math.ceil(busy)) if nights_of(workload) else QUANTA
        duty = min(1.0, busy / max(min(runs, way.replicas), 1.0))
        resource = f"{supply.id} for {name}"
        self.supply[resource] = supply
        cost = supply.usd_per_instance_hour * duty
        self.resources.append(replace(self._resource(supply), id=resource, hourly_cost=cost))
        self._config(
            name, resource, option, rate * duty, Cell(workload, option, supply, period, duty)
        )

    def _possible(self, workload: Workload, supply: Supply) -> list[tuple[Option, float]]:
        if not may_run(workload, supply):
            return []
        share, factor = self.choice.spot_useful_share, self.rate_factor.get(workload.id, 1.0)
        return [
            (option, rate if supply.purchase is Purchase.API else rate * factor)
            for option in self.choice.options.get(workload.id, ())
            if option.gpu == supply.gpu
            and holds(supply, option, workload)
            and (rate := rate_on(option, supply, workload, share)) > 0.0
        ]

    def _config(
        self, workload: str, resource: str, option: Option, rate: float, cell: Cell
    ) -> None:
        rate = min(rate, mix.most_rate(self.workloads[-1]))  # its workload was added last
        waiting_usd = rate * wait_usd(option, cell.supply)
        change = cell.supply.energy_change.factors(np.arange(float(self.cycle.periods[-1].end)))
        energy_usd = usd_per_busy_hour(option, cell.supply) * float(change.mean())
        paid_usd = energy_usd + rate * self._data_usd(cell)
        part = option.slice
        gpus, name = (0, part.name) if part else (option.gpus, "")
        self.configs.append(
            mix.Config(
                workload,
                resource,
                gpus,
                rate,
                var_cost=paid_usd + waiting_usd,
                slice=name,
                unpaid=waiting_usd,
            )
        )
        self.cells.append(cell)
        if part:
            self.slices.setdefault(resource, {})[part] = None

    def _data_usd(self, cell: Cell) -> float:
        """What data costs per unit of a replica's rate: at its mean load [USD/unit]."""
        workload, period = cell.workload, cell.period
        if not workload.has_data:
            return 0.0
        if period is not None:
            return data_usd_per_unit(workload, cell.supply, (period,))
        mean = data_usd_per_unit(workload, cell.supply, self.cycle.periods)
        return mean * mean_over_peak(workload, self.cycle)

    def _resource(self, supply: Supply) -> mix.Resource:
        return mix.Resource(
            supply.id,
            supply.gpu,
            "committed" if supply.is_held else "hourly",
            supply.gpus_per_instance,
            max_instances=supply.most,
            quotas=tuple(quota.place for quota in supply.quotas),
            min_instances=0 if self._may_go_at_once(supply) else supply.count,
            hourly_cost=0.0 if supply.is_held else supply.usd_per_instance_hour,
            terms=self.terms.of(supply) if supply.is_held else (),
            kw=supply.kw,
            site=supply.site,
            spot=supply.purchase is Purchase.SPOT,
        )

    def _may_go_at_once(self, supply: Supply) -> bool:
        sold = supply.purchase is Purchase.OWNED and not supply.always_on and supply.may_start(0)
        return sold and supply.hardware is not None

    def _opened(self, site: SiteCosts) -> mix.Group | None:
        there = {r.id: self.supply[r.id] for r in self.resources if r.site == site.site}
        return self.terms.opened(site, there)

    def _cut(self) -> None:
        """Every way to cut a GPU into the slices that some work could take."""
        for resource, slices in self.slices.items():
            for cut in fillings(tuple(slices)):
                self.configs.append(mix.Config("", resource, 1, 0.0, cut=cut))
                self.cells.append(None)

    def formulation(self) -> Formulation:
        """The finished problem."""
        self._cut()
        inventory, cloud = self.choice.inventory, self.choice.inventory.cloud
        problem = mix.Problem(
            name=inventory.name,
            units="rates and work in the units of each workload per hour; USD over the horizon",
            repeat=self.cycle.repeat,
            blocks=tuple(mix.Block(b.id, b.hours_per_week) for b in self.cycle.blocks),
            resources=tuple(self.resources),
            workloads=tuple(self.workloads),
            configs=tuple(self.configs),
            capex_budget=inventory.limits.capex_usd,
            site_kw={site.id: site.capacity_kw for site in inventory.sites},
            quotas={q.place: q.instances for q in cloud.quotas} if cloud else {},
            groups=tuple(filter(None, map(self._opened, self.sites))),
            cash=self.terms.cash_limits(self.choice.supplies, self.choice.cash_margin_usd),
        )
        rate = self.choice.rate_per_year
        all_freed_usd = math.fsum(
            s.count * self.terms.freed_usd(s)
            for s in self.choice.supplies
            if s.purchase is Purchase.OWNED
        )
        worth = [block.period.worth(rate) for block in self.cycle.blocks]
        problem = mix.settled(mix.at_worth(problem, worth))
        cells = tuple(self.cells)
        return Formulation(problem, cells, self.supply, self.cycle, all_freed_usd, rate, self.sites)


def work_name(workload: str, period: Period) -> str:
    """What the problem calls the work of a period that may wait: `nightly@y2`."""
    return f"{workload}@{period.name}"


def unit_cost_usd(option: Option, supply: Supply, workload: Workload, rate: float) -> float:
    """Cost of a unit on full replicas: price of the GPUs it takes over what they do, and its part
    of what the first year's data costs [USD/unit]."""
    data_usd = data_usd_per_unit(workload, supply, (first_month(workload),))
    return usd_per_unit(usd_per_hour(option, supply, workload), rate) + data_usd


def usd_per_hour(option: Option, supply: Supply, workload: Workload) -> float:
    """What a busy replica costs: its instances, and what work adds on its GPUs [USD/h]."""
    gpus = supply.gpus_per_instance * instances(option, supply, workload)
    return supply.usd_per_gpu_hour * gpus + usd_per_busy_hour(option, supply)


def usd_per_busy_hour(option: Option, supply: Supply) -> float:
    """What work adds to the cost of the GPUs that a replica takes [USD/h]."""
    return supply.usd_per_gpu_busy_hour * option.gpu_share


def weight_of(workload: Workload, options: Sequence[Option], supplies: Sequence[Supply]) -> float:
    """What an hour of the workload's peak costs at the cheapest [USD/h]; shapes the blocks."""
    if workload.demand is None:
        return 0.0
    peak = max(workload.demand.units_per_hour)
    costs = [
        unit_cost_usd(o, s, workload, o.units_per_hour)
        for o in options
        for s in supplies
        if o.gpu == s.gpu and o.units_per_hour > 0.0 and holds(s, o, workload)
    ]
    return peak * min(costs, default=0.0)
