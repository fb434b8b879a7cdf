"""What exists: packaged tables of GPUs, models, offers and sites; the user's sheets over them."""

from gpumix.catalog.age import (
    OLD_DAYS,
    PriceAge,
    PriceSummary,
    age_days,
    price_age,
    price_summary,
)
from gpumix.catalog.catalog import Catalog, load
from gpumix.catalog.checks import dispersion_warnings
from gpumix.catalog.evidence import MEASUREMENTS
from gpumix.catalog.forms import main_form
from gpumix.catalog.history import price_months, price_summaries
from gpumix.catalog.offers import find_offers
from gpumix.catalog.ratios import price_pairs, price_ratios

__all__ = [
    "MEASUREMENTS",
    "OLD_DAYS",
    "Catalog",
    "PriceAge",
    "PriceSummary",
    "age_days",
    "dispersion_warnings",
    "find_offers",
    "load",
    "main_form",
    "price_age",
    "price_months",
    "price_pairs",
    "price_ratios",
    "price_summaries",
    "price_summary",
]
