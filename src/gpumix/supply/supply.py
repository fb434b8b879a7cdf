"""What can be had: one kind of instance with its whole cost, and all that may enter the mix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from gpumix.cost.energy import STEADY, PriceChange
from gpumix.cost.hardware import Hardware
from gpumix.cost.site_charges import ServerDraw, SiteCharges
from gpumix.cost.staff import SiteStaff
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.places import RoundTrip
from gpumix.domain.workload import Quota
from gpumix.units import HOURS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Supply:
    """One kind of instance that may enter the mix.

    `usd_per_instance_hour` is paid while it runs (hourly purchases) or for every hour of the
    horizon (committed rentals); `usd_per_instance_year` are the parts of what one of one's own
    costs a year, standing; `usd_per_gpu_busy_hour` comes on top while a GPU works. `count` is
    how many stand already (they stay; `idle` ones may not be used), `kw` what one takes of the
    site's racks. There are at most `most` of it; against one of the `quotas` all supplies of its
    place count together. `offer` is what a rental is priced by; `has_fabric` says whether several
    may be joined to a gang. Data that work sends out or keeps there costs `egress_usd_per_gb` and
    `storage_usd_per_gb_month`; both are 0 where no work states any. A server ordered at the start
    arrives after `lead_months`; `hardware` tells what it costs for a shorter stay than the horizon,
    and fetches when it is sold; None where it is rented or no price is known. A commitment that
    runs already is paid until before `until_month` of the plan, and ends then, with the day
    `until`. What is `always_on` is held to the end, however it is paid for: today's fleet.
    It is up for the share `availability` of a year (0-1), or `availability_after_loss` where work
    survives the loss of an instance; None where unknown. `round_trips` are those to the users of
    workloads that say where these are. On a site of one's own one is so many
    `servers_per_instance`; one that is the site's only server is had as `alone`; None where others
    stand there. On a site of one's own one draws `draw`, and its energy costs what is stated here
    in the first year, later as `energy_change` says. One may begin to be held, or be sold, in the
    months `starts` of the plan; None = in every one in which anything changes.
    """

    id: str
    gpu: str
    gpus_per_instance: int
    purchase: Purchase
    provider: str
    region: str
    country: str | None
    usd_per_instance_hour: float
    as_of: date | None
    basis: Basis
    source: str
    site: str | None = None
    usd_per_instance_year: tuple[tuple[str, float], ...] = ()
    usd_per_gpu_busy_hour: float = 0.0
    capex_usd: float = 0.0
    kw: float = 0.0
    count: int = 0
    most: int | None = None
    quotas: tuple[Quota, ...] = ()
    idle: bool = False
    offer: Offer | None = None
    has_fabric: bool = True
    egress_usd_per_gb: float = 0.0
    storage_usd_per_gb_month: float = 0.0
    assumptions: tuple[Assumption, ...] = field(default=(), compare=False)
    lead_months: int = 0
    until_month: int | None = None
    hardware: Hardware | None = None
    until: date | None = None
    always_on: bool = False
    availability: float | None = None
    availability_after_loss: float | None = None
    round_trips: tuple[RoundTrip, ...] = ()
    servers_per_instance: float = 1.0
    alone: Supply | None = None
    draw: ServerDraw | None = None
    energy_change: PriceChange = STEADY
    starts: tuple[int, ...] | None = None

    def round_trip(self, workload: str) -> RoundTrip | None:
        """The round trip to a workload's users; None where nothing is known of it."""
        return next((trip for trip in self.round_trips if trip.workload == workload), None)

    def planned_rtt_s(self, workload: str) -> float:
        """The round trip that a plan counts for a workload [s]; 0 where its users are anywhere."""
        trip = self.round_trip(workload)
        return trip.planned_s if trip else 0.0

    def as_only(self) -> Supply:
        """It as the only server of its site, where that makes a difference."""
        if self.alone is None:
            return self
        return replace(
            self,
            hardware=self.alone.hardware,
            usd_per_instance_year=self.alone.usd_per_instance_year,
            capex_usd=self.alone.capex_usd,
            alone=None,
        )

    def may_start(self, month: int) -> bool:
        """Whether one may begin to be held, or be sold, in a month of the plan."""
        return month >= self.lead_months and (self.starts is None or month in self.starts)

    @property
    def term_months(self) -> int:
        """Length of the commitment [months]; 0 where there is none, or it holds for the horizon."""
        return self.purchase.term_months or (self.offer.term_months if self.offer else 0)

    @property
    def is_held(self) -> bool:
        """Whether one count holds for the whole horizon, used or not."""
        return self.purchase.is_committed or self.always_on

    @property
    def tier(self) -> str:
        """Tier of the provider; empty where it is unknown or a site of one's own."""
        return self.offer.tier if self.offer else ""

    @property
    def room(self) -> int | None:
        """The most instances of it alone that any limit leaves; None without one."""
        limits = [quota.instances for quota in self.quotas]
        return min(limits if self.most is None else [*limits, self.most], default=None)

    @property
    def is_derived(self) -> bool:
        """Whether its price was computed from another one."""
        return self.offer is not None and self.offer.derived

    @property
    def usd_per_gpu_hour(self) -> float:
        """What one GPU costs an hour, standing or running [USD/h]."""
        yearly = sum(usd for _, usd in self.usd_per_instance_year)
        return (self.usd_per_instance_hour + yearly / HOURS_PER_YEAR) / self.gpus_per_instance


@dataclass(frozen=True, slots=True)
class Supplies:
    """Everything that may enter the mix, and what was left out and why; beside it what is rented
    `today`, of which only some may, who looks after the sites, and what these pay once open."""

    of: tuple[Supply, ...]
    notes: tuple[str, ...]
    today: tuple[Supply, ...] = ()
    staff: tuple[SiteStaff, ...] = ()
    sites: tuple[SiteCharges, ...] = ()

    def largest_instance(self) -> dict[str, int]:
        """GPU id -> GPUs of the largest instance it comes in."""
        return _largest((*self.of, *self.today))

    def largest_by_distance(self, workload: str) -> dict[float, dict[str, int]]:
        """The same for each round trip to a workload's users that is planned with [s]."""
        apart: dict[float, list[Supply]] = {}
        for supply in (*self.of, *self.today):
            apart.setdefault(supply.planned_rtt_s(workload), []).append(supply)
        return {rtt_s: _largest(own) for rtt_s, own in sorted(apart.items())}


def _largest(supplies: Iterable[Supply]) -> dict[str, int]:
    largest: dict[str, int] = {}
    for supply in supplies:
        largest[supply.gpu] = max(largest.get(supply.gpu, 0), supply.gpus_per_instance)
    return largest
