"""`gpumix audit` on folders: what it needs, what it prints, what it writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from planted import ROOT, plant_fleet
from typer.testing import CliRunner

from fleet_fixture import bill_text, fleet_of, sample
from gpumix.cli import app
from gpumix.errors import InputError
from gpumix.report.audit import audit_html, audit_markdown
from gpumix.report.views import audit as view
from gpumix.verbs.attribute import attribute_fleet
from gpumix.verbs.audit import Audit, audit_fleet
from gpumix.verbs.observe import observe_sources

HOSTILE = "=HYPERLINK(1)<script>alert(1)</script>"
SOURCES = ("samples.parquet", "sacct.txt")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of source files of two days."""
    folder = tmp_path_factory.mktemp("raw")
    plant_fleet.write(folder, seed=2, days=2, step_s=300)
    (folder / "expected.json").unlink()
    return folder


@pytest.fixture(scope="module")
def kept(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, observed."""
    folder = tmp_path_factory.mktemp("kept") / "fleet"
    observe_sources([str(raw / name) for name in SOURCES], folder, raw / "declare.json")
    return folder


@pytest.fixture(scope="module")
def found(raw: Path) -> Audit:
    return audit_fleet(raw)


def test_a_folder_of_files_gives_what_a_kept_fleet_gives(
    raw: Path, kept: Path, found: Audit
) -> None:
    now = audit_fleet(kept, [raw / "bill.csv"], raw / "prices.csv")
    assert now.answer.findings == found.answer.findings
    assert audit_fleet(kept).answer == now.answer


def test_an_attributed_fleet_takes_prices_and_keeps_its_bill(raw: Path, kept: Path) -> None:
    attribute_fleet(kept, [raw / "bill.csv"])
    without = audit_fleet(kept).answer
    assert "wrong_commitment: needs a price book (--prices)" in without.not_looked_for
    with_prices = audit_fleet(kept, prices=raw / "prices.csv").answer
    assert "wrong_commitment" in {f.class_ for f in with_prices.findings}
    assert with_prices.bill_usd_micro == without.bill_usd_micro > 0


def test_without_a_bill_the_command_to_run_is_named(raw: Path, tmp_path: Path) -> None:
    observe_sources([str(raw / "samples.parquet")], tmp_path / "fleet")
    with pytest.raises(InputError, match="gpumix attribute"):
        audit_fleet(tmp_path / "fleet")
    shutil.copy(raw / "samples.parquet", tmp_path)
    with pytest.raises(InputError, match="--bill"):
        audit_fleet(tmp_path)


def test_unknown_classes_are_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unalocated"):
        audit_fleet(tmp_path / "nowhere", off="unalocated")


def test_json_has_the_keys_of_the_contract(raw: Path) -> None:
    done = CliRunner().invoke(app, ["audit", str(raw), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["schema_version"] == 1
    assert {"currency", "start", "end", "findings", "notes"} <= told.keys()
    for finding in told["findings"]:
        assert {"class", "scope", "start", "end", "at_stake_usd_micro", "usd_before",
                "usd_after_discounts", "low", "high", "evidence", "action", "because",
                "confidence"} <= finding.keys()  # fmt: skip
        assert {"team", "workload", "model", "gpu", "node"} <= finding["scope"].keys()
        assert isinstance(finding["at_stake_usd_micro"], int)
        assert finding["scope"].get("devices") != []
        assert all({"source", "query", "series", "values"} == e.keys() for e in finding["evidence"])


def test_the_first_screen_says_what_where_and_what_first(raw: Path) -> None:
    done = CliRunner().invoke(app, ["audit", str(raw), "--off", "egress"])
    assert done.exit_code == 0
    first = done.stdout[:3000]
    assert "is wasted" in first
    assert "hpc-1" in first
    assert "Do first" in first


def test_pages_hold_the_bill_and_every_finding(found: Audit) -> None:
    page = audit_html(found.answer, found.attribution)
    text = audit_markdown(found.answer, found.attribution)
    bill = f"{found.attribution.totals.bill_usd_micro / 1e6:,.2f}"
    for shown in (page, text):
        assert bill in shown
        assert shown.count("give back, or hand out") >= 3
    assert "://" not in page.replace("http://www.w3.org", "")


def test_the_page_draws_what_the_gpus_of_a_finding_did_by_the_hour(found: Audit) -> None:
    page = audit_html(found.answer, found.attribution, found.hours)
    plain = audit_html(found.answer, found.attribution)
    assert page.count("<svg") == plain.count("<svg") + len(found.hours) > 3
    assert "://" not in page.replace("http://www.w3.org", "")
    for one in found.hours:
        finding = found.answer.findings[one.finding]
        inside = [
            engine
            for hour, engine in zip(one.hours, one.engine_active, strict=True)
            if finding.start <= hour < finding.end
        ]
        assert inside
        if finding.class_ == "allocated_idle" and finding.scope.workload == "notebook":
            assert max(inside) < 0.05
        assert one.hours == tuple(sorted(set(one.hours)))
    assert any(any(one.requests_running) for one in found.hours)


def test_showback_adds_up_to_the_bill(found: Audit) -> None:
    table = view.showback_table(found.attribution)
    costs = [float(row[-1].text.replace(",", "")) for row in table.rows]
    assert sum(costs[:-1]) == pytest.approx(costs[-1], abs=0.05)


def test_a_machine_that_the_cluster_alone_names_is_joined_to_its_bill(tmp_path: Path) -> None:
    hours = range(24)
    rows = [sample(60 * h + m, team="a") for h in hours for m in range(0, 60, 5)]
    node = {"node": "k1", "gpus": 1, "resource_id": "i-77"}
    fleet = fleet_of(tmp_path / "fleet", rows, [node])
    day = {"ChargePeriodEnd": "2026-10-19T00:00:00Z", "EffectiveCost": "48"}
    line = day | {"ResourceId": "arn:aws:ec2:us-east-1:1:instance/I-77"}
    (tmp_path / "bill.csv").write_text(bill_text([line]), encoding="utf-8")
    book = tmp_path / "prices.csv"
    book.write_text("gpu,purchase,usd_per_gpu_hour\nh100-sxm-80gb,commit_1y,1.5\n")
    for bills in ([tmp_path / "bill.csv"], []):  # given, then kept
        found = audit_fleet(fleet.folder, bills, book).answer.findings
        assert [(f.class_, f.usd_after_discounts) for f in found] == [
            ("wrong_commitment", pytest.approx(24 * 0.5))
        ]


def test_hostile_names_are_text(raw: Path, tmp_path: Path) -> None:
    for name in ("bill.csv", "prices.csv"):
        shutil.copy(raw / name, tmp_path)
    import pyarrow.parquet as pq  # only this test changes a table

    table = pq.read_table(raw / "samples.parquet")
    teams = [HOSTILE if t == "research" else t for t in table.column("team").to_pylist()]
    at = table.column_names.index("team")
    pq.write_table(table.set_column(at, "team", [teams]), tmp_path / "samples.parquet")
    (tmp_path / "declare.json").write_text('{"schema_version": 1}')
    told = audit_fleet(tmp_path)
    assert HOSTILE in {f.scope.team for f in told.answer.findings}
    page = audit_html(told.answer, told.attribution)
    assert "<script>alert" not in page
    assert "<script>" not in audit_markdown(told.answer, told.attribution)


def test_the_example_is_small_and_says_what_is_wasted() -> None:
    folder = ROOT / "examples" / "fleet"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    told = audit_fleet(folder).answer
    assert {f.class_ for f in told.findings} == {
        "unallocated", "allocated_idle", "reservation_unused", "failed_jobs", "low_batch",
        "wrong_commitment",
    }  # fmt: skip
    assert view.steps(told)[0].startswith("give back")
