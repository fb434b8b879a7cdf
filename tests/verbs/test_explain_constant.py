"""Constants of the fit: every one has a meaning, and the record of the fit is that of the fit."""

from __future__ import annotations

import json
import math

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.catalog.tables import packaged
from gpumix.cli import app
from gpumix.errors import UnknownName
from gpumix.files import read_rows
from gpumix.predict.constants import load_constants
from gpumix.verbs.explain import listed
from gpumix.verbs.explain_constant import explain_constants

HOPPER = "inference.architecture.Hopper.mfu_16bit"


def test_every_constant_has_a_meaning_a_unit_and_a_source() -> None:
    tables = load().coefficients
    held = sum(
        len(names)
        for section, other in (
            (tables.inference, {"memory"}), (tables.training, {"memory", "optimizer"}),
            (tables.media, set()), (tables.power, set()),
        )
        for table, keys in section.items()
        if table not in other
        for names in keys.values()
    )  # fmt: skip
    found = load_constants().values()
    assert len(found) == held
    assert all(one.meaning.endswith(".") and one.unit and one.source for one in found)


def test_the_record_is_of_the_constants_in_use() -> None:
    """A fit that writes coefficients.json without its record leaves other values there."""
    tables = load().coefficients
    for row in read_rows(packaged("constants.csv")):
        value = getattr(tables, row["section"])[row["table"]][row["key"]][row["name"]]
        assert float(row["value"]) == pytest.approx(value, rel=1e-5), row


def test_a_name_and_a_key_name_one_constant() -> None:
    (one,) = explain_constants(["mfu_16bit", "hopper"])
    assert one.path == HOPPER
    assert one.basis == "fitted"
    assert one.prior_low is not None
    assert one.prior_high is not None
    assert one.low is not None
    assert one.high is not None
    assert one.rows is not None
    assert one.low < one.value < one.high
    # rows narrow what was known before
    assert math.log(one.high / one.low) < math.log(one.prior_high / one.prior_low)
    assert {m.kind for m in one.moved} == {"source", "GPU", "engine"}
    assert one.moved[0].rows <= one.rows
    assert explain_constants([HOPPER]) == (one,)


def test_a_key_alone_names_all_that_hold_for_it() -> None:
    found = explain_constants(["vllm 0.9"])
    assert {one.path.split(".")[1] for one in found} == {"engine", "sigma"}
    assert "inference.engine.vllm 0.9.step_s" in {one.path for one in found}


def test_what_is_not_fitted_says_so() -> None:
    (twin,) = explain_constants(["inference.architecture.mfu_16bit", "CDNA4"])
    (own,) = explain_constants(["inference.architecture.mfu_16bit", "CDNA3"])
    assert (twin.basis, twin.source, twin.value) == ("derived", "as CDNA3", own.value)
    (by_hand,) = explain_constants(["chunk_tokens", "sglang 0.5"])
    assert by_hand.basis == "set"
    assert by_hand.prior is None
    assert by_hand.moved == ()


@pytest.mark.parametrize("words", [["mfu_16bt"], ["mfu_16bit", "Hoper"]])
def test_misspelt_names_are_told_the_nearest(words: list[str]) -> None:
    with pytest.raises(UnknownName) as raised:
        explain_constants(words)
    assert {"mfu_16bt": "mfu_16bit", "Hoper": "Hopper"}[words[-1]] in str(raised.value)


def test_the_command_line_says_what_moved_a_constant() -> None:
    run = CliRunner().invoke(app, ["explain", "mfu_16bit", "Hopper"], env={"COLUMNS": "120"})
    assert run.exit_code == 0, run.output
    assert "kernel tables of aiconfigurator-core 0.12.0" in run.output
    assert "Moved most by" in run.output
    told = CliRunner().invoke(app, ["explain", HOPPER, "--json"])
    (one,) = json.loads(told.output)["constants"]
    assert one["path"] == HOPPER
    assert one["moved"]
    misspelt = CliRunner().invoke(app, ["explain", "mfu_16bt"])
    assert "did you mean mfu_16bit" in str(misspelt.exception)


def test_a_quantity_keeps_its_name_and_names_the_constants() -> None:
    told = json.loads(CliRunner().invoke(app, ["explain", "step_s", "--json"]).output)
    assert told["unit"] == "s"
    assert "inference.engine.step_s" in told["related"]
    run = CliRunner().invoke(app, ["explain", "inference.engine.step_s", "--json"])
    assert len(json.loads(run.output)["constants"]) > 10


def test_every_listed_constant_can_be_explained() -> None:
    names = [one.name for one in listed() if one.kind == "constant"]
    assert len(names) > 100
    assert all(explain_constants([name]) for name in names)
