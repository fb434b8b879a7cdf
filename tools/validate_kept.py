"""Runs every promise that a plan calls kept again, on other traffic.

    make validate-kept  ->  docs/kept.md

The examples and ten inventories of our own are planned, and what each plan runs is simulated again
at the workload's own confidence with two other seeds and 50,000 requests: what `gpumix simulate
--plan` does. Plans stay in `.cache/kept`; remove that folder to plan anew.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.domain.proof import KEPT, PlanSimulation, SimulatedPromise
from gpumix.errors import GpumixError
from gpumix.report.export import read_plan
from gpumix.simulate.planned import PlanQuestion
from gpumix.verbs.simulate import simulate_plan
from inventories import MORE_TEAMS, ROOT, TEAMS, inventories, planned

PAGE = ROOT / "docs" / "kept.md"
CACHE = ROOT / ".cache" / "kept"
SEEDS = (101, 202)
REQUESTS = 50_000


@dataclass(frozen=True, slots=True)
class Row:
    """A promise that a plan calls kept: what it was planned at [s] (None: not simulated there), and
    the runs again."""

    plan: str
    workload: str
    name: str
    limit_s: float
    planned_s: float | None
    again: tuple[SimulatedPromise, ...]

    @property
    def is_confirmed(self) -> bool:
        """Whether every run keeps it."""
        return all(promise.verdict == KEPT for promise in self.again)


def main() -> int:
    """Run; exit code 1 where a promise that is called kept is not."""
    CACHE.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    files = inventories(CACHE, TEAMS | MORE_TEAMS)
    for file in files:
        path = CACHE / f"{file.stem}-plan" / "plan.json"
        if not path.exists():
            planned(file, CACHE)
        rows += rows_of(path)
        PAGE.write_text(page(rows, len(files)), encoding="utf-8")
    return int(not all(row.is_confirmed for row in rows))


def rows_of(path: Path) -> list[Row]:
    """The promises of a plan."""
    plan = read_plan(path)
    found = [row for workload in plan.workloads for row in _of_workload(plan, workload, path)]
    for row in found:
        print(row.plan, row.workload, row.name, row.is_confirmed, flush=True)
    return found


def _of_workload(plan: Plan, workload: WorkloadPlan, path: Path) -> list[Row]:
    """Its promises that are called kept; of work that may wait, its days' volumes."""
    if not any(hours.running for hours in workload.planned_hours):
        return []  # a training job, or all of it goes to APIs
    found = [
        simulate_plan(PlanQuestion(workload.id, seed=seed, requests=REQUESTS), path)
        for seed in SEEDS
    ]
    kept = {check.name for check in workload.slo if check.kept}
    seconds = {s.name: s.worst_s for s in workload.replay.slo} if workload.replay else {}
    return [
        Row(plan.name, workload.id, p.name, p.limit_s, seconds.get(p.name), _at(found, i))
        for i, p in enumerate(found[0].slo)
        if p.name in kept or not workload.slo
    ]


def _at(found: list[PlanSimulation], index: int) -> tuple[SimulatedPromise, ...]:
    """In each run the promise in the hour that breaks it, else in the worst one."""
    return tuple(
        max(
            (hour.slo[index] for hour in one.simulated_hours),
            key=lambda p: (p.verdict != KEPT, p.simulated_s or math.inf),
        )
        for one in found
    )


def page(rows: list[Row], planned_in_all: int) -> str:
    """The table of those that have been run, of so many inventories."""
    confirmed = sum(row.is_confirmed for row in rows)
    plans = len({row.plan for row in rows})
    runs = " | ".join(f"seed {seed}" for seed in SEEDS)
    lines = [
        "# Kept means kept",
        "",
        f"{date.today():%Y-%m-%d}, `make validate-kept`: of {plans} of {planned_in_all} plans (the"
        " examples and inventories of our own; a stopped run leaves some out) every promise that is"
        " called kept, in its worst hour, run again"
        f" on the plan's replicas at the workload's own confidence with two other seeds and"
        f" {REQUESTS:,} requests of each kind of replica, twice as many while in doubt:"
        " what `gpumix simulate --plan` does."
        f" {confirmed} of {len(rows)} are confirmed: kept in every run, by the rule of"
        " [serving.md](serving.md). `finish_within` is each day's volume of work that may wait,"
        " which plans do not simulate.",
        "",
        f"| plan | workload | promise | limit | planned | {runs} | confirmed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.plan} | {r.workload} | {r.name} | {_words(r.limit_s)} | {_words(r.planned_s)} | "
        + " | ".join(_words(p.simulated_s, p.standard_error_s) for p in r.again)
        + f" | {'yes' if r.is_confirmed else 'no: ' + ', '.join(p.verdict for p in r.again)} |"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def _words(seconds: float | None, error_s: float | None = None) -> str:
    """`812 ± 9 ms`, `7.1 h`."""
    if seconds is None:
        return "-"
    if seconds >= 3600.0:
        return f"{seconds / 3600.0:.1f} h"
    size, unit = (1e3, "ms") if seconds < 100.0 else (1.0, "s")
    return f"{size * seconds:,.1f}" + (f" ± {size * error_s:.1f}" if error_s else "") + f" {unit}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except GpumixError as error:
        sys.exit(str(error))
