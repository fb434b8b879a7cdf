"""What exists: packaged tables of GPUs, models, offers and sites; the user's sheets over them."""

from gpumix.catalog.catalog import Catalog, load
from gpumix.catalog.evidence import MEASUREMENTS
from gpumix.catalog.forms import main_form
from gpumix.catalog.history import price_months, price_summaries
from gpumix.catalog.nearest_offer import nearest_offer
from gpumix.catalog.offers import find_offers
from gpumix.catalog.price_summary import price_summary
from gpumix.catalog.ratios import price_pairs, price_ratios
from gpumix.catalog.validity import of_tiers

__all__ = [
    "MEASUREMENTS",
    "Catalog",
    "find_offers",
    "load",
    "main_form",
    "nearest_offer",
    "of_tiers",
    "price_months",
    "price_pairs",
    "price_ratios",
    "price_summaries",
    "price_summary",
]
