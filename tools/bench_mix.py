"""How good and how fast `mix.solve` is -> docs/bench-mix.md. Run by `make bench-mix` (minutes).

Exactness: the published cases, and random small problems with each feature against trying every
plan. Size: M and L (tests/mix/mix_sizes.py) and the mix problems of the packaged examples at 6 and
24 blocks a week, each solved in a process of its own, so that memory is the row's own. No clock
ends a search: costs and gaps are the same on any machine, seconds are not.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "mix")]

from mix_problems import (  # noqa: E402
    brute_force,
    brute_force_groups,
    random_groups,
    random_problem,
    random_terms,
)
from mix_sizes import large, middle  # noqa: E402
from test_mix_cases import melange_problem  # noqa: E402

from gpumix import mix  # noqa: E402

PAGE = ROOT / "docs" / "bench-mix.md"
SHARED = ROOT.parent / "shared" / "cases"
EXAMPLES = ("inference-first", "frontier", "dhaka-bank")
WANTED = 300
"""Random problems that have each feature."""

FEATURES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "survives a loss": lambda p: any(w.get("n_plus_one") for w in p["workloads"]),
    "spot share": lambda p: any("max_spot_share" in w for w in p["workloads"]),
    "request classes": lambda p: any(isinstance(w.get("demand"), dict) for w in p["workloads"]),
    "batch in a window": lambda p: any("window" in w for w in p["workloads"]),
    "cost of delay": lambda p: any(w.get("delay_cost") for w in p["workloads"]),
    "gangs": lambda p: any(c["gpus"] > 1 for c in p["configs"]),
    "most replicas": lambda p: any("max_replicas" in c for c in p["configs"]),
    "least instances": lambda p: any(r.get("min_instances") for r in p["resources"]),
    "budget": lambda p: "capex_budget" in p,
    "power": lambda p: "site_kw" in p,
}


def published() -> list[str]:
    """A row for each family of published cases: how many are answered exactly."""
    rows = []
    cases = [json.loads(p.read_text()) for p in sorted((SHARED / "mix").glob("*.json"))]
    right = 0
    for case in cases:
        wanted = case["optimum"]["cost"]
        right += _same(mix.solve(mix.read_problem(_bare(case))).cost, wanted)
    rows.append(f"| published mix problems | {right} of {len(cases)} |")
    cases = [json.loads(p.read_text()) for p in sorted((SHARED / "melange").glob("*.json"))]
    right = sum(
        _same(mix.solve(melange_problem(c)).cost, c["reference_exact"]["cost"]) for c in cases
    )
    rows.append(f"| Mélange instances | {right} of {len(cases)} |")
    return rows


def _bare(case: dict[str, Any]) -> dict[str, Any]:
    """The problem without its answers."""
    answers = ("tests", "optimum", "forced_single_gpu_type_cost")
    return {key: value for key, value in case.items() if key not in answers}


def _same(cost: float | None, wanted: float | None) -> bool:
    if cost is None or wanted is None:
        return cost is wanted
    return abs(cost - wanted) <= 1e-6 * abs(wanted) + 1e-9


def random_small() -> list[str]:
    """A row a feature: of the random problems that have it, how many are answered exactly."""
    seen, right = Counter[str](), Counter[str]()
    seed = 0
    while min(seen[name] for name in FEATURES) < WANTED:
        data = random_problem(seed)
        mine = [name for name, has in FEATURES.items() if has(data) and seen[name] < WANTED]
        seed += 1
        if not mine:
            continue
        same = _same(mix.solve(mix.read_problem(data)).cost, brute_force(data))
        seen.update(mine)
        right.update(mine if same else [])
    rows = [f"| random, {name} | {right[name]} of {seen[name]} |" for name in FEATURES]
    return [
        *rows,
        _random_of("terms of some blocks", random_terms, brute_force),
        _random_of("fixed charges and most groups", random_groups, brute_force_groups),
    ]


def _random_of(
    name: str,
    make: Callable[[int], dict[str, Any]],
    best: Callable[[dict[str, Any]], float | None],
) -> str:
    """The row of a feature that problems of one kind all have."""
    right = sum(
        _same(mix.solve(mix.read_problem(data)).cost, best(data))
        for data in map(make, range(WANTED))
    )
    return f"| random, {name} | {right} of {WANTED} |"


def problem_of(name: str) -> mix.Problem:
    """The problem of a row: M, L, or an example and its blocks a week, as "frontier/24"."""
    if name in ("M", "L"):
        return {"M": middle, "L": large}[name]()
    from gpumix.options import sustained
    from gpumix.plan import plan as planner
    from gpumix.plan.api_supply import with_apis
    from gpumix.plan.cycle import cycle_of
    from gpumix.plan.formulate import formulate, weight_of
    from gpumix.verbs.plan import open_inventory

    example, blocks = name.split("/")
    opened = open_inventory(ROOT / "examples" / f"{example}.yaml")
    inventory, catalog = opened.inventory, opened.catalog
    supplies = planner.supply(inventory, catalog)
    rated = sustained.simulated(inventory, planner.options(inventory, catalog, supplies))
    choice = planner.chosen_from(inventory, catalog, supplies, rated.options)
    weights = [weight_of(w, choice.options[w.id], choice.supplies) for w in inventory.workloads]
    cycle = cycle_of(inventory, weights, int(blocks))
    choice, _ = with_apis(choice, cycle, catalog.api_prices)
    return formulate(choice, cycle).problem


def solve_one(name: str, effort: str) -> None:
    """Print the row of one problem."""
    problem = problem_of(name)
    wall, cpu = time.perf_counter(), time.process_time()
    solution = mix.solve(problem, effort=mix.EFFORTS[effort], gap=0.005)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    broken = ", ".join(mix.check(problem, solution)) or "none"
    numbers = len(problem.blocks) * (len(problem.configs) + len(problem.resources))
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if solution.cost is None or solution.bound is None:
        print(f"| {name} | {effort} | {numbers:,} | {solution.status} |")
        return
    above = solution.cost / solution.bound - 1.0
    print(
        f"| {name} | {effort} | {numbers:,} | {solution.bound:,.0f} | {solution.cost:,.0f} "
        f"| {above:.2%} | {wall:.1f} | {cpu:.1f} | {mb:,.0f} | {broken} |"
    )


def sizes() -> list[str]:
    """The rows of the larger problems, each from a process of its own."""
    names = [(name, effort) for name in ("M", "L") for effort in ("quick", "normal")]
    names += [(f"{e}/{blocks}", "normal") for e in EXAMPLES for blocks in (6, 24)]
    rows = []
    for name, effort in names:
        command = [sys.executable, __file__, name, effort]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stdout.strip() or f"| {name} | {effort} | {done.stderr.strip()[-100:]} |"
        print(said, flush=True)
        rows.append(said)
    return rows


def main() -> None:
    """Write the page."""
    load = os.getloadavg()[0]
    table = sizes()
    exact = [*published(), *random_small()]
    lines = [
        "# The mix search, measured",
        "",
        f"`make bench-mix`, {date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.python_implementation()} {platform.python_version()}, load {load:.1f} at the "
        "start. Costs, bounds and gaps are the same on any machine; seconds are of this one, and "
        "wall seconds of what else ran on it.",
        "",
        "| problem | effort | whole numbers | bound, USD | plan, USD | above the bound | wall s "
        "| CPU s | MB | limits broken |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *table,
        "",
        "M and L are synthetic (`tests/mix/mix_sizes.py`). An example is followed by its blocks a "
        "week; finer blocks demand less, so the costs of two rows are of two problems.",
        "",
        "| against the known optimum | exact |",
        "|---|---|",
        *exact,
        "",
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        solve_one(sys.argv[1], sys.argv[2])
    else:
        main()
