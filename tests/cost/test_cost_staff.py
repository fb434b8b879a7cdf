"""Staff of a site by hand: the least, by the server, whole posts, and shares of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpumix import catalog
from gpumix.cost.staff import SiteStaff, staff_of_site
from gpumix.domain.site import Site

SITE = Site("dhaka", "BD", racks=4, kw_per_rack=12.0, cooling="air", gpus=())
STAFF = SiteStaff("dhaka", least=0.5, per_server=0.1, salary_usd=12_000.0)


def test_the_least_is_paid_however_few_the_servers_are() -> None:
    assert STAFF.paid(np.ones(12)).total == pytest.approx(6_000.0)
    assert STAFF.paid(np.full(12, 5.0)).total == pytest.approx(6_000.0)
    assert STAFF.paid(np.full(12, 8.0)).total == pytest.approx(9_600.0)


def test_whole_posts_are_charged_whole_and_shares_add_up() -> None:
    whole = replace(STAFF, whole=True)
    assert whole.paid(np.full(12, 11.0)).total == pytest.approx(24_000.0)
    parts = [whole.paid(np.full(12, 11.0)).counted(share).total for share in (0.25, 0.75)]
    assert sum(parts) == pytest.approx(24_000.0)


def test_staff_is_paid_in_the_months_in_which_a_server_stands() -> None:
    servers = np.zeros(12)
    servers[6:11] = 1.0
    paid = STAFF.paid(servers)
    assert paid.months.tolist() == [7.0, 8.0, 9.0, 10.0, 11.0]
    assert paid.total == pytest.approx(2_500.0)


def test_stated_posts_go_before_typical_ones() -> None:
    known = catalog.load()
    typical = staff_of_site(SITE, known.countries["BD"], known.defaults)
    assert (typical.least, typical.per_server, typical.salary_usd) == (0.5, 0.015, 15_000.0)
    own = replace(SITE, staff_fte=2.0, staff_per_server=0.2, fte_usd_per_year=9_000.0)
    stated = staff_of_site(own, known.countries["BD"], known.defaults)
    assert (stated.least, stated.per_server, stated.salary_usd) == (2.0, 0.2, 9_000.0)
    assert stated.source == "the inventory"
