"""`gpumix observe` and `gpumix attribute` on the command line."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fleet_fixture import SAMPLES, bill_text, fleet_of, sample
from gpumix.cli import app
from gpumix.errors import InputError
from gpumix.telemetry.shares import kept

BILL = str(SAMPLES / "bill_focus_1.2.csv.gz")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("fleet") / "f")
    done = CliRunner().invoke(app, ["observe", str(SAMPLES / "plain.csv.gz"), "--out", folder])
    assert done.exit_code == 0
    assert "5,700 samples" in done.stdout
    return folder


def _printed(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_json_has_the_keys_of_the_contract_and_is_kept_for_the_audit(fleet: str) -> None:
    told = json.loads(_printed("attribute", fleet, "--bill", BILL, "--json"))
    assert {"schema_version", "currency", "start", "end", "basis", "rows", "totals"} <= set(told)
    assert told["start"] == "2026-10-18T00:00:00Z"
    assert set(told["rows"][0]) == {
        "team",
        "workload",
        "model",
        "gpu",
        "node",
        "kind",
        "hours",
        "usd_micro",
        "tokens_in",
        "tokens_out",
        "joules",
    }
    totals = told["totals"]
    outside = sum(one["usd_micro"] for one in totals["outside"])
    assert totals["attributed_usd_micro"] + outside == totals["bill_usd_micro"] == 809_345_650
    shares = kept(Path(fleet))
    assert sum(shares.attributed.hours["usd_micro"].to_pylist()) == totals["attributed_usd_micro"]
    assert shares.bill is not None
    assert shares.bill.effective_micro == totals["bill_usd_micro"]


def test_focus_rows_add_up_to_the_bill_and_hold_no_formula(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(m, team="=HYPERLINK(1)") for m in range(60)])
    (tmp_path / "b.csv").write_text(bill_text([{"ResourceId": "k1"}]), encoding="utf-8")
    bill = str(tmp_path / "b.csv")
    text = _printed("attribute", str(fleet.folder), "--bill", bill, "--format", "focus")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["EffectiveCost"]) for row in rows) == Decimal(1)
    assert {row["x_team"] for row in rows} == {"'=HYPERLINK(1)"}


def test_the_first_screen_says_what_was_used_and_that_it_closes(fleet: str) -> None:
    text = _printed("attribute", fleet, "--bill", BILL)
    assert "used 20.3%" in text
    assert "USD 726.02 given + USD 83.33 outside = USD 809.35" in " ".join(text.split())


def test_folding_keeps_kinds_and_refuses_other_keys(fleet: str) -> None:
    told = json.loads(_printed("attribute", fleet, "--bill", BILL, "--by", "team,class", "--json"))
    assert {row["node"] for row in told["rows"]} == {None}
    assert len(told["rows"]) == 5
    done = CliRunner().invoke(app, ["attribute", fleet, "--by", "colour"])
    assert isinstance(done.exception, InputError)


def test_what_was_never_attributed_says_what_to_do(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(0)])
    with pytest.raises(InputError, match="gpumix attribute"):
        kept(fleet.folder)
