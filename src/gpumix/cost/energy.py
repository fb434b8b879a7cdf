"""Power drawn, what electricity costs with outages in it, and energy per token.

Two different powers: the nameplate sizes racks and feeds, the measured draw prices energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gpumix.cost.case.streams import stepped
from gpumix.units import HOURS_PER_YEAR, KILO
from gpumix.values import FloatArray, Value


def facility_power_kw(it_kw: Value, pue: Value) -> Value:
    """Draw of the building: IT power * PUE.

    Args:
        it_kw: draw of the IT equipment [kW].
        pue: power usage effectiveness [1], at least 1.

    Source: ISO/IEC 30134-2.

    >>> facility_power_kw(4.0, 1.5)
    6.0
    """
    return it_kw * pue


def energy_kwh_per_year(power_kw: Value, hours: float = HOURS_PER_YEAR) -> Value:
    """Energy of a constant draw: P * hours.

    Args:
        power_kw: mean draw [kW].
        hours: hours a year it is drawn [h].

    Source: definition of the kilowatt-hour.

    >>> energy_kwh_per_year(1.0)
    8760.0
    """
    return power_kw * hours


def fuel_curve(full_load_l_per_kwh: float, quarter_load_l_per_kwh: float) -> tuple[float, float]:
    """The straight fuel curve (F0, F1) through the use at full and at quarter load.

    f(x) = F0 / x + F1 per kWh at load share x, so F0 = (f(1/4) - f(1)) / 3, F1 = f(1) - F0.

    Args:
        full_load_l_per_kwh: litres per kWh at full load [l/kWh].
        quarter_load_l_per_kwh: litres per kWh at a quarter of it [l/kWh].

    Source: linear fuel curve of diesel generators, Skarstein and Uhlen (1989), Wind Engineering 13.

    >>> tuple(round(f, 3) for f in fuel_curve(0.27, 0.39))
    (0.04, 0.23)
    """
    per_rated = (quarter_load_l_per_kwh - full_load_l_per_kwh) / 3.0
    return per_rated, full_load_l_per_kwh - per_rated


@dataclass(frozen=True, slots=True)
class PriceChange:
    """How a price moves: its `share` (0-1) that does changes by `per_year` once a year."""

    per_year: float = 0.0
    share: float = 1.0

    def factors(self, starts: FloatArray) -> FloatArray:
        """The price in months that start so long after the beginning [months], by the first."""
        return np.asarray(1.0 + self.share * (stepped(self.per_year, starts) - 1.0))


STEADY: Final = PriceChange()
"""A price that stays."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Electricity of a site: the grid, and what happens while it is down.

    Each hour of outage the generator burns `standby_usd_per_kw_hour` per kW of its size and
    `generator_usd_per_kwh` per kWh delivered. Without a generator the service stops.
    """

    grid_usd_per_kwh: float
    outage_hours_per_year: float = 0.0
    has_generator: bool = True
    generator_usd_per_kwh: float = 0.0
    standby_usd_per_kw_hour: float = 0.0

    @property
    def hours_on(self) -> float:
        """Hours a year in which servers run [h]."""
        return HOURS_PER_YEAR - (0.0 if self.has_generator else self.outage_hours_per_year)

    @property
    def availability(self) -> float:
        """Share of the year in which servers run (0-1)."""
        return self.hours_on / HOURS_PER_YEAR

    @property
    def usd_per_kwh(self) -> float:
        """Mean price of one more kWh at an hour when servers run [USD/kWh]."""
        if not self.has_generator:
            return self.grid_usd_per_kwh
        dark = self.outage_hours_per_year / HOURS_PER_YEAR
        return self.grid_usd_per_kwh * (1.0 - dark) + self.generator_usd_per_kwh * dark

    @property
    def grid_share(self) -> float:
        """Share of that price which the grid gets (0-1)."""
        dark = self.outage_hours_per_year / HOURS_PER_YEAR if self.has_generator else 0.0
        each = self.usd_per_kwh
        return self.grid_usd_per_kwh * (1.0 - dark) / each if each else 1.0

    def standby_usd_per_year(self, rated_kw: float) -> float:
        """What turning the generator costs through all outages, before it delivers [USD/year]."""
        if not self.has_generator:
            return 0.0
        return self.outage_hours_per_year * self.standby_usd_per_kw_hour * rated_kw


def energy_usd_per_year(supply: Supply, facility_kw: Value, rated_kw: float) -> Value:
    """Yearly bill of a mean facility draw: price * P * hours on + generator standby.

    Outage hours are billed as generator fuel, outage_h * (F0 * rated + F1 * P) * diesel; without
    a generator nothing is drawn in them.

    Args:
        supply: electricity of the site.
        facility_kw: mean draw P of the building [kW].
        rated_kw: size of the generator [kW].

    Source: docs/cost.md, "Electricity".

    >>> energy_usd_per_year(Supply(0.10), 10.0, 15.0)
    8760.0
    """
    energy_kwh = energy_kwh_per_year(facility_kw, supply.hours_on)
    return supply.usd_per_kwh * energy_kwh + supply.standby_usd_per_year(rated_kw)


def joules_per_token(power_kw: Value, tokens_per_s: Value) -> Value:
    """Energy of one token at the wall: P / (tokens/s).

    Args:
        power_kw: draw of whatever makes the tokens [kW].
        tokens_per_s: their rate; whose tokens is the caller's choice [1/s].

    Source: MLPerf Power v4.1 (8x H200, Llama-2-70B Offline).

    >>> round(joules_per_token(6.153, 25262.1), 4)
    0.2436
    """
    return power_kw * KILO / tokens_per_s


def tokens_per_joule(power_kw: Value, tokens_per_s: Value) -> Value:
    """Tokens that one joule makes: (tokens/s) / P, the inverse of `joules_per_token`.

    Args:
        power_kw: draw of whatever makes the tokens [kW].
        tokens_per_s: their rate; whose tokens is the caller's choice [1/s].

    Source: MLPerf Power v4.1 (8x H200, Llama-2-70B Offline).

    >>> round(tokens_per_joule(6.153, 25262.1), 4)
    4.1057
    """
    return tokens_per_s / (power_kw * KILO)


def tokens_per_s_per_kw(tokens_per_s: Value, rack_kw: Value) -> Value:
    """Tokens a second that each kW of rack power carries: (tokens/s) / kW.

    Args:
        tokens_per_s: rate of all servers that the power feeds; whose tokens is the caller's
            choice [1/s].
        rack_kw: IT power that racks must feed: nameplate, or all of a room [kW].

    Source: definition; docs/site.md.

    >>> tokens_per_s_per_kw(24000.0, 48.0)
    500.0
    """
    return tokens_per_s / rack_kw
