"""What runs today, as an inventory writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.offer import Purchase
from gpumix.domain.today import Rented, Today
from gpumix.domain.workload import Inventory
from gpumix.inventory.recheck import problems_of

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]

TEAM = """
horizon: {start: 2027-01, years: 2}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 1M, output: 1M}
supply:
  cloud: {purchase: [on_demand, reserved]}
today: TODAY
"""


def today(text: str) -> str:
    return TEAM.replace("TODAY", text)


def test_a_fleet_is_read_by_instance_and_by_gpu(read: Read) -> None:
    found = read(
        today(
            "{rented: [{provider: aws, instance: p5.48xlarge, region: us-east-1, count: 2,"
            " purchase: reserved_1y, until: 2027-06, usd_per_gpu_hour: 4.2},"
            " {provider: lambda, gpu: h100_sxm, gpus_per_instance: 8, count: 1}],"
            " monthly_usd: 70k}"
        )
    )
    committed = Rented("aws", "p5.48xlarge", "h100-sxm-80gb", 8, "us-east-1",
                       Purchase.RESERVED_1Y, 2, date(2027, 6, 30), 4.2)  # fmt: skip
    hourly = Rented("lambda", "", "h100-sxm-80gb", 8, "", Purchase.ON_DEMAND, 1, None, None)
    assert found.today == Today((committed, hourly), 70_000.0)
    assert not any(note.startswith("today") for note in found.notes)


def test_what_is_not_stated_is_told(read: Read) -> None:
    found = read(today("{rented: [{provider: aws, gpu: l40s, count: 3, purchase: reserved_1y}]}"))
    assert found.today is not None
    assert found.today.rented[0].until == date(2027, 12, 31)
    notes = [note for note in found.notes if note.startswith("today")]
    assert [word for word in ("monthly_usd", "gpus_per_instance", "until")
            if not any(word in note for note in notes)] == []  # fmt: skip


def test_every_problem_of_a_fleet_is_told_at_once(refused: Refused) -> None:
    said = refused(
        today(
            "{rented: [{provider: awss, gpu: h100-sxm-80gb, count: 1},"
            " {provider: aws, gpu: h101-sxm-80gb, count: 1},"
            " {provider: aws, gpu: l40s-48gb, count: 0},"
            " {provider: aws, gpu: l40s-48gb, count: 1, until: 2027-06-30},"
            " {provider: aws, gpu: l40s-48gb, count: 1, purchase: reserved_1y, until: 2026-06-30},"
            " {provider: aws, instance: p5.48xlarge, gpu: h100-sxm-80gb, count: 1},"
            " {provider: aws, instance: p5.48xlarg, count: 1},"
            " {provider: aws, count: 1},"
            " {provider: aws, gpu: l40s-48gb, region: us-east-11, count: 1},"
            " {provider: lambda, gpu: l40s-48gb, count: 1}]}"
        )
    )
    for words in (
        "unknown provider 'awss'",
        "did you mean aws",
        "unknown GPU 'h101-sxm-80gb'",
        "must be at least 1, got 0",
        "goes with a commitment, not with on_demand",
        "ended on 2026-06-30, before the day of the plan (2026-11-24)",
        "is stated beside instance",
        "unknown instance 'p5.48xlarg'",
        "names no machine",
        "unknown region 'us-east-11'",
        "no price of on_demand l40s-48gb of lambda is known",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "states nothing"),
        ("{monthly_usd: 0}", "must be above 0"),
        ("{rented: [{provider: aws, gpu: l40s, count: 1, purchase: buy}]}", "unknown purchase"),
        ("{rented: [{gpu: l40s, count: 1}]}", "needs the key 'provider'"),
        (
            "{rented: [{provider: aws, gpu: l40s, count: 1, usd_per_gpu_hour: -1}]}",
            "must be above 0",
        ),
    ],
)
def test_a_wrong_value_is_told(refused: Refused, text: str, words: str) -> None:
    assert words in refused(today(text))


def test_a_fleet_of_an_edited_plan_is_held_to_the_same_bounds(read: Read, catalog: Catalog) -> None:
    found = read(today("{rented: [{provider: aws, gpu: l40s, gpus_per_instance: 1, count: 3}]}"))
    assert problems_of(found, catalog, "plan.json") == []
    assert found.today is not None
    broken = replace(found.today.rented[0], count=0, gpu="l40x")
    said = problems_of(replace(found, today=Today((broken,), None)), catalog, "plan.json")
    assert {p.place for p in said} == {
        "plan.json.today.rented[0].count",
        "plan.json.today.rented[0].gpu",
    }
