"""What a plan that was followed has led to by a day: what runs, stands and is to come.

Its dated steps say so: a commitment that began runs to its last day, a server in service stands,
one that was ordered arrives, what is rented by the hour may stop any day.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gpumix.cost.contracts import billed_usd
from gpumix.cost.finance import discount_factor, months_worth
from gpumix.domain.contracts import NO_CONTRACTS
from gpumix.domain.defaults import OWNED_AGE_MONTHS
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import MixLine, Plan
from gpumix.domain.timeline import Action, Step
from gpumix.domain.today import Rented
from gpumix.domain.workload import Inventory
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

TODAY = " (today"
"""Begins what the id of a line says of a rental that ran before its plan."""


@dataclass(frozen=True, slots=True)
class Owned:
    """GPUs that stand on a site, and their mean age [months]."""

    site: str
    gpu: str
    gpus: int
    age_months: float


@dataclass(frozen=True, slots=True)
class Coming:
    """`count` instances of a resource that a plan has from a month on, counted from the day, and
    until before `until` (None = to the end); `ordered` already or not yet."""

    resource: str
    month: int
    count: int
    until: int | None
    ordered: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan's fleet when so many `months` of it have passed; `sales` are months, counted from
    then, in which it sells of a resource, `spent_usd` what it paid for servers in service."""

    months: int
    committed: tuple[Rented, ...]
    hourly: tuple[Rented, ...]
    owned: tuple[Owned, ...]
    coming: tuple[Coming, ...]
    sales: tuple[tuple[str, int], ...]
    spent_usd: float


def months_between(start: date, day: date) -> int:
    """Whole months from a start to a day; below 0 where that is before it.

    >>> months_between(date(2027, 1, 15), date(2027, 3, 14))
    1
    """
    months = (day.year - start.year) * int(MONTHS_PER_YEAR) + day.month - start.month
    return months - (day.day < start.day)


def standing(plan: Plan, inventory: Inventory, as_of: date) -> Standing:
    """What a plan of an inventory has led to by a day."""
    done = _Done(plan, inventory, as_of)
    return Standing(
        months=done.months,
        committed=tuple(done.committed()),
        hourly=tuple(done.hourly()),
        owned=tuple(done.owned()),
        coming=tuple(done.coming()),
        sales=tuple(done.sales()),
        spent_usd=math.fsum(s.cash_usd for s in done.of(Action.BUY) if done.serves(s)),
    )


def base_id(resource: str) -> str:
    """A resource's id less what it says of a rental that ran before its plan.

    >>> base_id("on_demand:aws:1xl40s-48gb@us-east-1 (today)")
    'on_demand:aws:1xl40s-48gb@us-east-1'
    """
    return resource.partition(TODAY)[0]


