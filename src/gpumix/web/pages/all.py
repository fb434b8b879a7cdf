"""Every page, in the order of the navigation."""

from __future__ import annotations

from typing import Final

from gpumix.web.pages import (
    compare,
    diff,
    explain,
    files,
    fit,
    fleet,
    own,
    plan,
    prices,
    site,
    whatif,
)
from gpumix.web.pages.page import Page

PAGES: Final[tuple[Page, ...]] = (
    plan.PAGE, whatif.PAGE, diff.PAGE, compare.PAGE, own.PAGE, prices.PAGE, fit.PAGE, fleet.FLEET,
    fleet.AUDIT, site.PAGE, files.GUARD, files.EXPORT, explain.PAGE,
)  # fmt: skip
