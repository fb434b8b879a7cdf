"""Thresholds: the packaged ones, those of a team, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.errors import InputError
from gpumix.files import read_columns
from gpumix.loop.rules import RULES, read_rules


def test_every_rule_has_a_source_and_a_date() -> None:
    columns = read_columns(RULES)
    assert all(columns["source"])
    assert all(columns["as_of"])
    assert all(columns["unit"])


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    path.write_text("check,name,value\ndemand,tolerance,none\nprice,tolerance,-1\n", "utf-8")
    with pytest.raises(InputError) as error:
        read_rules(path)
    assert len(error.value.problems) == 2
    path.write_text("check,name,value\ndemand,tolerence,0.2\n", "utf-8")
    with pytest.raises(InputError, match="demand tolerance"):
        read_rules(path)
    path.write_text("check,value\ndemand,0.2\n", "utf-8")
    with pytest.raises(InputError, match="no column name"):
        read_rules(path)
