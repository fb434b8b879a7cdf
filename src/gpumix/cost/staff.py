"""Staff of a site: posts that are filled once it is open, however few its servers are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpumix.cost.book import Book
from gpumix.cost.case.people import posts
from gpumix.cost.case.streams import Stream, paid_monthly
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.site import Country, Range, Site
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class SiteStaff:
    """Who looks after the servers of a site: max(`least`, `per_server` x servers) posts, rounded up
    where posts are `whole`, at a salary [USD/year] each, in every month in which servers stand."""

    site: str
    least: float
    per_server: float
    salary_usd: float
    whole: bool = False
    basis: Basis = Basis.ASSUMED
    source: str = "the inventory"
    assumptions: tuple[Assumption, ...] = ()

    def paid(self, servers: FloatArray) -> Stream:
        """Salaries of a site with so many servers in each month of the horizon [n]."""
        months = np.flatnonzero(servers > 0.0)
        filled = [
            posts(self.least, self.per_server, float(count), whole=self.whole)
            for count in servers[months]
        ]
        return paid_monthly(
            "staff",
            "staff",
            "post-year",
            self.salary_usd,
            np.array(filled) / MONTHS_PER_YEAR,
            months + np.ones(months.size),
            source=self.source,
            basis=self.basis,
        )


def staff_of_site(site: Site, country: Country, defaults: Mapping[str, Range]) -> SiteStaff:
    """Posts of a site as stated, the rest typical.

    Args:
        site: the site.
        country: of the site, for the salary.
        defaults: table of cost parameters.

    Raises: DataError for missing rows.

    Source: rows staff_fte_*, fte_cost_* of data/tco_defaults.csv; docs/cost.md, "Owning a server".
    """
    book = Book(site.id, defaults)
    own = f"fte_cost_{country.iso2.lower()}"
    row = own if own in defaults else "fte_cost_us"
    salary = book.stated_or(site.fte_usd_per_year, row, "salary of a post", "USD/year")
    least = book.stated_or(site.staff_fte, "staff_fte_small_site", "least posts of the site", "")
    per_server = book.stated_or(
        site.staff_per_server, "staff_fte_per_8gpu_server_large", "posts of a server", ""
    )
    sources = dict.fromkeys(note.source for note in book.assumptions)
    return SiteStaff(
        site=site.id,
        least=least,
        per_server=per_server,
        salary_usd=salary,
        whole=site.staff_whole,
        source="; ".join(sources),
        assumptions=tuple(book.assumptions),
    )
