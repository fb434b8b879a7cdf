"""`gpumix explain`: any printed name leads to its meaning, formula and source."""

from __future__ import annotations

import re

import pytest

from gpumix import fields
from gpumix.domain.explanation import Listed
from gpumix.errors import DataError, UnknownName
from gpumix.verbs.explain import explain, formula_at, formulas, listed


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


def _quantities() -> list[Listed]:
    """What is listed beside GPUs, models, providers and countries."""
    return [one for one in listed() if one.kind in ("quantity", "formula")]


def test_no_explanation_points_at_a_file_that_an_installation_does_not_have() -> None:
    told = [str(explain(one.name)) for one in _quantities()]
    assert len(told) > 300
    assert not [text for text in told if re.search(r"docs/", text)]


def test_every_name_is_listed_once_with_a_line_of_its_own() -> None:
    names = [one.name for one in _quantities()]
    assert len(set(names)) == len(names)
    for one in _quantities():
        found = explain(one.name)
        assert one.summary in (found.definition, found.formula.summary if found.formula else "")
    assert len(names) == len(fields.registry()) + len(formulas())
    assert all(one.summary and "\n" not in one.summary for one in _quantities())


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
    with pytest.raises(DataError, match=r"no such function|not a formula"):
        formula_at(path)
