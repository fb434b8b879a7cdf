"""What `gpumix tco` answers; docs/tco-case.md says what each figure means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MostOutlaid:
    """The largest cumulative amount and the month in which it stands."""

    amount: float
    month: int


@dataclass(frozen=True, slots=True)
class Cash:
    """What leaves the account and when [currency]; `by_month` starts with the start."""

    up_front: float
    by_year: tuple[float, ...]
    by_month: tuple[float, ...]
    total: float
    most_outlaid: MostOutlaid


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """One line: its amount (once, or a year's) and the taxes on it."""

    category: str
    quantity: float
    price: float | None
    amount: float
    taxes: Mapping[str, float] = field(default_factory=dict)
    tax_total: float = 0.0
    tax_pct: float = 0.0
    tax_final: float = 0.0
    landed: float = 0.0


@dataclass(frozen=True, slots=True)
class PerGpuHour:
    """Level cost of a GPU-hour: held, busy, and useful; None where the GPUs are not known."""

    provisioned: float | None
    busy: float | None
    useful: float | None


@dataclass(frozen=True, slots=True)
class PerMtok:
    """Level cost of a million tokens: at full speed while busy, and of the load's own tokens."""

    total: float | None = None
    output_only: float | None = None
    combined: float | None = None
    input: float | None = None
    output: float | None = None


@dataclass(frozen=True, slots=True)
class MonthBill:
    """Electricity of a month, tax included [currency]."""

    fixed: float
    energy: float
    demand: float
    total: float


@dataclass(frozen=True, slots=True)
class Energy:
    """Power [kW], energy and what it costs; None where nothing is stated."""

    mean_it_kw: float | None
    mean_facility_kw: float | None
    kwh_per_year: float
    cost_per_year: float
    bill_by_month: tuple[MonthBill, ...]
    generator_l_per_hour: float | None
    generator_l_per_year: float
    dark_hours_per_year: float
    joule_per_token: float | None
    joule_per_output_token: float | None


@dataclass(frozen=True, slots=True)
class CarbonAnswer:
    """Greenhouse gas [kg CO2e]: made once, and running for a year."""

    embodied_kg: float
    operation_kg_per_year: float | None


@dataclass(frozen=True, slots=True)
class BooksAnswer:
    """The accounts' view: charge of each year, and book value at its end [currency]."""

    charge_by_year: tuple[float, ...]
    book_value: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Irr:
    """Rates of return [1 a year]: the one that counts, all of them, and why there is none."""

    value: float | None
    roots: tuple[float, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OptionAnswer:
    """One option over the horizon; amounts in the currency of the answer."""

    kind: str
    cash: Cash
    present_cost: float
    level_cost_per_year: float
    by_category: Mapping[str, float]
    by_item: Mapping[str, float]
    lines: Mapping[str, LineAnswer]
    gpus: float | None
    servers: float
    peak_per_s: float | None
    replicas: int | None
    gpus_needed: float | None
    gpu_hours_per_year: float | None
    cost_per_gpu_hour: PerGpuHour
    units_per_year: Mapping[str, float]
    tokens_per_year: float
    cost_per_unit: Mapping[str, float]
    cost_per_mtok: PerMtok
    energy: Energy
    carbon: CarbonAnswer | None
    books: BooksAnswer | None
    npv: float | None
    irr: Irr | None


@dataclass(frozen=True, slots=True)
class Against:
    """What one option saves against another."""

    saved_cash: float
    npv: float
    irr: Irr
    payback_months: float | None
    discounted_payback_months: float | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two options cost the same, or why they never do."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ends:
    """Present cost by option at the low and the high end of one input."""

    low: Mapping[str, float]
    high: Mapping[str, float]
    flips: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """Present cost at which 10, 50 and 90 % of the draws are no dearer."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class Default:
    """One figure that the file does not state: what it is, where it was laid, its ends, source."""

    path: str
    what: str
    value: float
    low: float | None
    high: float | None
    unit: str
    source: str
    as_of: str
    sourced: bool


@dataclass(frozen=True, slots=True)
class TcoAnswer:
    """The whole answer; a variant is one without variants, tornado and distribution."""

    tco: int
    name: str
    currency: str
    start: str
    months: int
    cost_of_capital: float
    options: Mapping[str, OptionAnswer]
    comparisons: Mapping[str, Against]
    break_evens: Mapping[str, Crossing]
    variants: Mapping[str, TcoAnswer]
    tornado: Mapping[str, Ends]
    distribution: Mapping[str, Spread]
    share_cheapest: Mapping[str, float]
    assumptions: tuple[Default, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    source: tuple[str, ...] = ()
    costs: str = "full"

    @property
    def cheapest(self) -> str:
        """The option of the lowest present cost."""
        return min(self.options, key=lambda name: self.options[name].present_cost)


@dataclass(frozen=True, slots=True)
class VolumeCrossing:
    """Where another option becomes the cheapest as the work grows.

    At `share` times the case's work, which is `work` of its unit. The two cost the same there,
    unless `is_step`: the one `before` takes a further server or GPU there, or the other is full.
    """

    before: str
    after: str
    share: float
    work: float
    present_cost: float
    is_step: bool


@dataclass(frozen=True, slots=True)
class ByVolume:
    """Present cost of every option over the work, step by step.

    A step ends at each of `shares` of the case's work, `work` in the unit a day (where `unit` is
    empty, in GPUs). Over a step an option holds the same `gpus`; it costs `present_cost_after` just
    above where the step begins, `present_cost` where it ends, in a straight line between.
    `crossings` are where the cheapest of all changes, `of_pairs` the same of what is owned first
    against each other option alone.
    """

    unit: str
    shares: tuple[float, ...]
    work: tuple[float, ...]
    gpus: Mapping[str, tuple[float | None, ...]]
    present_cost: Mapping[str, tuple[float, ...]]
    present_cost_after: Mapping[str, tuple[float, ...]]
    crossings: tuple[VolumeCrossing, ...]
    of_pairs: Mapping[str, tuple[VolumeCrossing, ...]]
