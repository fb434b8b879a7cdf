"""Two jobs of a real Slurm, one of which fails, as `sacct` tells of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import slurm

from gpumix.telemetry.sources.sacct import COMMAND
from gpumix.telemetry.store import open_fleet
from gpumix.verbs.attribute import attribute_fleet
from gpumix.verbs.observe import observe_sources

pytestmark = pytest.mark.real
JOBS = {"good": (2, "sleep 3"), "bad": (4, "sleep 2; exit 1")}
MOST_S = 120.0


def _dump(cluster: slurm.Slurm) -> str:
    """What sacct says once both jobs have ended."""
    for _ in range(int(MOST_S)):
        text = cluster.run(*COMMAND.split())
        if "|COMPLETED|" in text and "|FAILED|" in text:
            return text
        time.sleep(1.0)
    raise RuntimeError(f"the jobs did not end: {text}")


def test_a_dump_of_a_real_slurm_is_read_and_given_to_its_account(tmp_path: Path) -> None:
    if (why := slurm.why_not()) is not None:
        pytest.skip(why)
    with slurm.cluster(tmp_path) as cluster:
        for name, (gpus, command) in JOBS.items():
            cluster.run("sbatch", "-A", "genomics", "-J", name, f"--gres=gpu:h100:{gpus}",
                        "-o", str(tmp_path / f"{name}.out"), "--wrap", command)  # fmt: skip
        text = _dump(cluster)
    (tmp_path / "sacct.txt").write_text(text)
    (tmp_path / "declare.yaml").write_text("sacct_timezone: UTC\n")
    out = tmp_path / "fleet"
    observe_sources([str(tmp_path / "sacct.txt")], out, tmp_path / "declare.yaml")
    jobs = {job["name"]: job for job in open_fleet(out).jobs.to_pylist()}
    told = {n: (j["account"], j["state"], j["gpus"], j["gpu_type"]) for n, j in jobs.items()}
    assert told == {
        "good": ("genomics", "COMPLETED", 2.0, "h100"),
        "bad": ("genomics", "FAILED", 4.0, "h100"),
    }
    assert all(job["end"] - job["start"] == job["elapsed_s"] for job in jobs.values())
    held = sum(job["gpus"] * job["elapsed_s"] for job in jobs.values()) / 3600
    found = attribute_fleet(out)
    used = sum(row.hours for row in found.rows if row.kind == "used")
    assert used == pytest.approx(held, abs=1e-6)