class _Done:
    """A plan read on a day."""

    def __init__(self, plan: Plan, inventory: Inventory, as_of: date) -> None:
        self.plan, self.inventory, self.as_of = plan, inventory, as_of
        self.months = max(months_between(plan.start, as_of), 0)
        self.lines = {line.resource: line for line in plan.mix}

    def of(self, *actions: Action) -> Iterator[Step]:
        """Steps of some kinds whose lines the plan tells."""
        for step in self.plan.timeline:
            if step.action in actions and step.resource in self.lines:
                yield step

    def month(self, day: date) -> int:
        """Months of the plan before a day."""
        return months_between(self.plan.start, day)

    def serves(self, step: Step) -> bool:
        """Whether a server that was bought is in service."""
        return self.month(step.in_service or step.date) <= self.months and step.date <= self.as_of

    def committed(self) -> Iterator[Rented]:
        """Commitments that have begun and still run."""
        for step in self.of(Action.KEEP, Action.RESERVE):
            if step.ends is None or self.month(step.ends) < self.months:
                continue
            if step.action is Action.KEEP or step.date <= self.as_of:
                line = self.lines[step.resource]
                price = self._due_usd_per_gpu_hour(step, step.ends, line)
                yield _rented(line, step.count, step.ends, price)

    def hourly(self) -> Iterator[Rented]:
        """Instances by the hour that run on average; at the market's price, None."""
        day = max(self.as_of, self.plan.start)
        running: dict[str, int] = {}
        for step in self.of(Action.RENT, Action.RELEASE):
            if step.date <= day:
                running[step.resource] = step.count if step.action is Action.RENT else 0
        for resource, most in running.items():
            line = self.lines[resource]
            share = line.mean_count / line.count if line.count else 0.0
            if most and Purchase(line.purchase) is not Purchase.API:
                yield _rented(line, max(math.ceil(most * share - 1e-9), 1), None, None)

    def owned(self) -> Iterator[Owned]:
        """What stood when the plan began and was not sold, and what was bought and serves."""
        found: dict[tuple[str, str], list[tuple[int, float]]] = {}
        for site in self.inventory.sites:
            for gpu, gpus in site.owned:
                age = site.terms_of(gpu).age_months
                age = OWNED_AGE_MONTHS if age is None else age
                found.setdefault((site.id, gpu), []).append((gpus, age + self.months))
        for step in self.of(Action.BUY):
            if self.serves(step):
                line = self.lines[step.resource]
                age = float(self.months - self.month(step.in_service or step.date))
                gpus = step.count * line.gpus_per_instance
                found.setdefault((line.region, line.gpu), []).append((gpus, age))
        sold: dict[tuple[str, str], int] = {}
        for step in self.of(Action.SELL):
            if step.date <= self.as_of:
                line = self.lines[step.resource]
                key = (line.region, line.gpu)
                sold[key] = sold.get(key, 0) + step.count * line.gpus_per_instance
        for (site_id, gpu), parts in found.items():
            gpus = sum(n for n, _ in parts)
            age = sum(n * months for n, months in parts) / gpus
            left = gpus - sold.get((site_id, gpu), 0)
            if left > 0:
                yield Owned(site_id, gpu, left, age)

    def coming(self) -> Iterator[Coming]:
        """Servers and commitments that the plan has yet to have."""
        for step in self.of(Action.BUY, Action.RESERVE):
            is_bought = step.action is Action.BUY
            if self.serves(step) if is_bought else step.date <= self.as_of:
                continue
            begins = self.month(step.in_service or step.date)
            yield Coming(
                resource=base_id(step.resource),
                month=max(begins - self.months, 0),
                count=step.count,
                until=None if step.ends is None else self._after(step.ends) - self.months,
                ordered=is_bought and step.date <= self.as_of,
            )

    def sales(self) -> Iterator[tuple[str, int]]:
        """(resource, month) of sales to come."""
        for step in self.of(Action.SELL):
            if step.date > self.as_of:
                yield step.resource, self.month(step.date) - self.months

    def _after(self, last_day: date) -> int:
        return self.month(last_day + timedelta(days=1))

    def _due_usd_per_gpu_hour(self, step: Step, ends: date, line: MixLine) -> float:
        """What a commitment still has to pay for, as a price: its rent without what was paid up
        front, and without support and taxes, which are laid over it again.

        Formula: rent of an hour = present cost / (730 x months' worth of its payments).
        """
        contracts = self.inventory.cloud.contracts if self.inventory.cloud else NO_CONTRACTS
        begins, until = self.month(step.date), self._after(ends)
        begins = 0 if step.action is Action.KEEP else begins
        rate, upfront = self.plan.cost_of_capital, line.upfront_share
        term = line.term_months or until - begins
        first = math.fsum(
            min(term, until - month) * float(discount_factor(rate, month / MONTHS_PER_YEAR))
            for month in range(begins, until, term)
        )
        worth = upfront * first + (1.0 - upfront) * months_worth(rate, begins, until)
        usd_per_hour = step.usd / step.count / (HOURS_PER_MONTH * worth)
        over = billed_usd(1.0, 0.0, contracts.support_share(line.provider), contracts.tax_share)
        return usd_per_hour * (1.0 - upfront) / line.gpus_per_instance / float(over)


def _rented(line: MixLine, count: int, until: date | None, price: float | None) -> Rented:
    return Rented(
        provider=line.provider,
        instance=line.instance,
        gpu=line.gpu,
        gpus_per_instance=line.gpus_per_instance,
        region=line.region,
        purchase=Purchase(line.purchase),
        count=count,
        until=until,
        usd_per_gpu_hour=price,
    )


def gpus_of(rented: Iterable[Rented]) -> dict[str, int]:
    """GPU id -> GPUs of rented instances."""
    found: dict[str, int] = {}
    for one in rented:
        found[one.gpu] = found.get(one.gpu, 0) + one.count * one.gpus_per_instance
    return found


def less(rented: Iterable[Rented], gpu: str, gpus: int) -> tuple[Rented, ...]:
    """Rentals with so many GPUs of a kind fewer, or more where that is below 0; whole instances."""
    found, left = [], gpus
    for one in rented:
        if one.gpu == gpu and left:
            change = (
                math.ceil(left / one.gpus_per_instance)
                if left > 0
                else left // one.gpus_per_instance
            )
            count = max(one.count - change, 0)
            left -= (one.count - count) * one.gpus_per_instance
            one = replace(one, count=count)
        if one.count:
            found.append(one)
    return tuple(found)
