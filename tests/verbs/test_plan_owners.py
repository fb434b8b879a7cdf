"""Names in `assumptions` that no plan of an inventory can have are refused before it is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.report import plan_fixture

from gpumix.domain.evidence import Confirmation
from gpumix.errors import InputError
from gpumix.inventory import EXAMPLE
from gpumix.verbs.plan import Opened, open_inventory, with_known_owners


@pytest.fixture(scope="module")
def opened() -> Opened:
    return open_inventory(Path(EXAMPLE))


def owned(opened: Opened, *names: str) -> Opened:
    stated = tuple(Confirmation(name, "Ana", date(2026, 11, 1)) for name in names)
    return replace(opened, inventory=replace(opened.inventory, confirmations=stated))


def test_unknown_names_are_refused_together(opened: Opened) -> None:
    with pytest.raises(InputError) as error:
        with_known_owners(owned(opened, "speed: engin", "speed: engine", "rule: cost"))
    assert error.value.exit_code == 2
    assert [p.place for p in error.value.problems] == [
        "assumptions.speed: engin",
        "assumptions.rule: cost",
    ]


def test_a_plan_made_again_keeps_names_that_are_gone(opened: Opened) -> None:
    gone = replace(owned(opened, "lagos: electricity"), before=plan_fixture.plan())
    assert with_known_owners(gone) is gone
