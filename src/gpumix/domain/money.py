"""A plan's money: how sure its cost is, what would flip it, and what stands against it.

Every amount is in USD and computed from the ledger's entries of the plan and of its alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.tco import Irr, Spread


@dataclass(frozen=True, slots=True)
class MoneyInput:
    """One uncertain figure: its low, typical and high value in its `unit`, and where it is from.

    `sourced` is False where nobody published the range. `least` and `most` are how far it is
    tried when a flip is looked for.
    """

    name: str
    low: float
    typical: float
    high: float
    unit: str
    least: float
    most: float
    source: str
    as_of: date | None
    sourced: bool


@dataclass(frozen=True, slots=True)
class MoneyOption:
    """The plan, or one alternative: its totals as planned, and over the draws.

    `present` and `first_year` are where present cost and cash of the first year lie over all draws;
    `share_cheapest` is the share of the draws in which it is the cheapest (0-1) of those that keep
    the promises, None for one that `breaks` some.
    """

    name: str
    present_cost_usd: float
    cash_usd: float
    cash_by_year_usd: tuple[float, ...]
    present: Spread
    first_year: Spread
    share_cheapest: float | None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MoneyAgainst:
    """What the plan saves against one alternative; below 0 where it costs more.

    `npv_usd` is the alternative's present cost less the plan's, `npv` where that lies over the
    draws, which are the same for both. `irr` is the rate of return of the difference, with the
    reason where there is none. The paybacks [months] run on past the horizon and resell nothing:
    0 where the plan never outlays more, None where what it outlays more is never made up.
    """

    name: str
    saved_cash_usd: float
    npv_usd: float
    npv: Spread
    irr: Irr
    payback_months: float | None
    discounted_payback_months: float | None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TornadoBar:
    """The plan's present cost with one input at its low and high end, the others typical [USD].

    `cheapest_at_low` and `cheapest_at_high` name the cheapest option there of those that keep the
    promises; it `flips` where either is not the one at typical values.
    """

    input: MoneyInput
    low_usd: float
    high_usd: float
    cheapest_at_low: str
    cheapest_at_high: str
    flips: bool


@dataclass(frozen=True, slots=True)
class Flip:
    """Where the decision changes: when the input passes `value`, `against` is as cheap as the plan.

    `now` and `value` are in the input's `unit`. `value` is None, with the `reason`, where nothing
    changes between the least and the most that is tried.
    """

    name: str
    unit: str
    now: float
    value: float | None
    against: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RentPrice:
    """A price by the hour that owning is held against, and where both cost the same.

    `whose` is the supply, or says that it is the median of how many providers. `rent_usd` is the
    present cost of renting at each of `OwnOrRent.busy`; `crossing` the share of hours busy from
    which owning is cheaper (0-1), None, with the `reason`, where there is none.
    """

    whose: str
    usd_per_gpu_hour: float
    rent_usd: tuple[float, ...]
    crossing: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VolumePoint:
    """Work that this number of GPUs does around the clock: present cost of the whole servers that
    carry it, and of renting it at each of `OwnOrRent.prices` [USD]."""

    gpus: int
    own_usd: float
    rent_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OwnOrRent:
    """One line that is bought, owned or committed to, against its GPUs by the hour.

    `busy` are shares of hours (0-1), `own_usd` the present cost of the line at each; it stands at
    `busy_now`, where it costs `now_usd`. `prices` are what the same GPUs are rented at: the
    cheapest supply that may serve all that runs there, if any, and the median of providers.
    """

    resource: str
    gpu: str
    gpus: int
    gpus_per_instance: int
    busy_now: float
    now_usd: float
    busy: tuple[float, ...]
    own_usd: tuple[float, ...]
    prices: tuple[RentPrice, ...]
    by_volume: tuple[VolumePoint, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlanBooks:
    """What the accounts say of all that is bought, beside cash and never added to it [USD].

    Straight line over `life_years` on what is capitalised: hardware, network, storage, spares,
    installation and taxes that do not come back. `gain_usd` is what resale at the horizon's end
    brings above the books (below 0: a loss).
    """

    life_years: float
    capitalised_usd: float
    charge_by_year_usd: tuple[float, ...]
    book_value_usd: tuple[float, ...]
    resale_usd: float
    gain_usd: float


@dataclass(frozen=True, slots=True)
class KeepOrSell:
    """An owned line that the plan keeps: what it costs, what it would fetch, and doing without it.

    `keep_usd` is the present cost of its bills less any resale; it `sells_for_usd` at the start
    (None where no price is known). The alternative `without` it costs `without_more_usd` more,
    before that sale: the most that doing without can cost, because no better one may have been
    looked for. Selling pays above `sell_above_usd_per_gpu`. None, with the `reason`, where nothing
    does without it.
    """

    resource: str
    gpu: str
    gpus: int
    keep_usd: float
    sells_for_usd: float | None
    without_more_usd: float | None
    without: str
    sell_above_usd_per_gpu: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlanMoney:
    """All of it. `options` starts with the plan, the alternatives follow, the cheapest first.

    `against` has one row an alternative in the same order; `best_alternative` names the cheapest
    that keeps the promises, None where there is none. `tornado` holds the ten largest inputs, the
    longest first. `books` is None where nothing is bought.
    """

    draws: int
    seed: int
    inputs: tuple[MoneyInput, ...]
    options: tuple[MoneyOption, ...]
    best_alternative: str | None
    against: tuple[MoneyAgainst, ...]
    tornado: tuple[TornadoBar, ...]
    flips: tuple[Flip, ...]
    own_or_rent: tuple[OwnOrRent, ...]
    books: PlanBooks | None
    keep_or_sell: tuple[KeepOrSell, ...] = ()
