"""Replicas of one queue: how many a plan runs, the proof of it, and how much GPUs work."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory, Slo
from gpumix.inventory import read_inventory
from gpumix.options.option import Option
from gpumix.options.pools import HEADROOM, Pooled, needed, part_of_peak
from gpumix.perf.interval import slowdown_at
from gpumix.plan import interpret, replay, replay_queue
from gpumix.plan import plan as planner
from gpumix.plan.cycle import highest_demand, peak_demand
from gpumix.plan.effort import NORMAL
from gpumix.plan.search import search
from gpumix.serving.capacity import Server
from gpumix.serving.pools import fewest, proven
from gpumix.units import SECONDS_PER_HOUR

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known" / "p16-images-share-a-queue"
CASES = {
    "images by day and night": """
  art: {kind: media, model: black-forest-labs/FLUX.1-dev, steps: 28, latency: 15 s,
    gpus: [h100-sxm-80gb], traffic: {profile: servegen-chat, peak_requests_per_s: 0.2}}
""",
    "bursts of videos that grow": """
  clip: {kind: media, model: Wan-AI/Wan2.1-T2V-14B, steps: 50, frames: 81, resolution: 832x480,
    latency: 25 min, gpus: [h100-pcie-80gb, gh200-96gb],
    traffic: {peak_requests_per_s: 0.002, arrival_cv: 2.5, growth_per_year: 40%}}
""",
    "vectors of prompts of all lengths": """
  vectors: {kind: embedding, model: BAAI/bge-m3, slo: {e2e_p99: 200 ms}, gpus: [l4-24gb],
    traffic: {profile: servegen-chat, input_tokens: 400, peak_requests_per_s: 30}}
""",
    "premium images": """
  art: {kind: media, model: black-forest-labs/FLUX.1-dev, steps: 28, latency: 20 s, tier: premium,
    gpus: [h100-sxm-80gb], images_per_day: 5k}
