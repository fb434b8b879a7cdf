"""The script for Slurm: sound bash, limits that hold the plan."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace

import guard_fixture as made
import pytest

from gpumix.guard.holding import Holding
from gpumix.guard.slurm import gres_types, slurm


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


def _limits(text: str) -> dict[str, dict[str, int]]:
    found = {}
    for name, tres in re.findall(r"modify account (\S+) set GrpTRES=(\S+)", text):
        found[name] = {k: int(v) for k, v in (one.split("=") for one in tres.split(","))}
    return found


def test_the_plans_account_holds_its_gpus_and_owners_their_peaks(held: Holding) -> None:
    written, left_out = slurm(held)
    assert written is not None
    limits = _limits(written.text)
    assert limits["gpumix-team"] == {
        "gres/gpu": 44, "gres/gpu:a100": 6, "gres/gpu:h100": 16, "gres/gpu:l40s": 14,
        "gres/gpu:mi300x": 8,
    }  # fmt: skip
    assert limits["team-nightly"] == {
        "gres/gpu": 18, "gres/gpu:h100": 12, "gres/gpu:mi300x": 6,
    }  # fmt: skip
    for one in limits.values():
        assert one["gres/gpu"] == sum(n for name, n in one.items() if ":" in name)
        assert all(n <= limits["gpumix-team"][name] for name, n in one.items())
    assert [one.what for one in left_out] == ["vectors"]


def test_a_class_preempts_those_below_it(held: Holding) -> None:
    written, _ = slurm(held)
    text = written.text if written else ""
    assert "qos gpumix-batch set Priority=10\n" in text
    assert "set Priority=1000 Preempt=gpumix-standard,gpumix-fine-tune,gpumix-batch\n" in text
    assert "Preempt=''" not in text


def test_hostile_names_run_nothing(held: Holding) -> None:
    written, _ = slurm(held)
    lines = [line for line in (written.text if written else "").splitlines() if line[:1] != "#"]
    assert not any(sign in line for line in lines for sign in ("$(id)", "`id`", "\u20ac ", "{{"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_reads_it(held: Holding) -> None:
    written, _ = slurm(held)
    text = written.text if written else ""
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_two_forms_of_a_family_keep_their_ids(held: Holding) -> None:
    pcie = replace(held.pools[1], line=replace(held.pools[1].line, gpu="h100-pcie-80gb"))
    assert gres_types((*held.pools, pcie))["h100-pcie-80gb"] == "h100-pcie-80gb"
    assert gres_types(held.pools)["h100-sxm-80gb"] == "h100"
