"""Limits of the whole plan, in USD."""

from __future__ import annotations

from collections.abc import Callable

from gpumix.domain import defaults
from gpumix.domain.workload import Limits
from gpumix.inventory.dates import Say, Span
from gpumix.inventory.schema import InventorySpec
from gpumix.inventory.yaml import KeyPath


def limits_of(
    spec: InventorySpec,
    span: Span,
    per_usd: Callable[[KeyPath, str], float],
    say: Say,
    note: Callable[[str], None],
) -> Limits:
    """What an inventory limits; `per_usd` are units of a currency for a dollar, at a key."""
    stated = spec.limits
    capex = stated.capex_usd
    if stated.capex is not None:
        amount, currency = stated.capex
        if capex is not None:
            say(("limits",), "states capex and capex_usd", "keep one of them")
        capex = amount / per_usd(("limits", "capex"), currency)
    cash = []
    for year, (amount, currency) in sorted(stated.cash.items()):
        path: KeyPath = ("limits", "cash", year)
        if not span.start.year <= year <= span.last_day.year:
            say(
                path,
                f"is no year of the plan, {span.start:%Y-%m} to {span.last_day:%Y-%m}",
                "limit a year in which it pays, or leave it out",
            )
        cash.append((year, amount / per_usd(path, currency)))
    share = stated.spot_share
    may_rent_spot = spec.supply.cloud is not None and "spot" in spec.supply.cloud.purchase
    if share is None and may_rent_spot:
        note(f"limits: spot_share not stated, {defaults.SPOT_SHARE:g} assumed")
    return Limits(
        capex_usd=capex,
        spot_share=defaults.SPOT_SHARE if share is None else share,
        providers=stated.providers,
        gpu_types=stated.gpu_types,
        lines=stated.lines,
        min_line_usd_per_month=stated.min_line_usd_per_month,
        cash=tuple(cash),
    )
