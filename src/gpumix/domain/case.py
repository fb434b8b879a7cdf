"""A case of `gpumix tco`: what its file says, read and within bounds; docs/tco-case.md.

Amounts are in the currency they are written in; shares are 0-1 unless a name says percent. What the
file leaves out is None or the neutral value: defaults of a country or of the tables are laid over
the file before it is read, as keys and lines like its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Len

from gpumix.units import HOURS_PER_YEAR, MONTHS_PER_YEAR
from gpumix.values import FloatArray

Positive = Annotated[float, Gt(0), Le(1e18)]
NotNegative = Annotated[float, Ge(0), Le(1e18)]
Share = Annotated[float, Ge(0), Le(1)]
Rate = Annotated[float, Gt(-1), Le(10)]
Plain = Annotated[float, Ge(-1e18), Le(1e18)]

Kind = Literal[
    "own", "lease", "colocate", "reserved_1y", "reserved_3y", "on_demand", "spot", "api", "flows"
]
Costs = Literal["full", "marginal"]
"""Everything, or what is still paid once what is paid at the start is committed."""
RENTED_BY_THE_HOUR = ("on_demand", "spot")
STAFFED = ("own", "lease", "colocate")
"""Kinds whose servers a site's staff looks after."""

Category = Literal[
    "hardware", "network", "storage", "spares", "installation", "tax", "tax refund", "energy",
    "demand", "fuel", "cooling", "room", "staff", "support", "licence", "insurance", "operation",
    "egress", "rent", "api", "financing", "credit", "residual", "other",
]  # fmt: skip
CAPITALISED = ("hardware", "network", "storage", "spares", "installation")
"""Categories that the books spread over years."""

MOST_MONTHS = 600
RECURRING = ("month", "year", "hour", "busy_hour", "mtok_input", "mtok_output")
COUNTED = ("servers", "gpus", "it_kw", "nameplate_kw")
"""Quantities that an option itself knows."""


