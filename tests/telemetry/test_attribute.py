"""Samples and bills -> owners: the rules one by one, and the sums of the samples."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fleet_fixture import (
    CATALOG,
    HOUR,
    SAMPLES,
    START,
    bill_of,
    by_kind,
    fleet_of,
    given,
    nobody,
    sample,
)
from gpumix.errors import InputError
from gpumix.telemetry.answer import answer
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.declared import Declared, DeclaredNode, Standby
from gpumix.telemetry.sources import plain
from gpumix.telemetry.store import source_of, write

K1 = {"node": "k1", "gpus": 1}


def test_the_plain_sample_gives_every_owner_its_micro_dollars(tmp_path: Path) -> None:
    path = SAMPLES / "plain.csv.gz"
    fleet = write(tmp_path / "f", [(source_of("plain", str(path)), plain.read(path, Declared()))])
    bill = read_bills([SAMPLES / "bill_focus_1.2.csv.gz"])
    first_day = [
        line
        for line in bill.lines
        if line.resource_id == "i-0aaa1111" and line.end <= START + 24 * HOUR
    ]
    found = given(fleet, replace(bill, lines=tuple(first_day)))
    assert by_kind(found) == {
        ("used", "support"): 108_461_295,
        ("used", "ranking"): 39_246_920,
        ("unallocated", None): 76_445_104,
        ("allocated_idle", "support"): 4_820_502,
        ("no_data", None): 2_410_251,
    }
    hours = by_kind(found, "hours")
    assert hours["used", "ranking"] == pytest.approx(16.283333333, abs=1e-9)
    assert hours["allocated_idle", "support"] == pytest.approx(2.0)
    assert by_kind(found, "tokens_in")["used", "support"] == 1_439_000
    assert by_kind(found, "tokens_in")["used", "ranking"] == 976_000
    support = answer(found).owners[0]
    assert support.usd_micro == 108_461_295 + 4_820_502
    assert support.usd_per_mtok_input == pytest.approx(113.281797 / 1.439)


def test_the_sample_bill_closes_with_what_no_telemetry_knows(tmp_path: Path) -> None:
    path = SAMPLES / "plain.csv.gz"
    fleet = write(tmp_path / "f", [(source_of("plain", str(path)), plain.read(path, Declared()))])
    found = answer(given(fleet, read_bills([SAMPLES / "bill_focus_1.2.csv.gz"])))
    by_node: dict[str | None, int] = {}
    for row in found.rows:
        by_node[row.node] = by_node.get(row.node, 0) + row.usd_micro
    assert by_node == {
        "gpu-a": 462_768_144,
        "i-0bbb2222": 223_250_047,
        "i-0ccc3333": 39_999_990,
    }
    outside = {one.reason: one.usd_micro for one in found.totals.outside}
    assert outside == {
        "commitment_unused": 57_846_000,
        "commitment_purchase": 0,
        "other_usage": 14_246_914,
        "credit": -50_000_000,
        "tax": 61_234_567,
        "adjustment": -12,
    }
    assert found.totals.bill_usd_micro == 809_345_650
    assert {r.kind for r in found.rows if r.node == "i-0bbb2222"} == {"no_data"}


@pytest.mark.parametrize(
    ("missing", "no_data_minutes"),
    [(range(10, 15), 0), (range(10, 16), 6), (range(55, 60), 0), (range(5), 5)],
)
def test_a_hole_of_five_minutes_is_bridged_and_a_longer_one_is_no_data(
    tmp_path: Path, missing: range, no_data_minutes: int
) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(m) for m in range(60) if m not in missing], [K1])
    bill = bill_of(tmp_path / "b.csv", [{"EffectiveCost": "60"}])
    found = by_kind(given(fleet, bill))
    assert found.get(("no_data", None), 0) == no_data_minutes * 1_000_000
    assert found["used", "a"] == (60 - no_data_minutes) * 1_000_000


def test_two_scrapers_and_doubled_samples_are_one_gpu(tmp_path: Path) -> None:
    other = [sample(m, team="z", scraper="t", t=START + 60 * m + 5) for m in range(60)]
    early = [sample(m, team="y", t=START + 60 * m - 10) for m in range(1, 60)]
    once = [sample(m, t=START + 60 * m + 55) for m in range(60)]
    fleet = fleet_of(tmp_path / "f", [*once, *once, *other, *early], [K1])
    found = by_kind(given(fleet, bill_of(tmp_path / "b.csv", [{}])))
    assert found == {("used", "a"): 1_000_000}


def test_idle_needs_an_hour_on_end_low_power_and_no_standby(tmp_path: Path) -> None:
    def idle_hours(count: int, declared: Declared | None = None, watts: float = 80.0) -> float:
        quiet = [
            sample(m, engine_active=0.01, power_w=watts) if 30 <= m < 30 + count else sample(m)
            for m in range(180)
        ]
        folder = tmp_path / f"{count}{watts}{declared is None}"
        fleet = fleet_of(folder, quiet, [K1], declared=declared)
        return by_kind(given(fleet, None), "hours").get(("allocated_idle", "a"), 0.0)

    assert idle_hours(59) == 0.0
    assert idle_hours(60) == pytest.approx(1.0)
    assert idle_hours(90, watts=200.0) == 0.0
    assert idle_hours(90, Declared(standby=(Standby("a", "w"),))) == 0.0


def test_a_sample_that_reaches_into_the_next_hour_is_of_one_kind_and_counts_once(
    tmp_path: Path,
) -> None:
    quiet = [
        sample(m, engine_active=0.01, power_w=80.0, energy_mj_total=6e5 * m)
        for m in range(120)
        if not 57 <= m < 62
    ]
    found = given(fleet_of(tmp_path / "f", quiet, [K1]), None)
    hours = [(row["kind"], row["hours"], row["joules"]) for row in found.hours.to_pylist()]
    told = (("allocated_idle", 1.0, 600.0 * 56), ("allocated_idle", 1.0, 600.0 * 63))
    assert hours == [pytest.approx(one) for one in told]


def test_a_price_of_an_hour_leaves_its_odd_micro_dollars_to_the_lowest_slots(
    tmp_path: Path,
) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(m, 3) for m in range(60)], [K1 | {"gpus": 4}])
    found = given(fleet, bill_of(tmp_path / "b.csv", [{"EffectiveCost": "-0.000007"}]))
    by_slot = {row["slot"]: row["usd_micro"] for row in found.hours.to_pylist()}
    assert by_slot == {0: -1, 1: -2, 2: -2, 3: -2}
    assert by_kind(found) == {("no_data", None): -5, ("used", "a"): -2}


def test_empty_slices_of_a_mig_gpu_are_nobodys_and_its_power_counts_once(tmp_path: Path) -> None:
    big = {"mig": "3g.40gb", "mig_id": "1", "gpu_name": "NVIDIA A100-SXM4-80GB", "power_w": 350.0}
    small = big | {"mig": "1g.10gb", "mig_id": "9"}
    rows = [sample(m, **big) for m in range(60)]
    rows += [sample(m, team="b", **small) for m in range(60)]
    fleet = fleet_of(tmp_path / "f", rows, [K1])
    found = given(fleet, bill_of(tmp_path / "b.csv", [{"EffectiveCost": "7"}]))
    assert by_kind(found) == {
        ("used", "a"): 3_000_000,
        ("used", "b"): 1_000_000,
        ("unallocated", None): 3_000_000,
    }
    assert sum(by_kind(found, "joules").values()) == pytest.approx(350.0 * HOUR)
    assert by_kind(found, "hours")["used", "a"] == pytest.approx(3 / 7)


def test_owners_at_one_time_share_by_activity_else_by_request(tmp_path: Path) -> None:
    node = K1 | {"shared": "time-slicing", "replicas": 4}
    differ = [
        sample(m, team=team, engine_active=active)
        for m in range(60)
        for team, active in (("a", 0.6), ("b", 0.2))
    ]
    alike = [sample(m, team=team, engine_active=0.5) for m in range(60) for team in ("a", "b")]
    bill = bill_of(tmp_path / "b.csv", [{"EffectiveCost": "4"}])
    by_activity = by_kind(given(fleet_of(tmp_path / "d", differ, [node]), bill))
    by_request = by_kind(given(fleet_of(tmp_path / "s", alike, [node]), bill))
    assert by_activity == {("used", "a"): 3_000_000, ("used", "b"): 1_000_000}
    assert by_request == {
        ("used", "a"): 1_000_000,
        ("used", "b"): 1_000_000,
        ("unallocated", None): 2_000_000,
    }


def test_counters_count_through_resets_and_gaps_and_not_across_gpus(tmp_path: Path) -> None:
    def counted(m: int) -> dict[str, object]:
        total = 1000.0 * m if m < 100 else 500.0 * (m - 99)
        return sample(
            m,
            gpu="GPU-0" if m < 150 else "GPU-9",
            energy_mj_total=600_000.0 * (m if m < 150 else m + 999),
            tokens_in_total=total,
        )

    fleet = fleet_of(tmp_path / "f", [counted(m) for m in range(180) if not 20 <= m < 40], [K1])
    found = given(fleet, None)
    assert sum(by_kind(found, "tokens_in").values()) == 99_000 + 500 * 80
    assert sum(by_kind(found, "joules").values()) == pytest.approx(600.0 * (149 + 29))
    assert any(note.code == "gpu_swapped" for note in found.notes)


def test_a_node_without_telemetry_is_given_by_its_jobs(tmp_path: Path) -> None:
    job = {
        "job_id": "7",
        "job_raw": "7",
        "name": "train",
        "account": "old",
        "state": "COMPLETED",
        "start": START + 600,
        "end": START + HOUR,
        "elapsed_s": 1800,
        "gpus": 2.0,
        "nodes": ["hpc-1"],
    }
    declared = Declared(
        team_aliases={"old": "new"},
        slurm_nodes={"hpc-1": DeclaredNode(4, "h100-sxm-80gb", "machine-1")},
    )
    fleet = fleet_of(tmp_path / "f", [], jobs=[job], declared=declared)
    bill = bill_of(tmp_path / "b.csv", [{"ResourceId": "machine-1", "EffectiveCost": "8"}])
    found = by_kind(given(fleet, bill))
    assert found == {("used", "new"): 2_000_000, ("unallocated", None): 6_000_000}


def test_a_node_off_the_bill_has_hours_and_no_cost(tmp_path: Path) -> None:
    rows = [sample(m) for m in range(60)]
    rows += [sample(m, gpu="GPU-x", node="k2") for m in range(60)]
    fleet = fleet_of(tmp_path / "f", rows)
    found = answer(given(fleet, bill_of(tmp_path / "b.csv", [{}])))
    assert [(one.node, one.gpu_hours) for one in found.totals.unbilled] == [("k2", 1.0)]
    assert {row.usd_micro for row in found.rows if row.node == "k2"} == {0}


def test_usage_moves_what_an_owner_did_not_use_to_its_own_idle_hours(tmp_path: Path) -> None:
    rows = [sample(m, engine_active=0.25) for m in range(60)]
    rows += [nobody(m, 1) for m in range(60)]
    fleet = fleet_of(tmp_path / "f", rows, [K1 | {"gpus": 2}])
    found = answer(given(fleet, bill_of(tmp_path / "b.csv", [{"EffectiveCost": "8"}])), (), "usage")
    assert {(row.kind, row.usd_micro) for row in found.rows} == {
        ("used", 1_000_000),
        ("allocated_idle", 3_000_000),
        ("unallocated", 4_000_000),
    }


def test_samples_after_the_bill_are_left_out_and_told(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(m) for m in (*range(60), *range(240, 260))], [K1])
    found = given(fleet, bill_of(tmp_path / "b.csv", [{}]))
    assert sum(by_kind(found, "hours").values()) == pytest.approx(1.0)
    assert [note.code for note in found.notes if note.node == "k1"] == ["future_samples"]


def test_a_million_computed_tokens_are_those_not_found_in_the_cache(tmp_path: Path) -> None:
    def served(m: int, **more: float) -> dict[str, object]:
        return sample(m, tokens_in_total=1000.0 * m, tokens_out_total=200.0 * m, **more)

    bill = bill_of(tmp_path / "b.csv", [{"EffectiveCost": "59"}])
    told = [served(m, tokens_cached_total=250.0 * m) for m in range(60)]
    (owner,) = answer(given(fleet_of(tmp_path / "f", told, [K1]), bill)).owners
    assert owner.usd_per_mtok_input == pytest.approx(1000.0)
    assert owner.usd_per_mtok_computed == pytest.approx(59e6 / (59 * 750))
    silent = [served(m) for m in range(60)]
    (owner,) = answer(given(fleet_of(tmp_path / "s", silent, [K1]), bill)).owners
    assert owner.usd_per_mtok_computed is None


def test_files_of_before_a_column_was_read_are_read_as_without_it(tmp_path: Path) -> None:
    fleet = fleet_of(tmp_path / "f", [sample(m) for m in range(60)], [K1])
    (path,) = (fleet.folder / "samples").glob("*/*.parquet")
    table = pq.ParquetFile(path).read()
    pq.write_table(table.drop_columns(["tokens_cached_total"]), path)
    assert by_kind(given(fleet, None), "hours") == {("used", "a"): pytest.approx(1.0)}


def test_a_spark_that_is_not_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    fleet = fleet_of(tmp_path / "f", [sample(0)], [K1])
    with pytest.raises(InputError, match="not installed"):
        attribute(fleet, None, CATALOG, where="spark")


def test_the_same_fleet_gives_the_same_digits_in_any_order_of_work(tmp_path: Path) -> None:
    rows = [
        sample(m, slot, engine_active=0.1 + 0.0123 * (m % 61), power_w=301.7 + 0.33 * m)
        for slot in range(8)
        for m in range(240)
    ]
    fleet = fleet_of(tmp_path / "f", rows, [K1 | {"gpus": 8}])
    once = given(fleet, None).hours
    assert all(given(fleet, None).hours == once for _ in range(3))
    hour = once.to_pylist()[0]
    assert hour["engine_active"] == pytest.approx(sum(r["engine_active"] for r in rows[:60]) / 60)
    assert hour["power_w"] == pytest.approx(sum(r["power_w"] for r in rows[:60]) / 60)
