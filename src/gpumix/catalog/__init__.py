"""What exists: packaged tables of GPUs, models, offers and sites; the user's sheets over them."""

from gpumix.catalog.catalog import Catalog, load
from gpumix.catalog.evidence import MEASUREMENTS
from gpumix.catalog.offers import find_offers
from gpumix.catalog.price_summary import price_summary
from gpumix.catalog.validity import of_tiers

__all__ = [
    "MEASUREMENTS",
    "Catalog",
    "find_offers",
    "load",
    "of_tiers",
    "price_summary",
]
