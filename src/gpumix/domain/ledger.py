"""One dated amount, of which every total of money is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from gpumix.domain.tco import Cash, PerGpuHour
from gpumix.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount of an option: what is paid, when, and where its price comes from.

    `month` months after the start; paid at the end of that month where it `closes` it (what
    recurs, a resale), else on the day after: of month 12 the first falls in the first year, the
    second in the second. `amount` is positive where it is paid and negative where it is received,
    in the currency of the answer; `price` is in its own `currency`, `rate` what one of it is worth
    in that of the answer. `basis` is `stated`, `quoted`, `measured` or `assumed`.
    """

    month: float
    option: str
    category: str
    item: str
    quantity: float
    unit: str
    price: float
    source: str
    basis: str
    as_of: date | None = None
    currency: str = "USD"
    rate: float = 1.0
    closes: bool = False

    @property
    def amount(self) -> float:
        """Quantity x price x rate [currency of the answer]."""
        return self.quantity * self.price * self.rate

    def period(self, months: int) -> int:
        """Its place in cash by month of a horizon: 0 is the start, n the end of month n; what
        falls later counts in the last month."""
        return int(min(self.month, months))

    def year(self, months: int) -> int:
        """Its year of a horizon, from 0: what closes a month belongs to it, the rest to the next
        month; what falls later counts in the last year."""
        month = self.month - (1.0 if self.closes else 0.0)
        last = math.ceil(months / MONTHS_PER_YEAR) - 1
        return int(min(max(month // MONTHS_PER_YEAR, 0), last))


@dataclass(frozen=True, slots=True)
class Leaf:
    """Entries of one item in one currency together: `quantity` x `price` (the mean) at their rates
    of exchange is the `amount`, in the currency of the answer."""

    category: str
    item: str
    quantity: float
    unit: str
    price: float
    currency: str
    amount: float
    source: str
    basis: str
    as_of: date | None = None

    @classmethod
    def of(cls, rows: Sequence[Entry]) -> Leaf:
        """What some entries of one item add up to."""
        first = rows[0]
        quantity = math.fsum(row.quantity for row in rows)
        spent = math.fsum(row.quantity * row.price for row in rows)
        return cls(
            category=first.category,
            item=first.item,
            quantity=quantity,
            unit=first.unit,
            price=spent / quantity if quantity else first.price,
            currency=first.currency,
            amount=math.fsum(row.amount for row in rows),
            source=first.source,
            basis=first.basis,
            as_of=first.as_of,
        )


def leaves_of(entries: Iterable[Entry]) -> tuple[Leaf, ...]:
    """Entries summed by category, item and currency, in the order in which these appear."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.category, entry.item, entry.currency), []).append(entry)
    return tuple(Leaf.of(rows) for rows in groups.values())


GROUPS: Final = MappingProxyType(
    {
        "Hardware": ("hardware", "network", "storage", "spares", "installation"),
        "Taxes": ("tax",),
        "Rent and API": ("rent", "api", "egress"),
        "Energy": ("energy", "demand", "fuel", "cooling"),
        "Staff and room": ("staff", "room", "operation"),
        "Support and insurance": ("support", "licence", "insurance"),
        "Other": ("financing", "other"),
        "Taxes back": ("tax refund",),
        "Credits": ("credit",),
        "Resale": ("residual",),
    }
)
"""Categories that a reader sees together: few enough to tell apart in a chart."""


@dataclass(frozen=True, slots=True)
class GroupCash:
    """What a group of categories pays, or receives below 0, in each year of the horizon and in
    all."""

    name: str
    by_year: tuple[float, ...]
    total: float


@dataclass(frozen=True, slots=True)
class LedgerOption:
    """What one resource of a plan costs, as `gpumix tco` answers it for an option; `leaves` add up
    to the cash."""

    kind: str
    cash: Cash
    present_cost: float
    level_cost_per_year: float
    by_category: Mapping[str, float]
    by_item: Mapping[str, float]
    gpus: int
    gpu_hours_per_year: float
    cost_per_gpu_hour: PerGpuHour
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class PlanLedger:
    """The ledger of a plan: one option a resource, whose sums are the plan's; the entries stand in
    the file `entries` beside it. `cash` is of all options together, `by_category` the same of
    each category; plans before have neither."""

    name: str
    currency: str
    start: date
    months: int
    cost_of_capital: float
    options: Mapping[str, LedgerOption]
    entries: str = "entries.csv"
    cash: Cash | None = None
    by_category: Mapping[str, Cash] = field(default_factory=dict)

    def groups(self) -> tuple[GroupCash, ...]:
        """Cash of each group that has any, in the order of `GROUPS`."""
        found = []
        for name, categories in GROUPS.items():
            of = [self.by_category[c] for c in categories if c in self.by_category]
            if of:
                years = zip(*(cash.by_year for cash in of), strict=True)
                total = math.fsum(cash.total for cash in of)
                found.append(GroupCash(name, tuple(math.fsum(year) for year in years), total))
        return tuple(found)

    def assumed_share(self) -> float:
        """Share of all amounts, received ones too, whose price is assumed (0-1)."""
        leaves = [leaf for option in self.options.values() for leaf in option.leaves]
        whole = math.fsum(abs(leaf.amount) for leaf in leaves)
        assumed = math.fsum(abs(leaf.amount) for leaf in leaves if leaf.basis == "assumed")
        return assumed / whole if whole else 0.0
