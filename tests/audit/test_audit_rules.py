"""The thresholds of the classes: packaged with a source, changed by a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.audit.audit import CLASSES, RULES, read_rules
from gpumix.errors import InputError
from gpumix.files import read_columns


def test_every_rule_has_a_class_a_source_and_a_date() -> None:
    columns = read_columns(RULES)
    assert set(columns["class"]) == set(CLASSES)
    assert all(columns["source"])
    assert all(columns["as_of"])


def test_a_file_changes_a_threshold(tmp_path: Path) -> None:
    own = tmp_path / "rules.csv"
    own.write_text("class,name,value\nlow_batch,sm_below,0.25\n")
    assert read_rules(own).number("low_batch", "sm_below") == 0.25
    assert read_rules(own).number("low_batch", "engine_above") == 0.8


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    own = tmp_path / "rules.csv"
    own.write_text("class,name,value\nlow_batch,sm_bellow,0.25\negress,high,much\n")
    with pytest.raises(InputError) as told:
        read_rules(own)
    assert len(told.value.problems) == 2


def test_nothing_is_divided_by_a_threshold_of_0(tmp_path: Path) -> None:
    own = tmp_path / "rules.csv"
    own.write_text("class,name,value\nlow_batch,sm_packed,0\n")
    with pytest.raises(InputError, match="above 0"):
        read_rules(own)
