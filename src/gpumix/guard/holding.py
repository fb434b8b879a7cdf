"""What every target is written from: who holds how many GPUs of which pool, by the plan.

A pool is one line of the mix, an owner the workloads that one set of replicas serves. Each owner
has a namespace of its own. GPUs are guaranteed in the order of the classes of work (premium,
standard, fine-tuning, batch): to each what it runs in its median hour, then to each up to its peak.
What works at other hours takes turns on one GPU: the later class is then guaranteed less than its
peak and borrows the rest. So guaranteed and spare GPUs of a pool add up to what the plan holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from gpumix.domain.engines import engine_family
from gpumix.domain.gpu import Gpu
from gpumix.domain.guard import LeftOut
from gpumix.domain.launch import Launch, dns_label
from gpumix.domain.offer import OWN_SITE, Purchase
from gpumix.domain.plan import MixLine, Plan
from gpumix.domain.workload import Kind, Tier, Workload
from gpumix.guard import tables

LONGEST_OBJECT = 50
"""Characters of a name: what is put before and after it stays within a label of 63."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which plan a file comes from: its name, a label of it, the SHA-256 of plan.json (hex), the
    day that it judges prices from, and the version of gpumix that wrote the file."""

    name: str
    label: str
    sha256: str
    as_of: date
    version: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A line of the mix as a cluster sees it: `capacity` is how many of each resource its `gpus`
    are, some of them `cut_gpus` cut into parts; `vendor` is of its GPUs.

    `terms` is owned, reserved, on-demand or spot.
    """

    name: str
    line: MixLine
    terms: str
    vendor: str
    gpus: int
    cut_gpus: int
    capacity: Mapping[str, int]

    @property
    def is_committed(self) -> bool:
        """Whether all of it is there in every hour."""
        return self.terms in ("owned", "reserved")


@dataclass(frozen=True, slots=True)
class Owner:
    """Workloads that the same replicas serve; `name` is their namespace and their queue."""

    name: str
    workloads: tuple[Workload, ...]
    work_class: tables.WorkClass
    launches: tuple[Launch, ...]

    @property
    def engine(self) -> str:
        """What answers its requests, where that has metrics; '' for jobs and media."""
        is_text = all(one.is_text for one in self.workloads)
        engine = engine_family(self.launches[0].engine)
        return engine if is_text and engine in tables.engine_metrics() else ""


@dataclass(frozen=True, slots=True)
class Share:
    """An owner's part of a pool in one resource: at its peak it takes `need`, of which `nominal`
    are guaranteed."""

    owner: Owner
    pool: Pool
    resource: str
    need: int
    nominal: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A plan as what is held; `spare` is by (pool, resource) what no owner is guaranteed."""

    stamp: Stamp
    plan: Plan
    pools: tuple[Pool, ...]
    owners: tuple[Owner, ...]
    shares: tuple[Share, ...]
    spare: Mapping[tuple[str, str], int]
    left_out: tuple[LeftOut, ...]

    def of_owner(self, owner: Owner) -> tuple[Share, ...]:
        """An owner's shares, in the order of the mix."""
        return tuple(share for share in self.shares if share.owner.name == owner.name)

    def needs(self, owner: Owner) -> dict[str, int]:
        """The most that an owner runs at a time, by resource."""
        found: dict[str, int] = {}
        for share in self.of_owner(owner):
            found[share.resource] = found.get(share.resource, 0) + share.need
        return found

    @property
    def resources(self) -> tuple[str, ...]:
        """Every resource of any pool, in the order of the mix."""
        return tuple(dict.fromkeys(name for pool in self.pools for name in pool.capacity))


def holding(
    stamp: Stamp, plan: Plan, launches: Sequence[Launch], gpus: Mapping[str, Gpu]
) -> Holding:
    """Pools, owners and shares of a plan; `launches` are what it starts, `gpus` the catalogue's."""
    left_out: list[LeftOut] = []
    pools = _pools(plan, gpus, left_out)
    by_resource = {pool.line.resource: pool for pool in pools}
    kept = []
    for one in launches:
        if one.resource not in by_resource or not one.peak_replicas:
            continue
        vendor = by_resource[one.resource].vendor
        if tables.resource_name(vendor, one.slice) is None:
            why = f"no name is known by which pods ask for {one.slice} of a GPU of {vendor}"
            left_out.append(LeftOut("all", one.name, why))
            continue
        kept.append(one)
    owners = _owners(plan, kept)
    shares, spare = _shares(pools, owners)
    return Holding(
        stamp, plan, pools, owners, tuple(shares), MappingProxyType(spare), tuple(left_out)
    )


