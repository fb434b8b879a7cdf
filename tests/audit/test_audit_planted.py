"""A planted fleet: every planted amount comes out to the micro-dollar, and nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from planted import Planted, audited, plant_fleet

from gpumix.domain.fleet import Finding
from gpumix.errors import InputError
from gpumix.telemetry.bill import read_bills

EXACT = ("unallocated", "allocated_idle", "failed_jobs", "low_batch")


@pytest.fixture(scope="module", params=[(0, 3, 60), (7, 3, 60)], ids=["seed 0", "seed 7"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    seed, days, step = request.param
    plant_fleet.write(folder, seed=seed, days=days, step_s=step, line_hours=24 if seed else 1)
    return audited(folder)


def _name(finding: Finding) -> str:
    scope = finding.scope
    return " ".join(word for word in (scope.team, scope.workload, scope.node) if word)


def test_every_planted_stake_is_found_exactly_and_no_other(planted: Planted) -> None:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for finding in planted.answer.findings:
        if finding.class_ in EXACT:
            found[finding.class_][_name(finding)] = finding.at_stake_usd_micro
    wanted = {name: planted.expected["usd_micro_by_class"].get(name, {}) for name in EXACT}
    assert {name: found[name] for name in EXACT} == wanted


def test_savings_of_the_bills_own_lines_are_exact(planted: Planted) -> None:
    by_class = planted.expected["usd_micro_by_class"]
    saved = defaultdict(int)
    for finding in planted.answer.findings:
        saved[finding.class_] += round(finding.usd_after_discounts * 1e6)
    assert saved["wrong_commitment"] == sum(by_class["wrong_commitment"].values())
    assert saved["reservation_unused"] == sum(by_class["reservation_unused"].values())
    assert set(saved) == set(by_class)


def test_kinds_and_the_bill_tie(planted: Planted) -> None:
    hours = planted.attributed.hours.to_pydict()
    kinds: dict[str, int] = defaultdict(int)
    for kind, micro in zip(hours["kind"], hours["usd_micro"], strict=True):
        kinds[kind] += micro
    assert kinds == planted.expected["usd_micro_by_kind"]
    outside = sum(one.usd_micro for one in planted.attributed.outside)
    assert sum(kinds.values()) + outside == planted.attributed.bill_micro


def test_savings_stay_below_the_bill_and_within_their_interval(planted: Planted) -> None:
    findings = planted.answer.findings
    assert sum(f.usd_after_discounts for f in findings) <= planted.attributed.bill_micro / 1e6
    for f in findings:
        assert 0.0 <= f.low <= f.usd_after_discounts <= f.high <= f.at_stake_usd_micro / 1e6 + 1e-6
        assert f.because
        assert f.how_to_check


def test_the_busy_mig_gpu_the_standby_and_the_gap_are_no_finding(planted: Planted) -> None:
    about = {(f.scope.team, f.scope.workload) for f in planted.answer.findings}
    assert not about & {("support", "guard"), ("vision", "ocr"), ("support", "failover")}
    gaps = [n for n in planted.answer.notes if n.code == "gap"]
    assert any(n.node == "k1-h100-a" for n in gaps)


def test_failed_jobs_of_a_node_without_telemetry_are_found_by_its_slots(tmp_path: Path) -> None:
    plant_fleet.write(tmp_path, seed=3, days=2, step_s=60)
    found = audited(tmp_path, with_samples_of=("k1-h100-a",))
    stakes = {_name(f): f.at_stake_usd_micro for f in found.answer.findings
              if f.class_ == "failed_jobs"}  # fmt: skip
    wanted = found.expected["usd_micro_by_class"]["failed_jobs"]
    assert stakes.keys() == wanted.keys()
    for name, micro in wanted.items():
        assert stakes[name] == pytest.approx(micro, abs=1_000)


def test_checkpoints_keep_all_but_the_last_part_of_a_failed_job(tmp_path: Path) -> None:
    plant_fleet.write(tmp_path, seed=3, days=2, step_s=60)
    path = tmp_path / "declare.json"
    declared = json.loads(path.read_text()) | {"checkpoint_every_s": {"train-1": 3600}}
    path.write_text(json.dumps(declared))
    found = audited(tmp_path)
    jobs = [line.split("|") for line in (tmp_path / "sacct.txt").read_text().splitlines()[1:]]
    failed = [job for job in jobs if job[7] in ("FAILED", "NODE_FAIL", "OUT_OF_MEMORY")]
    lost_gpu_s = sum(
        int(job[12]) % 3600 * int(job[13].split("gres/gpu=")[1].split(",")[0])
        for job in failed
        if job[2] == "train-1"
    )
    stakes = [f.at_stake_usd_micro for f in found.answer.findings if f.class_ == "checkpoint_loss"]
    assert lost_gpu_s > 0
    assert sum(stakes) == pytest.approx(lost_gpu_s / 3600 * 14.4 / 8 * 1e6, rel=1e-4)


def test_a_bill_in_two_currencies_is_refused(tmp_path: Path) -> None:
    plant_fleet.write(tmp_path, seed=0, days=2, step_s=3600, currencies=("USD", "EUR"))
    with pytest.raises(InputError, match=r"EUR.*USD"):
        read_bills([tmp_path / "bill.csv"])