class _Read:
    """What its reader is to know of each record: no unknown keys, finite numbers."""

    __slots__ = ()
    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon(_Read):
    """First month (`YYYY-MM`) and length; `months` goes before `years`."""

    start: str = "2027-01"
    years: Positive = 3.0
    months: Annotated[int, Gt(0), Le(MOST_MONTHS)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump(_Read):
    """A change of a rate of exchange by a factor, for amounts of this month and later."""

    month: NotNegative
    factor: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(_Read):
    """What one unit of a currency is worth in that of the answer, now and later."""

    now: Positive
    drift_per_year: Rate = 0.0
    jumps: tuple[Jump, ...] = ()
    as_of: date | None = None

    def rates(self, months: FloatArray) -> FloatArray:
        """Units of the answer's currency for one, so many months after the start [n]."""
        worth: FloatArray = self.now * (1.0 + self.drift_per_year) ** (months / MONTHS_PER_YEAR)
        for jump in self.jumps:
            worth = np.where(months >= jump.month, worth * jump.factor, worth)
        return worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Finance(_Read):
    """Currency of the answer, cost of capital a year in it, and when recurring amounts are paid."""

    currency: str = "USD"
    cost_of_capital: Rate = 0.0
    flows: Literal["monthly", "yearly"] = "monthly"
    fx: Mapping[str, Exchange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit(_Read):
    """What the work is counted in; tokens of one of it. Without a count it is what full speed
    makes."""

    name: str
    per_day: Positive | None = None
    per_month: Positive | None = None
    input_tokens: NotNegative = 0.0
    output_tokens: NotNegative = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FullSpeed(_Read):
    """Tokens per second of the option at full load: all, and the answers' alone."""

    tok_s: Positive | None = None
    output_tok_s: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica(_Read):
    """Requests per second that one replica serves within its promise, and the GPUs it takes."""

    requests_per_s: Positive
    gpus: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(_Read):
    """How much work there is."""

    busy: Share = 1.0
    useful: Share = 1.0
    hours_per_year: Positive = HOURS_PER_YEAR
    hours_per_month: Positive | None = None
    units: tuple[Unit, ...] = ()
    full_speed: FullSpeed = field(default_factory=FullSpeed)
    busiest_hour_share: Share | None = None
    replica: Replica | None = None
    spare_replicas: Annotated[int, Ge(0), Le(1000)] = 0
    price_ratio: Positive | None = None
    gpu_hours: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot(_Read):
    """Hours that have a price of their own: as a share, or by hour of day, month and day."""

    share: Share | None = None
    hours: tuple[Annotated[float, Ge(0), Le(24)], ...] | None = None
    months: tuple[Annotated[int, Ge(1), Le(12)], ...] | None = None
    days: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand(_Read):
    """A charge on the highest draw of a month; one price, or one for each calendar month."""

    price: Annotated[tuple[NotNegative, ...], Len(1, 12)]
    unit: Literal["kW", "kVA"] = "kW"
    power_factor: Annotated[float, Gt(0), Le(1)] = 1.0
    ratchet: Share = 0.0
    minimum_kw: NotNegative = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff(_Read):
    """What electricity costs: per kWh by slot, per day, for the peak; tax on all of it."""

    energy: Mapping[str, NotNegative] = field(default_factory=dict)
    slots: Mapping[str, Slot] = field(default_factory=dict)
    fixed_per_day: NotNegative = 0.0
    demand: Demand | None = None
    tax: Share = 0.0
    currency: str | None = None
    price_change_per_year: Rate = 0.0
    source: str = ""
    basis: str = "stated"
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuelUse(_Read):
    """Litres an hour per kW of the generator's size and per kW it delivers."""

    per_rated_kw: NotNegative
    per_load_kw: NotNegative


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator(_Read):
    """What carries the load while the grid is down."""

    rated_kw: Positive
    litres_per_hour: FuelUse
    diesel_price: NotNegative
    currency: str | None = None
    source: str = ""
    basis: str = "stated"
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff(_Read):
    """Posts of a site: at least `least`, at least `per_server` for each server; salary a year."""

    least: NotNegative = 0.0
    per_server: NotNegative = 0.0
    salary: NotNegative = 0.0
    whole: bool = False
    currency: str | None = None
    source: str = ""
    basis: str = "stated"
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax(_Read):
    """One tax of a stack [percent], on the value and on taxes above it; the part that comes back,
    and after how many months."""

    name: str
    rate: Annotated[float, Ge(0), Le(100)]
    base: Annotated[tuple[str, ...], Len(1)] = ("value",)
    recoverable: Share = 0.0
    lag_months: Annotated[int, Ge(0), Le(MOST_MONTHS)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSite(_Read):
    """Where what is owned stands."""

    country: str | None = None
    pue: Annotated[float, Ge(1), Le(5)] = 1.0
    tariff: Tariff | None = None
    outage_hours_per_year: Annotated[float, Ge(0), Le(HOURS_PER_YEAR)] = 0.0
    generator: Generator | None = None
    staff: Staff | None = None
    taxes: Mapping[str, tuple[Tax, ...]] = field(default_factory=dict)
    grid_g_per_kwh: NotNegative | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Power(_Read):
    """What an option draws: of one server (idle and load), or of the whole option."""

    server: str | None = None
    workload: str = "llm"
    cooling: str = "air"
    idle_kw: NotNegative | None = None
    load_kw: NotNegative | None = None
    it_kw: NotNegative | None = None
    it_kw_per_gpu: NotNegative | None = None
    facility_kw: NotNegative | None = None
    nameplate_kw: NotNegative | None = None
    busy: Share | None = None
    hours_per_month: NotNegative | None = None
    included: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered(_Read):
    """Readings of a meter in place of a model of the draw; one figure, or one a calendar month."""

    kwh: Mapping[str, NotNegative] = field(default_factory=dict)
    peak_kw: Annotated[tuple[NotNegative, ...], Len(1, 12)] | None = None
    days: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual(_Read):
    """What is left of a price at the end: a share, by age, or by a fall a year."""

    share: Share | None = None
    after_months: Mapping[int, Share] | None = None
    decline_per_year: Share | None = None
    ooms_per_year: NotNegative | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Depreciation(_Read):
    """A price charged by the hours of use: `ooms_per_year` orders of magnitude a year."""

    ooms_per_year: Positive
    method: Literal["economic"] = "economic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(_Read):
    """One line of an option: what is paid, how often, for how long."""

    item: str
    category: Category
    price: Plain
    quantity: float | str = 1.0
    unit: str = ""
    currency: str | None = None
    per: str | None = None
    of: tuple[str, ...] = ()
    at: Annotated[int, Ge(0), Le(MOST_MONTHS)] = 0
    until: Annotated[int, Gt(0), Le(MOST_MONTHS)] | None = None
    timing: Literal["start", "end"] | None = None
    discount: Share = 0.0
    price_change_per_year: Rate = 0.0
    tax: str | None = None
    residual: Residual | None = None
    depreciation: Depreciation | None = None
    split: Mapping[str, Share] = field(default_factory=dict)
    rest: str = "rest"
    gross_up: bool = False
    source: str = ""
    basis: Literal["stated", "quoted", "measured", "assumed"] = "stated"
    as_of: date | None = None

    @property
    def often(self) -> str:
        """What the price is for: once where nothing is said."""
        return self.per or "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Financing(_Read):
    """The share of the hardware that a bank pays, and the terms on which it comes back."""

    loan_share: Share
    rate: Rate
    years: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan(_Read):
    """A loan of which either the payment or the number of periods is asked."""

    principal: Positive
    rate_per_period: Rate
    periods: Positive | None = None
    payment: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books(_Read):
    """How the accounts spread what is capitalised; `salvage` is what they keep at the end."""

    method: Literal["straight_line", "declining", "economic"] = "straight_line"
    years: Positive = 5.0
    salvage: NotNegative = 0.0
    rate: Share | None = None
    ooms_per_year: Positive = 0.14


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodied(_Read):
    """Greenhouse gas of making one thing [kg CO2e]."""

    item: str
    kg_per_unit: NotNegative
    quantity: float | str = 1.0
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carbon(_Read):
    """Greenhouse gas of making and of running an option."""

    embodied: tuple[Embodied, ...] = ()
    grid_g_per_kwh: NotNegative | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option(_Read):
    """One way of having the GPUs."""

    kind: Kind
    gpus: Positive | None = None
    servers: Positive | None = None
    gpus_per_server: Positive | None = None
    power: Power | None = None
    metered: Metered | None = None
    lines: tuple[Line, ...] = ()
    financing: Financing | None = None
    loan: Loan | None = None
    books: Books | None = None
    carbon: Carbon | None = None
    flows: tuple[Plain, ...] = ()
    irr_near: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven(_Read):
    """Where two options cost the same: over hours, months, the busy share, or a path."""

    between: Annotated[tuple[str, ...], Len(2, 2)]
    over: str
    search: Annotated[tuple[Plain, ...], Len(2, 2)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws(_Read):
    """How many draws of the ranges, and their seed."""

    n: Annotated[int, Gt(0), Le(1_000_000)] = 1000
    seed: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(_Read):
    """A whole case."""

    tco: Literal[1]
    name: str
    options: Annotated[Mapping[str, Option], Len(1)]
    source: tuple[str, ...] = ()
    defaults: Literal["none", "low", "typical", "high"] = "none"
    require_sourced: bool = False
    costs: Costs = "full"
    horizon: Horizon = field(default_factory=Horizon)
    finance: Finance = field(default_factory=Finance)
    load: Load = field(default_factory=Load)
    site: CaseSite = field(default_factory=CaseSite)
    compare: tuple[Annotated[tuple[str, ...], Len(2, 2)], ...] = ()
    break_even: Mapping[str, BreakEven] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    ranges: Mapping[str, Annotated[tuple[Plain, ...], Len(3, 3)]] = field(default_factory=dict)
    draws: Draws = field(default_factory=Draws)

    @property
    def months(self) -> int:
        """Length of the horizon [months]."""
        return self.horizon.months or round(self.horizon.years * MONTHS_PER_YEAR)

    @property
    def years(self) -> float:
        """Length of the horizon [years]."""
        return self.months / MONTHS_PER_YEAR
