"""Greenhouse gas of running and of having made the hardware [kg CO2e]."""

from __future__ import annotations

from gpumix.cost.values import Value
from gpumix.units import KILO


def operational_kg(energy_kwh: Value, g_per_kwh: Value) -> Value:
    """Emissions of grid electricity: kWh * g / 1000.

    Args:
        energy_kwh: energy of the facility, PUE included [kWh].
        g_per_kwh: carbon intensity of the grid [g/kWh].

    Source: codecarbon global energy mix (Bangladesh 691.4 g/kWh).

    >>> round(operational_kg(1000.0, 691.4), 1)
    691.4
    """
    return energy_kwh * g_per_kwh / KILO


def diesel_kg(fuel_l: Value, kg_per_l: Value) -> Value:
    """Emissions of generator fuel: litres * kg/l.

    Args:
        fuel_l: fuel burnt [l].
        kg_per_l: emission factor [kg/l].

    Source: data/tco_defaults.csv, `diesel_co2`.

    >>> diesel_kg(100.0, 2.68)
    268.0
    """
    return fuel_l * kg_per_l


def embodied_kg_per_year(embodied_kg: Value, life_years: Value) -> Value:
    """Emissions of manufacture, spread evenly over the life: E / life.

    Args:
        embodied_kg: emissions of making it [kg].
        life_years: years in service [years].

    Source: Azure GreenSKU framework; EcoLogits. Published figures differ 3.5-fold for one GPU:
        show the range.

    >>> embodied_kg_per_year(6000.0, 5.0)
    1200.0
    """
    return embodied_kg / life_years


def server_kg_per_year(
    energy_kwh: Value, g_per_kwh: Value, embodied_kg: Value, life_years: Value
) -> Value:
    """Emissions of a server a year: operation + its share of manufacture.

    Args:
        energy_kwh: energy of the facility a year, PUE included [kWh].
        g_per_kwh: carbon intensity of the grid [g/kWh].
        embodied_kg: emissions of making the server with its GPUs [kg].
        life_years: years in service [years].

    Source: GHG Protocol, operational and embodied emissions added; straight line over the life.

    >>> server_kg_per_year(10000.0, 500.0, 7000.0, 5.0)
    6400.0
    """
    return operational_kg(energy_kwh, g_per_kwh) + embodied_kg_per_year(embodied_kg, life_years)