""",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return load()


def team(folder: Path, workloads: str, catalogue: Catalog, cloud: str = "") -> Inventory:
    path = folder / "team.yaml"
    path.write_text(
        "name: team\nhorizon: {start: 2027-01, years: 2}\nworkloads:"
        f"{workloads}supply:\n  cloud: {{providers: any, purchase: [on_demand]{cloud}}}\n",
        encoding="utf-8",
    )
    return read_inventory(path, catalogue, date(2026, 11, 24))


def test_images_are_planned_and_replayed_at_their_confidence(catalogue: Catalog) -> None:
    """Case p16 as it is written, at a confidence of 0.8: images take exp(0.84 sigma) longer."""
    inventory = read_inventory(KNOWN / "plan.yaml", catalogue, date(2026, 11, 24))
    plan = planner.plan(inventory, catalogue).plan
    (art,) = plan.workloads
    case = json.loads((KNOWN / "case.json").read_text(encoding="utf-8"))
    least, most = case["checks"][0]["replicas"]["art"]
    assert least <= sum(p.peak_replicas * p.gpus for p in art.placements) <= most
    assert art.slo[0].confidence == 0.8
    assert art.replay is not None
    assert art.replay.slo[0].kept
    slower = float(slowdown_at(catalogue.coefficients.inference["sigma"]["quantity"]["media"], 0.8))
    assert art.replay.slo[0].worst_s >= 9.4 * slower


def test_images_share_a_queue(catalogue: Catalog) -> None:
    """Case p16: at the middle of the prediction 3 H100 for 8,000 images a day within 15 s, which
    work 29 % of the time."""
    read = read_inventory(KNOWN / "plan.yaml", catalogue, date(2026, 11, 24))
    inventory = replace(read, workloads=(replace(read.workloads[0], confidence=0.5),))
    plan = planner.plan(inventory, catalogue).plan
    (art,) = plan.workloads
    case = json.loads((KNOWN / "case.json").read_text(encoding="utf-8"))
    least, most = case["checks"][0]["replicas"]["art"]
    (placement,) = art.placements
    assert least <= placement.peak_replicas * placement.gpus <= most
    assert placement.peak_replicas == 3
    assert art.replay is not None
    assert art.replay.slo[0].kept
    assert art.replay.slo[0].worst_s == pytest.approx(10.0, rel=0.04)
    assert plan.utilisation == pytest.approx(0.87 / 3.0, rel=0.02)
    assert plan.mix[0].utilisation == plan.utilisation
    assert sum(plan.hourly_gpus.busy) / 168.0 == pytest.approx(0.87, rel=0.02)
    assert art.capacity_per_hour is not None
    assert art.demand_per_hour[0] < art.capacity_per_hour[0] < 3.0 * 3600.0 / 9.4


@pytest.mark.parametrize("name", CASES)
def test_the_pool_of_every_block_keeps_the_promise_and_is_not_too_large(
    name: str, catalogue: Catalog, tmp_path: Path
) -> None:
    """On traffic of another seed; one replica fewer of one kind would not surely do."""
    inventory = team(tmp_path, CASES[name], catalogue)
    (workload,) = inventory.workloads
    choice = chosen(inventory, catalogue)
    cycle = planner.cycle_for(choice)
    found, _, proof = replay.proven(
        search(choice, cycle, NORMAL.plan), choice, cycle, replay.Replayer()
    )
    assert [slo.kept for slo in proof[workload.id].slo] == [True]
    answer = interpret.answer_of(found)
    for index, block in enumerate(cycle.blocks):
        running = replay_queue.running(answer, workload, index)
        pool = {o.server: n for o, n in running if o.server is not None}
        per_s = peak_demand(workload, block) / SECONDS_PER_HOUR
        _, found = proven(pool, per_s, seed=4711)
        assert all(one.share > one.slo.quantile - 0.01 for one in found)
        spare = 1 if name.startswith("premium") else 0
        for server, n in pool.items():
            assert n <= fewest(server, per_s) + spare


def server(mean_s: float = 9.4, cv: float = 1.0) -> Server:
    return Server(np.array([mean_s]), (Slo("e2e", 0.95, 15.0),), cv)


def option(gpu: str, mean_s: float = 9.4) -> Option:
    return Option("art", gpu, 1, 1, "bf16", units_per_hour=150.0, server=server(mean_s))


def test_a_mix_asks_for_the_fewest_replicas_at_every_demand() -> None:
    """Ceil(needed / planned rate) is what keeps the promise, for the option that leads."""
    one, peak = option("a"), 900.0
    planned = one.units_per_hour * part_of_peak(one, peak)
    pooled = Pooled((one,))
    assert one.server is not None
    for demand in (1.0, 40.0, 120.0, 333.0, 600.0, 900.0):
        asked = math.ceil(needed(pooled, demand, peak) / planned - 1e-9)
        assert asked == fewest(one.server, demand / SECONDS_PER_HOUR)
    assert needed(pooled, peak, peak) == pytest.approx(peak)
    assert needed(pooled, 0.0, peak) == 0.0
    assert needed(None, 40.0, peak) == 40.0


def test_what_has_no_queue_is_planned_at_what_it_sustains() -> None:
    api = Option("art", "api", 1, 1, "", units_per_hour=5.0)
    assert part_of_peak(api, 900.0) == 1.0


def test_the_option_that_asks_for_most_counts_and_more_is_asked_where_all_did() -> None:
    fast, slow = option("a", 5.0), option("b", 13.0)
    both = Pooled((fast,)).with_((fast, slow))
    assert both.leading == (fast, slow)
    assert both.headroom == 1.0
    assert needed(both, 90.0, 900.0) == max(
        needed(Pooled((fast,)), 90.0, 900.0), needed(Pooled((slow,)), 90.0, 900.0)
    )
    again = both.with_((slow,))
    assert again.leading == both.leading
    assert needed(again, 90.0, 900.0) == pytest.approx(HEADROOM * needed(both, 90.0, 900.0))


def test_too_small_a_pool_breaks_its_replay_and_is_made_larger(
    catalogue: Catalog, tmp_path: Path
) -> None:
    inventory = team(tmp_path, CASES["images by day and night"], catalogue)
    right = chosen(inventory, catalogue)
    cycle = planner.cycle_for(right)
    quick = replace(right.pools["art"].leading[0], server=server(2.0), note="wrong")
    wrong = replace(right, pools={"art": Pooled((quick,))})
    found = search(wrong, cycle, NORMAL.plan)
    replayer = replay.Replayer()
    first = replayer.of(interpret.answer_of(found), {})
    assert replay.broken(first) == ["art"]
    assert first["art"].slo[0].worst_s > 15.0
    again, choice, proof = replay.proven(found, wrong, cycle, replayer)
    assert replay.broken(proof) == []
    assert proof["art"].corrections == 1
    assert len(choice.pools["art"].leading) == 2
    assert (again.solution.cost or 0.0) > (found.solution.cost or 0.0)
    assert highest_demand(inventory.workloads[0], cycle) == pytest.approx(720.0)


def test_images_without_a_promise_are_made_flat_out(catalogue: Catalog, tmp_path: Path) -> None:
    work = """
  art: {kind: media, model: black-forest-labs/FLUX.1-dev, steps: 28, images_per_day: 8k,
    gpus: [h100-sxm-80gb]}
"""
    plan: Plan = planner.plan(team(tmp_path, work, catalogue), catalogue).plan
    (art,) = plan.workloads
    assert art.replay is None
    assert art.slo == ()
    assert plan.utilisation == pytest.approx(1.0, abs=0.02)