def _pools(plan: Plan, gpus: Mapping[str, Gpu], left_out: list[LeftOut]) -> tuple[Pool, ...]:
    taken: set[str] = set()
    found = []
    for line in plan.mix:
        count = line.count * line.gpus_per_instance
        if count <= 0:
            continue  # sold, or given back
        vendor = gpus[line.gpu].vendor if line.gpu in gpus else ""
        whole = tables.resource_name(vendor)
        if whole is None:
            why = f"no name is known by which pods ask for a GPU of {vendor or 'its vendor'}"
            left_out.append(LeftOut("all", line.resource, why))
            continue
        terms = _terms(line.purchase)
        place = line.region if line.provider == OWN_SITE else line.provider
        name = dns_label(f"{place}-{line.gpu}-{terms}"[:LONGEST_OBJECT], taken)
        capacity, cut = _capacity(plan, line, whole, vendor)
        found.append(Pool(name, line, terms, vendor, count, cut, MappingProxyType(capacity)))
    return tuple(found)


def _capacity(plan: Plan, line: MixLine, whole: str, vendor: str) -> tuple[dict[str, int], int]:
    """How many of each resource the GPUs of a line are, and how many GPUs are cut.

    Where they are cut anew between hours, the cuts that the plan names first are taken.
    """
    left = total = line.count * line.gpus_per_instance
    parts: dict[str, int] = {}
    for cut in plan.cuts:
        names = {part: tables.resource_name(vendor, part) for part in cut.pattern}
        if cut.resource != line.resource or None in names.values():
            continue
        count = min(cut.count, left)
        left -= count
        for part, number in cut.pattern.items():
            name = names[part] or ""
            parts[name] = parts.get(name, 0) + number * count
    capacity = {whole: left} if left else {}
    return capacity | {name: n for name, n in parts.items() if n}, total - left


def _terms(purchase: str) -> str:
    if purchase in (Purchase.BUY, Purchase.OWNED):
        return "owned"
    if purchase in (Purchase.ON_DEMAND, Purchase.SPOT):
        return purchase.replace("_", "-")
    return "reserved"


def work_class_of(workloads: Sequence[Workload], tier: Tier) -> tables.WorkClass:
    """The class of work of what these workloads run together: that of the most urgent."""
    classes = tables.work_classes()
    if any(one.kind in (Kind.FINETUNE, Kind.PRETRAIN) for one in workloads):
        return classes[tables.FINE_TUNE]
    if tier is Tier.PREMIUM:
        return classes[tables.PREMIUM]
    waits = all(one.is_deferrable for one in workloads)
    return classes[tables.BATCH if waits else tables.STANDARD]


def _owners(plan: Plan, launches: Sequence[Launch]) -> tuple[Owner, ...]:
    by_id = {one.id: one for one in (plan.inventory.workloads if plan.inventory else ())}
    groups: dict[str, list[Launch]] = {}
    for launch in launches:
        groups.setdefault(launch.workloads[0], []).append(launch)
    taken: set[str] = set()
    found = []
    for first, own in groups.items():
        ids = dict.fromkeys(id for launch in own for id in launch.workloads)
        members = tuple(by_id[id] for id in ids)
        tier = Tier.PREMIUM if any(one.tier is Tier.PREMIUM for one in own) else Tier.STANDARD
        name = dns_label(first[:LONGEST_OBJECT], taken)
        found.append(Owner(name, members, work_class_of(members, tier), tuple(own)))
    return tuple(sorted(found, key=lambda owner: (owner.work_class.rank, owner.name)))


def units(launch: Launch, vendor: str) -> tuple[str, int]:
    """The resource that a replica asks for, and how many of it."""
    name = tables.resource_name(vendor, launch.slice) or ""
    return name, 1 if launch.slice else launch.gpus


def _shares(
    pools: Sequence[Pool], owners: Sequence[Owner]
) -> tuple[list[Share], dict[tuple[str, str], int]]:
    """Each pool's resources given out, and what is left: to every owner what it runs in its median
    hour, then up to its peak, both times in the order of the owners."""
    found: list[Share] = []
    spare: dict[tuple[str, str], int] = {}
    for pool in pools:
        left = dict(pool.capacity)
        given: dict[tuple[str, str], int] = {}
        for at_peak in (False, True):
            for owner in owners:
                for name, need in _needs(pool, owner, at_peak).items():
                    key = owner.name, name
                    more = min(max(need - given.get(key, 0), 0), left.get(name, 0))
                    left[name] = left.get(name, 0) - more
                    given[key] = given.get(key, 0) + more
        for owner in owners:
            for name, need in _needs(pool, owner, at_peak=True).items():
                most = min(need, pool.capacity.get(name, 0))
                found.append(Share(owner, pool, name, most, given[(owner.name, name)]))
        spare |= {(pool.name, name): count for name, count in left.items()}
    return found, spare


def _needs(pool: Pool, owner: Owner, at_peak: bool) -> dict[str, int]:
    """What an owner runs in a pool, by resource: at its peak, or in its median hour."""
    needs: dict[str, int] = {}
    for launch in owner.launches:
        if launch.resource == pool.line.resource:
            name, count = units(launch, pool.vendor)
            median = min(launch.median_replicas, launch.peak_replicas)
            replicas = launch.peak_replicas if at_peak else median
            needs[name] = needs.get(name, 0) + count * replicas
    return needs
