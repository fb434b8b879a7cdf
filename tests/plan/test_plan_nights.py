"""Work that may wait is done night by night, unless `finish_within` says otherwise."""

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix import mix
from gpumix.errors import Infeasible, InputError
from gpumix.inventory.read import read_inventory
from gpumix.plan.effort import WORK
from gpumix.plan.nights import done_by_hour, nights_of, shifts_of
from gpumix.plan.plan import plan

CASE = Path(__file__).parent.parent / "cases/known/p18-every-night-its-work/plan.yaml"
DOCS = 'window: "22:00-06:00"'


def inventory_of(tmp_path, catalog, keys=DOCS):
    file = tmp_path / "plan.yaml"
    file.write_text(CASE.read_text().replace(DOCS, keys))
    return read_inventory(file, catalog, date(2026, 11, 24))


def docs_of(tmp_path, catalog, keys):
    return next(w for w in inventory_of(tmp_path, catalog, keys).workloads if w.id == "docs")


@pytest.mark.parametrize(
    ("keys", "first", "last"),
    [
        ("growth_per_year: 0", range(24), range(144, 168)),
        ("finish_within: 12 h", range(12), range(144, 156)),
        (DOCS, [*range(22, 30)], [166, 167, *range(6)]),
        (f"{DOCS}, finish_within: 3 h", [22, 23, 24], [166, 167, 0]),
        (f"{DOCS}, finish_within: 48 h", [*range(22, 30), *range(46, 54)], None),
    ],
)
def test_hours_of_each_night(tmp_path, catalog, keys, first, last):
    nights = nights_of(docs_of(tmp_path, catalog, keys))
    by_opening = {night[0]: night for night in nights}
    assert len(nights) == 7
    assert by_opening[first[0]] == tuple(first)
    assert last is None or by_opening[last[0]] == tuple(last)


def test_from_a_week_on_only_the_week_counts(tmp_path, catalog):
    docs = docs_of(tmp_path, catalog, f"{DOCS}, finish_within: 7 d")
    assert nights_of(docs) == ()
    assert shifts_of(docs, 7.0, [docs.window], 1.0) == ()


def test_two_nights_share_what_they_may_both_use(tmp_path, catalog):
    """Every other night alone cannot do it: some day's work would wait for a third night."""
    docs = docs_of(tmp_path, catalog, f"{DOCS}, finish_within: 48 h")
    nights = nights_of(replace(docs, finish_within_h=None))
    shifts = shifts_of(docs, 56.0, [frozenset(night) for night in nights], 1.0)

    def kept(rates):
        return all(
            math.fsum(r * h for r, h in zip(rates, s.hours, strict=True)) >= s.work - 1e-9
            for s in shifts
        )

    assert kept([1.0] * 7)
    assert not kept([3.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    assert kept([2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0])


def test_work_is_done_as_it_comes(tmp_path, catalog):
    docs = docs_of(tmp_path, catalog, DOCS)
    capacity = [2.0 if h in docs.window else 0.0 for h in range(168)]
    done = done_by_hour(docs, 56.0, capacity)
    for night in nights_of(docs):
        assert math.fsum(done[h] for h in night) == pytest.approx(8.0)
        assert [done[h] for h in night] == [2.0] * 4 + [0.0] * 4


NIGHT = """
name: night
horizon: {start: 2027-01, years: 1}
workloads:
  docs: {kind: batch, model: Qwen/Qwen3-8B, tokens_per_day: {input: 1.2B, output: 60M},
    window: "22:00-06:00", KEYS}
supply:
  cloud: {providers: [aws], regions: [us-east-1], purchase: [on_demand], gpus: [l40s-48gb],
    max_instances: 1}
"""


def test_a_night_too_short_is_told_how_long_it_must_be(tmp_path, catalog):
    """One instance needs three hours for each night's volume; one is allowed."""
    file = tmp_path / "night.yaml"

    def read(keys):
        file.write_text(NIGHT.replace("KEYS", keys))
        return read_inventory(file, catalog, date(2026, 11, 24))

    with pytest.raises(Infeasible) as caught:
        plan(read("finish_within: 1 h"), catalog)
    said = caught.value
    assert "workloads.docs.finish_within: 1 h" in map(str, said.conflict)
    assert "workloads.docs.window" not in {stated.key for stated in said.conflict}
    ways = {str(way): way for way in said.ways_out}
    way = ways["workloads.docs.finish_within: 3 h instead of 1 h"]
    found = plan(read("finish_within: 3 h"), catalog, work=WORK["quick"]).plan
    assert found.horizon_usd == pytest.approx(way.usd, rel=0.1)


@pytest.mark.parametrize("keys", [DOCS, "growth_per_year: 0"])
def test_every_night_of_the_printed_plan_does_its_own_volume(tmp_path, catalog, keys):
    inventory = inventory_of(tmp_path, catalog, keys)
    whole = tuple(replace(w, mig=False) for w in inventory.workloads)  # rates are of whole GPUs
    inventory = replace(inventory, workloads=whole)
    planned = plan(inventory, catalog, work=WORK["quick"]).plan
    docs = next(w for w in inventory.workloads if w.id == "docs")
    workloads = {w.id: w for w in planned.workloads}
    use = workloads["docs"].placements[0]
    chat = workloads["chat"]
    per_gpu = max(p.units_per_hour / p.gpus for p in chat.placements)
    busy = [
        b - units / per_gpu
        for b, units in zip(planned.hourly_gpus.busy, chat.demand_per_hour, strict=True)
    ]
    volume = math.fsum(docs.demand.units_per_hour) / 7
    for night in nights_of(docs):
        done = math.fsum(busy[h] for h in night) * use.units_per_hour / use.gpus
        assert done >= 0.99 * volume


@pytest.mark.parametrize(
    "effort", [mix.NORMAL, replace(mix.NORMAL, exact=0), replace(mix.NORMAL, exact=0, whole=0)]
)
def test_each_shift_holds_however_the_mix_is_searched(effort):
    shifts = (mix.Shift(8.0, (4.0, 0.0)), mix.Shift(8.0, (2.0, 4.0)))
    problem = mix.Problem(
        "shifts",
        "units",
        1.0,
        (mix.Block("a", 6.0), mix.Block("b", 4.0)),
        (mix.Resource("r", "gpu", "hourly", 1, hourly_cost=1.0),),
        (mix.Workload("w", "batch", work=16.0, shifts=shifts),),
        (mix.Config("w", "r", 1, 1.0),),
    )
    found = mix.solve(problem, effort=effort)
    assert mix.check(problem, found) == []
    assert found.cost == pytest.approx(16.0)  # 2 in a and 1 in b: 8 and 4 + 4
    broken = replace(found, blocks=(replace(found.blocks[0], replicas=(1,)), found.blocks[1]))
    assert "work:w" in mix.check(problem, broken)
    assert mix.read_problem(mix.problem_to_dict(problem)) == problem


def test_finish_within_needs_work_that_may_wait(tmp_path, catalog):
    file = tmp_path / "plan.yaml"
    file.write_text(CASE.read_text().replace(DOCS, f"{DOCS}, finish_within: 30 min"))
    with pytest.raises(InputError, match="must be at least 1 h"):
        read_inventory(file, catalog, date(2026, 11, 24))
