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
from gpumix.catalog.evidence import MEASUREMENTS
from gpumix.catalog.offers import find_offers

__all__ = [
    "MEASUREMENTS",
    "OLD_DAYS",
    "Catalog",
    "PriceAge",
    "PriceSummary",
    "age_days",
    "find_offers",
    "load",
    "price_age",
    "price_summary",
]
