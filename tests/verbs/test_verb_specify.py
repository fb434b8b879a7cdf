"""GPUs, models, providers and countries side by side, each figure with its source."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.domain.specification import Specification
from gpumix.errors import InputError, UnknownName
from gpumix.verbs.explain import listed
from gpumix.verbs.specify import is_known, specify, things

TODAY = date(2026, 11, 24)
KINDS = ("GPU", "model", "provider", "country")
THREE = ["h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb"]


def values(found: Specification, attribute: str) -> list[float | str | None]:
    row = next(row for row in found.rows if row.attribute == attribute)
    return [cell.value for cell in row.cells]


def test_three_gpus_have_their_dense_peaks_side_by_side() -> None:
    found = specify(THREE, TODAY)
    assert (found.kind, list(found.names)) == ("GPU", THREE)
    assert values(found, "mem_gib") == [80.0, 80.0, 48.0]
    # the sparse figures are twice these; an A100 has no FP8
    assert values(found, "fp8_tflops") == [1978.9, None, 733.0]
    assert values(found, "bf16_tflops") == [989.4, 312.0, 362.05]
    catalog = load()
    for row in found.rows:
        for name, cell in zip(THREE, row.cells, strict=True):
            assert cell.source
            if row.attribute == "tdp_w":
                assert cell == type(cell)(catalog.gpus[name].tdp_w, catalog.gpus[name].source)


def test_names_of_one_thing_are_one_column_and_a_choice_is_said() -> None:
    found = specify(["h100", "h100-sxm-80gb"], TODAY)
    assert found.names == ("h100-sxm-80gb",)
    assert any("counts as h100-sxm-80gb" in note for note in found.notes)


@pytest.mark.parametrize(
    ("names", "kind", "attribute", "value"),
    [
        (["Qwen/Qwen3-32B"], "model", "layers", 64),
        (["aws", "gcp"], "provider", "tier", "hyperscaler"),
        (["Bangladesh"], "country", "currency", "BDT"),
        (["DE"], "country", "name", "Germany"),
    ],
)
def test_models_providers_and_countries(
    names: list[str], kind: str, attribute: str, value: float | str
) -> None:
    found = specify(names, TODAY)
    assert found.kind == kind
    assert values(found, attribute)[0] == value


def test_every_name_that_is_listed_can_be_explained() -> None:
    catalog = load()
    known = things(catalog)
    assert tuple(known) == KINDS
    for kind, names in known.items():
        assert specify(names[:1], TODAY).kind == kind
        assert specify(names[-1:], TODAY).names == (names[-1],)
    assert {one.kind for one in listed()} == {"quantity", "formula", "constant", *KINDS}


def test_kinds_are_not_mixed_and_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="h100 is a GPU, aws is a provider"):
        specify(["h100", "aws"], TODAY)
    with pytest.raises(UnknownName):
        specify(["h100", "no-such-thing"], TODAY)
    with pytest.raises(InputError, match="at most 8"):
        specify(THREE * 3, TODAY)
    assert is_known("l40s")
    assert not is_known("tpot_p95_s")


def test_the_command_line_shows_a_page_of_80_columns_or_json() -> None:
    shown = CliRunner().invoke(app, ["explain", *THREE], env={"COLUMNS": "80"})
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    assert max(map(len, lines)) <= 80
    row = next(line for line in lines if line.startswith("FP8 dense"))
    assert row.split()[-3:] == ["1,979", "-", "733"]
    assert "Peaks are dense" in shown.output
    answer = CliRunner().invoke(app, ["explain", *THREE, "--json"])
    found = json.loads(answer.output)
    assert found["names"] == THREE
    assert all(len(row["cells"]) == 3 for row in found["rows"])
    wrong = CliRunner().invoke(app, ["explain", "plan.json", "a", "b"])
    assert wrong.exit_code != 0
