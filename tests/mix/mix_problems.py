"""Random small mix problems, and their optimum by trying every plan."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
from scipy.optimize import linprog

TOLERANCE = 1e-9


def random_problem(seed: int, blocks: int = 0) -> dict[str, Any]:
    """A problem small enough for brute force, with every kind of limit now and then.

    Of so many blocks; 0 = one or two.
    """
    rnd = random.Random(seed)
    n_blocks = rnd.choice([1, 2, 2])
    n_blocks = blocks or n_blocks
    resources = []
    for i in range(rnd.choice([1, 2, 2])):
        committed = rnd.random() < 0.5
        resource: dict[str, Any] = {
            "id": f"r{i}",
            "gpu": rnd.choice(["X", "Y"]),
            "kind": "committed" if committed else "hourly",
            "gpus_per_instance": rnd.choice([1, 2, 2, 4]),
            "max_instances": rnd.choice([1, 2, 3]),
            "hourly_cost": round(rnd.uniform(0.5, 3.0), 2),
        }
        if committed:
            resource["fixed_cost"] = round(rnd.uniform(0.0, 100.0), 1)
            resource["capex"] = rnd.choice([0, 5, 7])
            resource["kw"] = rnd.choice([0, 3, 4])
            resource["site"] = rnd.choice(["a", "b"])
        if rnd.random() < 0.25:
            resource["min_instances"] = 1
        if rnd.random() < 0.4:
            resource["spot"] = True
        resources.append(resource)
    workloads = []
    for i in range(rnd.choice([1, 2])):
        kind = rnd.choice(["plain", "plain", "classes", "batch"])
        workload: dict[str, Any] = {"id": f"w{i}"}
        if kind == "batch":
            workload |= {"kind": "batch", "work": round(rnd.uniform(1.0, 8.0), 1)}
            if rnd.random() < 0.5:
                workload["window"] = sorted(rnd.sample(range(n_blocks), rnd.randint(1, n_blocks)))
            if rnd.random() < 0.6:
                workload["delay_cost"] = round(rnd.uniform(0.1, 5.0), 1)
        else:
            series = [
                [round(rnd.choice([0, 1, 1]) * rnd.uniform(0.0, 2.5), 1) for _ in range(n_blocks)]
                for _ in "ab"
            ]
            plain = kind == "plain"
            demand = series[0] if plain else {"s": series[0], "l": series[1]}
            workload |= {"kind": "inference", "demand": demand}
            if plain and rnd.random() < 0.4:
                workload["n_plus_one"] = True
            if rnd.random() < 0.3:
                workload["max_spot_share"] = rnd.choice([0.0, 0.3, 0.5])
        workloads.append(workload)
    configs = []
    for workload, resource in itertools.product(workloads, resources):
        for _ in range(rnd.choice([1, 2]) if len(resources) == 1 else rnd.choice([0, 1, 1, 1, 1])):
            config: dict[str, Any] = {
                "workload": workload["id"],
                "resource": resource["id"],
                "gpus": rnd.choice([1, 1, 1, 2, 4]),
            }
            rate = round(rnd.uniform(0.6, 2.5), 2)
            classed = isinstance(workload.get("demand"), dict)
            config["rate"] = {"s": rate, "l": rate / 2} if classed else rate
            if classed and rnd.random() < 0.2:
                del config["rate"]["l"]
            if rnd.random() < 0.5:
                config["var_cost"] = round(rnd.uniform(0.0, 1.0), 2)
            if rnd.random() < 0.2:
                config["max_replicas"] = rnd.choice([1, 2])
            configs.append(config)
    problem: dict[str, Any] = {
        "name": f"random {seed}",
        "units": "units",
        "repeat": rnd.choice([1, 10]),
        "blocks": [{"id": f"b{p}", "hours": rnd.choice([1, 2, 3])} for p in range(n_blocks)],
        "resources": resources,
        "workloads": workloads,
        "configs": configs,
    }
    if rnd.random() < 0.3:
        problem["capex_budget"] = rnd.choice([5, 7, 12])
    if rnd.random() < 0.3:
        problem["site_kw"] = {"a": rnd.choice([3, 4, 7])}
    return problem


def random_quotas(seed: int, blocks: int = 0) -> dict[str, Any]:
    """Such a problem with one to three limits over several resources."""
    rnd, problem = random.Random(seed), random_problem(seed, blocks)
    names = ["all", "some", "one"][: rnd.choice([1, 2, 3])]
    problem["quotas"] = {name: rnd.choice([0, 1, 2, 2, 3, 4]) for name in names}
    for resource in problem["resources"]:
        under = [name for name in names if name == "all" or rnd.random() < 0.5]
        if under:
            resource["quotas"] = under
    return problem


def random_terms(seed: int) -> dict[str, Any]:
    """Such a problem of three blocks whose committed resources have terms, some of them none."""
    rnd = random.Random(seed)
    problem = rnd.choice([random_problem, random_problem, random_quotas])(seed, blocks=3)
    hours = [b["hours"] * problem["repeat"] for b in problem["blocks"]]
    for i, resource in enumerate(problem["resources"]):
        if i == 0 and resource["kind"] == "hourly":
            resource |= {"kind": "committed", "kw": rnd.choice([0, 3]), "site": "a", "capex": 3}
        if resource["kind"] == "hourly" or rnd.random() < 0.1:
            continue
        hourly, fixed = resource.pop("hourly_cost"), resource.pop("fixed_cost", 0.0)
        capex, resource["terms"] = resource.pop("capex", 0), []
        resource["max_instances"] = min(resource["max_instances"], 2)
        for j in range(rnd.choice([1, 2, 2, 3])):
            within = sorted(rnd.sample(range(3), rnd.choice([0, 1, 2, 2, 3, 3, 3])))
            usd = hourly * sum(hours[p] for p in within) * rnd.choice([0.5, 0.8, 1.0])
            term = {"id": f"t{j}", "blocks": within, "cost": round(usd + fixed / 3, 2)}
            resource["terms"].append(term | ({"capex": capex} if capex else {}))
    return problem


def random_groups(seed: int) -> dict[str, Any]:
    """Such a problem, with terms or without, whose resources are in groups of two kinds."""
    rnd = random.Random(seed)
    problem = rnd.choice([random_problem, random_quotas, random_terms])(seed)
    ids = [r["id"] for r in problem["resources"]]
    problem["groups"] = [
        {
            "id": f"g{i}",
            "resources": sorted(rnd.sample(ids, rnd.randint(1, len(ids)))),
            "fixed_cost": rnd.choice([0, 2.5, 20.0]),
            "kind": rnd.choice(["provider", "line"]),
        }
        for i in range(rnd.choice([1, 2, 3]))
    ]
    kinds = {group["kind"] for group in problem["groups"]}
    problem["most"] = {kind: rnd.choice([0, 1, 1, 2]) for kind in kinds if rnd.random() < 0.4}
    return problem


def brute_force_groups(problem: dict[str, Any]) -> float | None:
    """Least cost over every set of groups that may be used: what is not in it is not there."""
    groups = problem["groups"]
    best = None
    for used in itertools.product([False, True], repeat=len(groups)):
        open_groups = [g for g, use in zip(groups, used, strict=True) if use]
        if any(
            sum(g["kind"] == kind for g in open_groups) > most
            for kind, most in problem["most"].items()
        ):
            continue
        shut = {r for g in groups if g not in open_groups for r in g["resources"]}
        resources = [
            r | {"max_instances": 0} if r["id"] in shut else r for r in problem["resources"]
        ]
        cost = brute_force(problem | {"resources": resources})
        if cost is not None:
            cost += sum(g["fixed_cost"] for g in open_groups)
            best = cost if best is None else min(best, cost)
    return best


def within_quotas(problem: dict[str, Any], counts: dict[str, int]) -> bool:
    """Whether what is held and runs at a time keeps every quota."""
    return all(
        sum(counts[r["id"]] for r in problem["resources"] if name in r.get("quotas", [])) <= most
        for name, most in problem.get("quotas", {}).items()
    )


def term_ranges(resource: dict[str, Any]) -> list[range]:
    """Counts of each term, or of the one commitment for all blocks."""
    least, most = resource.get("min_instances", 0), resource["max_instances"]
    if "terms" not in resource:
        return [range(least, most + 1)]
    return [range((most if t["blocks"] else least) + 1) for t in resource["terms"]]


def held(problem: dict[str, Any], counts: dict[str, tuple[int, ...]], p: int) -> dict[str, int]:
    """Instances of each committed resource in a block."""
    return {
        r["id"]: sum(
            count
            for term, count in zip(r.get("terms", [{}]), counts[r["id"]], strict=True)
            if p in term.get("blocks", [p])
        )
        for r in problem["resources"]
        if r["id"] in counts
    }


def bought(problem: dict[str, Any], counts: dict[str, tuple[int, ...]]) -> float | None:
    """What commitments cost; None where they break a limit."""
    committed = [r for r in problem["resources"] if r["id"] in counts]
    hours = problem["repeat"] * sum(b["hours"] for b in problem["blocks"])
    cost = capex = 0.0
    for r in committed:
        if sum(counts[r["id"]]) < r.get("min_instances", 0):
            return None
        plain = {"cost": r.get("fixed_cost", 0) + r.get("hourly_cost", 0) * hours}
        plain["capex"] = r.get("capex", 0)
        for term, count in zip(r.get("terms", [plain]), counts[r["id"]], strict=True):
            cost += term["cost"] * count
            capex += term.get("capex", 0) * count
    if capex > problem.get("capex_budget", 1e9):
        return None
    for p in range(len(problem["blocks"])):
        n = held(problem, counts, p)
        if any(n[r["id"]] > r["max_instances"] for r in committed):
            return None
        for site, kw in problem.get("site_kw", {}).items():
            if sum(r["kw"] * n[r["id"]] for r in committed if r["site"] == site) > kw:
                return None
    return cost


def brute_force(problem: dict[str, Any]) -> float | None:
    """Least cost over all plans, None if there is none: plain loops, written apart from src."""
    resources = {r["id"]: r for r in problem["resources"]}
    committed = [r for r in problem["resources"] if r["kind"] == "committed"]
    known: dict[Any, Any] = {}

    def options(n: dict[str, int], p: int) -> list[tuple[float, tuple[float, ...]]]:
        key = (p, *n.items())
        if key not in known:
            known[key] = block_options(problem, resources, n, p)
        found: list[tuple[float, tuple[float, ...]]] = known[key]
        return found

    best = float("inf")
    blocks = range(len(problem["blocks"]))
    for chosen_counts in itertools.product(
        *(itertools.product(*term_ranges(r)) for r in committed)
    ):
        counts = {r["id"]: c for r, c in zip(committed, chosen_counts, strict=True)}
        cost = bought(problem, counts)
        if cost is None or cost >= best:
            continue
        for chosen in itertools.product(*(options(held(problem, counts, p), p) for p in blocks)):
            usd = cost + sum(c for c, _ in chosen)
            if usd < best:
                best = min(best, usd + delay(problem, [u for _, u in chosen]))
    return best if best < float("inf") else None


def block_options(
    problem: dict[str, Any], resources: dict[str, Any], n: dict[str, int], p: int
) -> list[tuple[float, tuple[float, ...]]]:
    """(cost, batch units) of the plans of one block; only the cheapest for each batch units."""
    hours, repeat = problem["blocks"][p]["hours"], problem["repeat"]
    ranges = []
    for config in problem["configs"]:
        resource = resources[config["resource"]]
        gpus = resource["gpus_per_instance"] * n.get(config["resource"], resource["max_instances"])
        ranges.append(range(min(gpus // config["gpus"], config.get("max_replicas", 99)) + 1))
    cheapest: dict[tuple[float, ...], float] = {}
    for z in itertools.product(*ranges):
        cost, counts = 0.0, dict(n)
        for name, resource in resources.items():
            used = sum(
                c["gpus"] * k
                for c, k in zip(problem["configs"], z, strict=True)
                if c["resource"] == name
            )
            need = -(-used // resource["gpus_per_instance"])
            if name not in n:
                need = max(need, resource.get("min_instances", 0))
            if need > n.get(name, resource["max_instances"]):
                break
            if name not in n:
                counts[name] = need
                cost += need * resource["hourly_cost"] * hours * repeat
        else:
            if within_quotas(problem, counts) and all(
                serves(problem, resources, w, z, p) for w in problem["workloads"]
            ):
                cost += sum(
                    c.get("var_cost", 0) * k * hours * repeat
                    for c, k in zip(problem["configs"], z, strict=True)
                )
                key = batch_units(problem, z, p)
                cheapest[key] = min(cost, cheapest.get(key, cost))
    return [(cost, units) for units, cost in cheapest.items()]


def batch_units(problem: dict[str, Any], z: tuple[int, ...], p: int) -> tuple[float, ...]:
    return tuple(
        sum(
            c["rate"] * k * problem["blocks"][p]["hours"]
            for c, k in zip(problem["configs"], z, strict=True)
            if c["workload"] == w["id"]
        )
        if p in w.get("window", range(99))
        else 0.0
        for w in problem["workloads"]
        if w["kind"] == "batch"
    )


def delay(problem: dict[str, Any], units: list[tuple[float, ...]]) -> float:
    """Delay cost of chosen blocks; infinite if the work is not done in the cycle."""
    cost = 0.0
    batch = [w for w in problem["workloads"] if w["kind"] == "batch"]
    for i, w in enumerate(batch):
        done = 0.0
        for p, block in enumerate(problem["blocks"]):
            if done < w["work"] - TOLERANCE:
                cost += w.get("delay_cost", 0) * block["hours"] * problem["repeat"]
            done += units[p][i]
        if done < w["work"] - TOLERANCE:
            return float("inf")
    return cost


def serves(
    problem: dict[str, Any],
    resources: dict[str, Any],
    workload: dict[str, Any],
    z: tuple[int, ...],
    p: int,
) -> bool:
    """Whether replicas z keep every promise to an inference workload in block p."""
    if workload["kind"] == "batch":
        return True
    mine = [
        (c, k, resources[c["resource"]])
        for c, k in zip(problem["configs"], z, strict=True)
        if c["workload"] == workload["id"]
    ]
    if isinstance(workload["demand"], dict):
        return routes(workload, mine, p)
    demand = workload["demand"][p]
    total = sum(c["rate"] * k for c, k, _ in mine)
    if total < demand - TOLERANCE:
        return False
    spot = sum(c["rate"] * k for c, k, r in mine if r.get("spot"))
    if spot > workload.get("max_spot_share", 1.0) * total + TOLERANCE:
        return False
    if workload.get("n_plus_one") and workload.get("lost_together"):
        return all(
            total - lost_together([m for m in mine if m[2] is r], r["gpus_per_instance"])
            >= demand - TOLERANCE
            for r in resources.values()
        )
    return not workload.get("n_plus_one") or all(
        total - c["rate"] * min(max(r["gpus_per_instance"] // c["gpus"], 1), k)
        >= demand - TOLERANCE
        for c, k, r in mine
    )


def lost_together(mine: list[Any], gpus: int) -> float:
    """What one instance of so many GPUs may take of replicas (config, count, resource) on it: all,
    or its GPUs full of the config in use that makes most of a GPU."""
    held = sum(c["rate"] * k for c, k, _ in mine)
    full = [c["rate"] * gpus / (c["gpus"] % gpus or gpus) for c, k, _ in mine if k]
    return min(held, max(full, default=0.0))


def most_lost(mine: list[Any], gpus: int) -> float:
    """The most that replicas which fit one instance of so many GPUs deliver: a knapsack."""
    best = [0.0] * (gpus + 1)
    for c, k, _ in mine:
        size = c["gpus"] % gpus or gpus
        for _ in range(k):
            for room in range(gpus, size - 1, -1):
                best[room] = max(best[room], best[room - size] + c["rate"])
    return best[gpus]


def routes(workload: dict[str, Any], mine: list[Any], p: int) -> bool:
    """Whether some split of the classes over the replicas exists: a linear program."""
    classes = list(workload["demand"])
    demand = [workload["demand"][k][p] for k in classes]
    pairs = [
        (i, j) for i, (c, _, _) in enumerate(mine) for j, k in enumerate(classes) if k in c["rate"]
    ]
    if not pairs:
        return not any(demand)
    busy = np.zeros((len(mine) + 1, len(pairs)))
    equal = np.zeros((len(classes), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        config, _, resource = mine[i]
        busy[i, column] = 1.0 / config["rate"][classes[j]]
        busy[-1, column] = 1.0 if resource.get("spot") else 0.0
        equal[j, column] = 1.0
    most = [k for _, k, _ in mine] + [workload.get("max_spot_share", 1.0) * sum(demand)]
    found = linprog(np.zeros(len(pairs)), busy, most, equal, demand, method="highs")
    return bool(found.status == 0)
