"""`gpumix explain`: any printed name leads to its meaning, formula and source."""

from __future__ import annotations

import doctest

import pytest

from gpumix import fields
from gpumix.errors import DataError, UnknownName
from gpumix.verbs import explain as module
from gpumix.verbs.explain import explain, formula_at, formulas


def test_doctests() -> None:
    assert doctest.testmod(module).failed == 0


def test_every_registered_name_explains_itself() -> None:
    for name, own in fields.registry().items():
        found = explain(name)
        assert found.definition == own.definition
        assert (found.formula is not None) == bool(own.formula)
        assert name not in found.related


def test_a_field_shows_its_formula_with_units_and_source() -> None:
    found = explain("usd_per_mtok_total")
    assert found.formula is not None
    assert found.formula.signature.startswith("usd_per_million(")
    assert "[USD]" in found.formula.text
    assert "usd_per_mtok" in found.formula.source
    assert "Source:" not in found.formula.text
    assert "usd_per_mtok" in found.related


def test_a_formula_is_found_by_name_and_by_path() -> None:
    assert "annuity_factor" in formulas()
    by_name = explain("annuity_factor")
    assert by_name.formula is not None
    assert explain(by_name.formula.path) == by_name
    assert by_name.page.startswith("docs/formulas.md#")


def test_a_qualified_name_falls_back_to_the_common_one() -> None:
    assert explain("MixLine.usd_per_month").name == "usd_per_month"
    assert explain("SloCheck.name").label == "Promise"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean usd_per_mtok"):
        explain("usd_per_mtoken")


@pytest.mark.parametrize(
    "path", ["gpumix.cost.nowhere.f", "gpumix.cost.unit_cost.f", "f", "this.s"]
)
def test_a_formula_that_is_not_there_is_a_data_error(path: str) -> None:
    with pytest.raises(DataError, match=r"no such function|no formula"):
        formula_at(path)
