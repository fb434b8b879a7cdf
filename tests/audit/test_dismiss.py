"""Findings left as they are, with a reason, in dismissed.yaml of the fleet's folder."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from planted import plant_fleet
from typer.testing import CliRunner

from gpumix.cli import app
from gpumix.domain.fleet import DISMISSED_FILE
from gpumix.errors import InputError
from gpumix.inventory.dismissals import read_dismissals
from gpumix.report.audit import audit_html, audit_markdown
from gpumix.report.views import audit as view
from gpumix.verbs.audit import Audit, audit_fleet

TODAY = date(2026, 12, 1)
LATER = date(2027, 1, 31)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    plant_fleet.write(folder, seed=2, days=2, step_s=300)
    (folder / "expected.json").unlink()
    return folder


@pytest.fixture(scope="module")
def before(raw: Path) -> Audit:
    return audit_fleet(raw, today=TODAY)


@pytest.fixture
def folder(raw: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(raw, tmp_path / "fleet"))


def dismissed(folder: Path, found: Audit, number: int = 0, **other: object) -> None:
    finding = found.answer.findings[number]
    lines = view.dismissal_lines(found.answer, finding, "Rahima", "a: launch", LATER, TODAY)
    tree = yaml.safe_load("dismissed:\n" + lines)
    tree["dismissed"][0] |= other
    (folder / DISMISSED_FILE).write_text(yaml.safe_dump(tree), encoding="utf-8")


def test_every_finding_has_an_id_of_its_own_that_another_window_keeps(
    before: Audit, tmp_path: Path
) -> None:
    ids = [f.id for f in before.answer.findings]
    assert len(set(ids)) == len(ids)
    plant_fleet.write(tmp_path / "longer", seed=2, days=3, step_s=300)
    (tmp_path / "longer" / "expected.json").unlink()
    longer = audit_fleet(tmp_path / "longer").answer
    scopes = {(f.class_, f.scope.node, f.scope.workload): f.id for f in longer.findings}
    for f in before.answer.findings:
        assert scopes.get((f.class_, f.scope.node, f.scope.workload), f.id) == f.id
    assert len(set(ids) & {f.id for f in longer.findings}) > len(ids) / 2


def test_a_dismissed_finding_stands_apart_and_in_no_sum(folder: Path, before: Audit) -> None:
    dismissed(folder, before)
    found = audit_fleet(folder, today=LATER)
    first, *rest = before.answer.findings
    assert list(found.answer.findings) == rest
    assert [one.finding for one in found.answer.dismissed] == [first]
    less = view.wasted(before.answer) - view.wasted(found.answer)
    assert less == pytest.approx(first.usd_after_discounts)
    for text in (
        audit_html(found.answer, found.attribution),
        audit_markdown(found.answer, found.attribution),
    ):
        assert "a: launch" in text
        assert "Rahima" in text
        assert "Dismissed, in no sum above: 1 finding" in text


def test_it_comes_back_when_its_day_has_passed(folder: Path, before: Audit) -> None:
    dismissed(folder, before)
    found = audit_fleet(folder, today=date(2027, 2, 1)).answer
    assert found.findings == before.answer.findings
    assert found.dismissed == ()
    note = next(n for n in found.notes if n.code == "dismissal_over")
    assert "2027-01-31" in note.detail
    assert "a: launch" in note.detail


def test_it_comes_back_when_it_has_grown_by_more_than_was_stated(
    folder: Path, before: Audit
) -> None:
    now = before.answer.per_month(before.answer.findings[0])
    dismissed(folder, before, per_month=now / 1.3, grows=0.25)
    assert audit_fleet(folder, today=TODAY).answer.dismissed == ()
    dismissed(folder, before, per_month=now / 1.2, grows=0.25)
    assert len(audit_fleet(folder, today=TODAY).answer.dismissed) == 1


def test_what_is_found_no_more_is_told(folder: Path, before: Audit) -> None:
    dismissed(folder, before, finding="unallocated-00000000")
    found = audit_fleet(folder, today=TODAY).answer
    assert found.findings == before.answer.findings
    assert [n.code for n in found.notes if "00000000" in n.detail] == ["dismissal_unused"]


def test_the_command_line_says_it(folder: Path, before: Audit) -> None:
    dismissed(folder, before, until="2999-01-01")
    told = json.loads(CliRunner().invoke(app, ["audit", str(folder), "--json"]).stdout)
    assert told["dismissed"][0]["dismissal"]["until"] == "2999-01-01"
    assert told["dismissed"][0]["finding"]["class"] == before.answer.findings[0].class_
    shown = CliRunner().invoke(app, ["audit", str(folder)]).stdout
    assert "Dismissed, in no sum above" in shown


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / DISMISSED_FILE
    path.write_text(
        "dismissed:\n"
        "  - {finding: a-1, who: x, reason: '', when: yesterday, until: 2027-01-01, grow: 1}\n"
        "  - {finding: a-1, who: x, reason: y, when: 2026-01-01, until: 2027-01-01,"
        " per_month: -1, grows: .nan}\n"
        "  - later\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as told:
        read_dismissals(path)
    words = "\n".join(map(str, told.value.problems))
    for part in ("reason", "when", "grow", "per_month", "twice", "dismissed.2"):
        assert part in words
    assert len(told.value.problems) >= 8
    path.write_text("- a\n", encoding="utf-8")
    with pytest.raises(InputError, match="dismissed"):
        read_dismissals(path)


def test_the_lines_are_read_back_whatever_is_typed(folder: Path, before: Audit) -> None:
    finding, words = before.answer.findings[1], 'a "quoted": #word\\ - {x}'
    lines = view.dismissal_lines(before.answer, finding, words, words, LATER, TODAY)
    (folder / DISMISSED_FILE).write_text("dismissed:\n" + lines, encoding="utf-8")
    (one,) = read_dismissals(folder / DISMISSED_FILE)
    assert (one.who, one.reason, one.finding) == (words, words, finding.id)
