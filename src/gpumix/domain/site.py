"""Places of one's own: what power, tax, money and people cost there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from gpumix.domain.case import Generator, Tariff, Tax
from gpumix.domain.evidence import Basis


@dataclass(frozen=True, slots=True)
class Range:
    """A cost parameter: low, typical, high, with unit and source."""

    parameter: str
    low: float | None
    typical: float | None
    high: float | None
    unit: str
    source: str
    as_of: str
    flag: str

    @property
    def basis(self) -> Basis:
        """Measured rows (flag M) are measured, all others assumed."""
        return Basis.MEASURED if self.flag.startswith("M") else Basis.ASSUMED


@dataclass(frozen=True, slots=True)
class Country:
    """Electricity, tax, outages and cost of capital of one country. Shares are 0-1.

    `hot_humid` says whether air cooling works against the climate.
    `import_tax_share` is what customs asks of the value of a server, of which
    `import_tax_advance_share` is an advance that a registered firm gets back later.
    """

    iso2: str
    name: str
    tariff_usd_per_kwh_low: float
    tariff_usd_per_kwh: float
    tariff_usd_per_kwh_high: float
    carbon_g_per_kwh: float
    import_tax_share: float
    import_tax_advance_share: float
    outage_hours_per_year: float
    outage_hours_per_year_low: float | None
    outage_hours_per_year_high: float | None
    cost_of_capital: float
    diesel_usd_per_l: float | None
    currency: str
    fx_per_usd: float
    fx_as_of: date
    flags: str
    source: str
    as_of: str
    note: str
    hot_humid: bool = False


@dataclass(frozen=True, slots=True)
class CapexQuote:
    """A dated purchase price of a card, baseboard or server [USD]."""

    item: str
    gpu: str
    gpus: int
    kind: str
    usd_total: float
    usd_per_gpu: float
    as_of: date
    scope: str
    confidence: str
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class OwnedTerms:
    """What is known of GPUs that stand on a site: their age when the plan starts [months], and what
    somebody offers for one of them then [USD]; None where the inventory does not say."""

    gpu: str
    age_months: float | None = None
    sell_usd: float | None = None


SERVER_TAXES: Final = "server"
"""The customs line of servers."""


@dataclass(frozen=True, slots=True)
class TaxStack:
    """What customs asks on one line of its tariff, in the order in which it is laid."""

    name: str
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """An on-prem site of the team: racks, power, cooling, and what may or does stand there.

    `gpus` may be bought there; `owned` already stands there (GPU id -> count).
    Once it is open it fills `staff_fte` posts at the least, `staff_per_server` for each server,
    rounded up where posts are `staff_whole`. `usd_per_kwh`, `pue`, `outage_hours_per_year`,
    `cost_of_capital` and the others override the country's figures where the inventory states
    them. A server ordered there arrives after `lead_months`; None = it is ordered early enough.
    `owned_terms` tell of GPUs that stand there. `taxes` are customs lines in place of the
    country's; `currency` is that of a country that the table does not know; `tariff` is in USD and
    goes before `usd_per_kwh`. Where `power_included`, the rent of the room pays for the power.
    Once it is open it rents `room_minimum_kw` at the least; to open it takes `fit_out_usd`.
    The change to denser cooling costs `retrofit_usd_per_kw` of its racks, by kind of cooling.
    `generator_set` is the generator that stands there, in USD; None = one of a typical use.
    """

    id: str
    country: str
    racks: int
    kw_per_rack: float
    cooling: str
    gpus: tuple[str, ...]
    owned: tuple[tuple[str, int], ...] = ()
    usd_per_kwh: float | None = None
    pue: float | None = None
    outage_hours_per_year: float | None = None
    generator: bool = True
    cost_of_capital: float | None = None
    staff_fte: float | None = None
    staff_per_server: float | None = None
    staff_whole: bool = False
    fte_usd_per_year: float | None = None
    facility_usd_per_kw_month: float | None = None
    taxes_recoverable: bool = True
    lead_months: int | None = None
    owned_terms: tuple[OwnedTerms, ...] = ()
    taxes: tuple[TaxStack, ...] = ()
    currency: str | None = None
    tariff: Tariff | None = None
    power_included: bool = False
    room_minimum_kw: float = 0.0
    fit_out_usd: float = 0.0
    generator_set: Generator | None = None
    retrofit_usd_per_kw: tuple[tuple[str, float], ...] = ()

    def stack(self, name: str) -> TaxStack | None:
        """The customs line of this name, None where the site does not state it."""
        return next((stack for stack in self.taxes if stack.name == name), None)

    def terms_of(self, gpu: str) -> OwnedTerms:
        """What is known of the GPUs of a kind that stand there."""
        return next((t for t in self.owned_terms if t.gpu == gpu), OwnedTerms(gpu))

    @property
    def capacity_kw(self) -> float:
        """IT power the racks can feed and cool [kW]."""
        return self.racks * self.kw_per_rack


AI_ENTERPRISE: Final = "nvidia-ai-enterprise"
"""The licence that has a price in the table of defaults."""


@dataclass(frozen=True, slots=True)
class Licence:
    """Software paid for by the GPU and year on servers of one's own; `usd_per_gpu_year` None = the
    price of the table of defaults, `gpus` None = on all of them."""

    name: str
    usd_per_gpu_year: float | None = None
    gpus: tuple[str, ...] | None = None

    def covers(self, gpu: str) -> bool:
        """Whether it is paid on this GPU."""
        return self.gpus is None or gpu in self.gpus
