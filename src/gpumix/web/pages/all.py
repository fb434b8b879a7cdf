"""Every page, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from gpumix.web.pages import compare, explain, fit, fleet, own, plan, prices, site
from gpumix.web.pages.page import Page

PAGES: Final[tuple[Page, ...]] = (
    plan.PAGE, compare.PAGE, own.PAGE, prices.PAGE, fit.PAGE, fleet.FLEET, fleet.AUDIT, site.PAGE,
    explain.PAGE,
)  # fmt: skip
