"""Synthetic mix problems of planning size: many blocks, demands of many replicas."""

from __future__ import annotations

import math
import random

from gpumix.mix import Block, Config, Problem, Resource, Workload

DISCOUNT = {"3y": 0.45, "1y": 0.65, "od": 1.0, "spot": 0.55}
"""Price of a way to pay, in on-demand prices."""


def middle(blocks: int = 168, seed: int = 1) -> Problem:
    """M: 12 resources, 20 workloads, 168 hours; 32,256 whole numbers."""
    return synthetic("M", 4, ("3y", "od", "spot"), (17, 3), blocks, 9, seed)


def large(blocks: int = 288, seed: int = 1) -> Problem:
    """L: 40 resources, 60 workloads, 288 blocks; 529,920 whole numbers."""
    return synthetic("L", 10, ("3y", "1y", "od", "spot"), (49, 11), blocks, 30, seed)


def synthetic(
    name: str,
    gpus: int,
    options: tuple[str, ...],
    workloads: tuple[int, int],
    blocks: int,
    ways: int,
    seed: int,
) -> Problem:
    """GPUs in all options; so many inference and batch workloads, each on `ways` resources."""
    rnd = random.Random(seed)
    resources = [_resource(rnd, i, o) for i in range(gpus) for o in options]
    speed = [(1.0 + 0.6 * i) ** rnd.uniform(0.8, 1.2) for i in range(gpus)]
    made, configs = [], []
    for i in range(sum(workloads)):
        unit = rnd.uniform(0.5, 2.0)
        chosen = sorted(rnd.sample(resources, ways), key=lambda r: r.id)
        mine = [_config(rnd, f"w{i}", r, unit * speed[int(r.gpu[1:])]) for r in chosen]
        if not any(c.resource.endswith("-od") for c in mine):  # one can always be rented
            mine[-1] = Config(f"w{i}", "g0-od", 1, unit * speed[0])
        configs += mine
        is_batch = i >= workloads[0]
        made.append((_batch if is_batch else _inference)(rnd, f"w{i}", unit, blocks))
    return Problem(
        name,
        "units",
        3 * 8760.0 / blocks,
        tuple(Block(f"h{p}", 1.0) for p in range(blocks)),
        tuple(resources),
        tuple(made),
        tuple(configs),
    )


def _resource(rnd: random.Random, i: int, option: str) -> Resource:
    committed = option in ("1y", "3y")
    gpus = 8 if committed else rnd.choice([1, 2, 4, 8])
    usd_per_hour = gpus * (1.0 + 0.6 * i) * DISCOUNT[option] * rnd.uniform(0.95, 1.05)
    return Resource(
        f"g{i}-{option}",
        f"g{i}",
        "committed" if committed else "hourly",
        gpus,
        max_instances=rnd.randint(16, 48) // gpus if option == "spot" else None,
        fixed_cost=usd_per_hour * 3 * 8760 if committed else 0.0,
        hourly_cost=0.0 if committed else usd_per_hour,
        spot=option == "spot",
    )


def _config(rnd: random.Random, workload: str, resource: Resource, speed: float) -> Config:
    size = rnd.choice([n for n in (1, 1, 2, 4, 8) if n <= resource.gpus_per_instance])
    kept = 0.9 if resource.spot else 1.0
    rate = speed * size**0.92 * kept * rnd.uniform(0.8, 1.2)
    return Config(workload, resource.id, size, rate)


def _inference(rnd: random.Random, name: str, unit: float, blocks: int) -> Workload:
    mean, swing, phase = rnd.uniform(10, 150) * unit, rnd.uniform(0.2, 0.8), rnd.uniform(0, 24)
    demand = tuple(
        mean * (1 + swing * math.sin(2 * math.pi * (p - phase) / 24)) * rnd.uniform(0.9, 1.1)
        for p in range(blocks)
    )
    return Workload(name, "inference", demand, max_spot_share=rnd.choice([None, 0.0, 0.3, 0.5]))


def _batch(rnd: random.Random, name: str, unit: float, blocks: int) -> Workload:
    nights = tuple(p for p in range(blocks) if p % 24 < 10)
    window = rnd.choice([None, nights])
    return Workload(name, "batch", work=rnd.uniform(10, 60) * unit * blocks, window=window)
