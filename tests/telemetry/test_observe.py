"""Observing: files are told apart, the folder is one set, the same twice changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fleet_fixture import CATALOG, SAMPLES, fleet_of, sample
from gpumix.errors import InputError
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.declared import Declared, Standby, read_declared
from gpumix.telemetry.observe import kind_of
from gpumix.telemetry.price_book import Price, rate_of, read_price_book
from gpumix.telemetry.samples import SCHEMA
from gpumix.telemetry.shares import keep, kept
from gpumix.telemetry.sources import nvidia_smi, plain
from gpumix.telemetry.store import open_fleet, source_of
from gpumix.verbs.attribute import attribute_fleet
from gpumix.verbs.observe import observe_sources

OTHERS = SAMPLES.parent / "sources" / "samples"


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (SAMPLES / "plain.csv.gz", "plain"),
        (SAMPLES / "nvidia_smi.csv.gz", "nvidia-smi"),
        (SAMPLES / "bill_focus_1.2.csv.gz", "bill"),
        (OTHERS / "page.prom", "page"),
        (OTHERS / "range_1.json", "answer"),
        (OTHERS / "sacct.txt", "sacct"),
        (OTHERS / "pods_nodes.json", "kubectl"),
    ],
)
def test_a_file_is_told_by_its_beginning(path: Path, kind: str) -> None:
    assert kind_of(path, Declared()) == kind


def test_the_same_twice_changes_no_byte_and_more_is_added(tmp_path: Path) -> None:
    sources = [str(SAMPLES / "plain.csv.gz"), str(OTHERS / "sacct.txt")]
    observe_sources(sources, tmp_path / "f")
    before = _files(tmp_path / "f")
    observe_sources(sources, tmp_path / "f")
    assert _files(tmp_path / "f") == before
    found = observe_sources([str(OTHERS / "page.prom")], tmp_path / "f")
    assert (found.samples, found.jobs, found.sources) == (5711, 21, 3)
    assert set(_files(tmp_path / "f")) > set(before)


def test_a_bad_source_leaves_nothing_behind_and_every_problem_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("t,node\n1,k1\n", encoding="utf-8")
    (tmp_path / "page.html").write_text("<html>log in</html>", encoding="utf-8")
    sources = [
        str(SAMPLES / "plain.csv.gz"),
        str(tmp_path / "bad.csv"),
        str(tmp_path / "page.html"),
        str(SAMPLES / "bill_focus_1.2.csv.gz"),
        str(tmp_path / "none.csv"),
    ]
    with pytest.raises(InputError) as told:
        observe_sources(sources, tmp_path / "f")
    assert [problem.message for problem in told.value.problems] == [
        "has no column 'gpu'",
        "has neither of the columns 'util' and 'engine_active'",
        "is no source that is known",
        "is no telemetry (bill)",
        "no such file",
    ]
    assert not (tmp_path / "f").exists()


def test_what_is_no_measurement_becomes_null(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(
        "t,gpu,node,team,engine_active,power_w\n"
        '2026-10-18T00:00:00Z,G,k1,"=cmd()",NaN,-1\n2026-10-18T02:00:00+02:00,G,k1,,inf,70\n',
        encoding="utf-8",
    )
    rows = plain.read(path, Declared()).samples.to_pylist()
    assert [row["t"] for row in rows] == [1792281600, 1792281600]
    assert [row["engine_active"] for row in rows] == [None, None]
    assert [row["power_w"] for row in rows] == [None, 70.0]
    assert [row["team"] for row in rows] == ["=cmd()", None]


def test_parquet_and_csv_give_the_same_samples(tmp_path: Path) -> None:
    csv = plain.read(SAMPLES / "plain.csv.gz", Declared()).samples
    pq.write_table(csv, tmp_path / "p.parquet")
    assert plain.read(tmp_path / "p.parquet", Declared()).samples == csv
    assert csv.schema == SCHEMA


def test_cells_of_another_kind_are_told(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("t,gpu,node,util\n1,G,k1,busy\n", encoding="utf-8")
    with pytest.raises(InputError, match="busy"):
        plain.read(tmp_path / "p.csv", Declared())
    (tmp_path / "q.csv").write_text("t,gpu,node,util\nsoon,G,k1,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="'soon' is no time"):
        plain.read(tmp_path / "q.csv", Declared())


def test_joules_of_nvidia_smi(tmp_path: Path) -> None:
    observe_sources([str(SAMPLES / "nvidia_smi.csv.gz")], tmp_path / "f")
    found = attribute_fleet(tmp_path / "f")
    assert sum(row.joules for row in found.rows) == pytest.approx(2_105_460.0, rel=0.01)
    assert sum(row.hours for row in found.rows) == pytest.approx(2.0, rel=0.01)
    observed = nvidia_smi.read(SAMPLES / "nvidia_smi.csv.gz", Declared()).samples
    assert pa.compute.sum(observed["power_w"]).as_py() * 30 == pytest.approx(2_105_460, rel=0.01)


def test_a_scheduler_alone_gives_its_machines_to_its_jobs(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("sacct_timezone: Europe/Berlin\n", encoding="utf-8")
    observe_sources([str(OTHERS / "sacct.txt")], tmp_path / "f", tmp_path / "d.yaml")
    found = attribute_fleet(tmp_path / "f")
    used = sum(row.hours for row in found.rows if row.kind == "used")
    assert used == pytest.approx(1183.4667 - 2 * (1 - 1 / 7), abs=1e-3)  # of 122: slices, not GPUs
    sweep = next(one for one in found.owners if one.workload == "sweep")
    assert (sweep.runs, sweep.completed_runs) == (4, 3)
    assert sweep.failed_share == pytest.approx(0.25)


def test_a_source_is_written_down_without_secrets(tmp_path: Path) -> None:
    source = source_of("prometheus", "https://me:pass@prom.example/x?token=abc")
    assert "pass" not in source.name
    assert "abc" not in source.name


def test_declarations_are_kept_and_their_problems_told_together(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(
        "sacct_timezone: Europe/Berlin\nstandby: [{team: a}]\n"
        "slurm_nodes: {n1: {gpus: 8, gpu: h100-sxm-80gb, resource_id: i-1}}\n",
        encoding="utf-8",
    )
    declared = read_declared(path)
    fleet = fleet_of(tmp_path / "f", [sample(0)], declared=declared)
    assert open_fleet(fleet.folder).declared == declared
    assert declared.standby == (Standby("a", None),)
    path.write_text(
        "sacct_timezone: Mars\nstandby: [{}]\nslurm_nodes: {n1: {gpus: 0}}\nteams: 3\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as told:
        read_declared(path)
    assert len(told.value.problems) == 4


def test_a_price_book_prices_a_fleet_without_a_bill_by_the_hour(tmp_path: Path) -> None:
    book = tmp_path / "prices.csv"
    book.write_text(
        "gpu,purchase,usd_per_gpu_hour,node\nh100-sxm-80gb,on_demand,3,\n"
        "h100-sxm-80gb,on_demand,2.5,k1\nh100-sxm-80gb,reserved_1y,1,\n",
        encoding="utf-8",
    )
    prices = read_price_book(book, CATALOG)
    assert prices[2].purchase == "commit_1y"
    fleet = fleet_of(tmp_path / "f", [sample(m) for m in range(120)], [{"node": "k1", "gpus": 2}])
    found = attribute(fleet, None, CATALOG, prices)
    assert found.bill_micro == 2 * 2 * 2_500_000
    book.write_text("gpu,purchase,usd_per_gpu_hour\nh999,rent,free\n", encoding="utf-8")
    with pytest.raises(InputError) as told:
        read_price_book(book, CATALOG)
    assert len(told.value.problems) == 3


def test_a_folder_of_raw_files_is_observed_on_the_way_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    for path in (SAMPLES / "plain.csv.gz", SAMPLES / "bill_focus_1.2.csv.gz"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "declared.json").write_text(json.dumps({"currency": "USD"}), encoding="utf-8")
    before = _files(folder)
    found = attribute_fleet(folder)
    assert found.totals.bill_usd_micro == 809_345_650
    assert _files(folder) == before


def test_samples_that_stand_twice_are_counted_once_and_told(tmp_path: Path) -> None:
    rows = [sample(m) for m in range(3)]
    fleet = fleet_of(tmp_path / "f", [*rows, *rows[:2]])
    told = [
        (note.node, note.detail[:2]) for note in fleet.notes if note.code == "duplicate_samples"
    ]
    assert told == [("k1", "2 ")]
    again = fleet_of(tmp_path / "f", rows)
    assert again.notes == fleet.notes


def test_what_an_attribution_was_made_from_is_kept_with_it(tmp_path: Path) -> None:
    job = {"job_id": "7", "job_raw": "7", "name": "t", "account": "a", "state": "FAILED",
           "start": 1792281600, "end": 1792285200, "elapsed_s": 3600, "gpus": 1.0,
           "nodes": ["k1"]}  # fmt: skip
    fleet = fleet_of(
        tmp_path / "f", [sample(m) for m in range(60)], [{"node": "k1", "gpus": 2}], [job]
    )
    found = attribute(fleet, None, CATALOG)
    keep(fleet.folder, found, None, ())
    back = kept(fleet.folder).attributed
    assert (back.runs, back.machines, back.notes) == (found.runs, found.machines, found.notes)
    about = fleet.folder / "attribution.json"
    about.write_text(about.read_text().replace('"schema_version": 2', '"schema_version": 1'))
    with pytest.raises(InputError, match="another version"):
        kept(fleet.folder)


def test_declared_days_promises_and_checkpoints_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(
        "holidays: [2026-12-24, Christmas]\nslo: {chat: {ttft_p95_ms: 0, tpot: 3}, batch: fast}\n"
        "checkpoint_every_s: {train: 1800, tune: never}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as told:
        read_declared(path)
    assert len(told.value.problems) == 5
    path.write_text("holidays: [2026-12-24]\ncheckpoint_every_s: {train: 1800}\n", encoding="utf-8")
    assert read_declared(path).holidays == ("2026-12-24",)
    assert read_declared(path).checkpoint_every_s == {"train": 1800.0}


def test_a_price_that_holds_anywhere_comes_before_one_of_a_provider_or_region() -> None:
    def price(usd: float, **more: str) -> Price:
        return Price("h100-sxm-80gb", "on_demand", usd, **more)

    book = [price(3.0), price(1.0, provider="aws"), price(2.0, region="us-east-1")]
    assert rate_of("k1", "h100-sxm-80gb", book) == 3.0
    assert rate_of("k1", "h100-sxm-80gb", book[1:]) == 1.0
    assert rate_of("k1", "h100-sxm-80gb", [*book, price(4.0, node="k1")]) == 4.0


def test_a_book_may_call_a_provider_by_any_of_its_names(tmp_path: Path) -> None:
    book = tmp_path / "prices.csv"
    book.write_text(
        "gpu,purchase,usd_per_gpu_hour,provider\nh100-sxm-80gb,on_demand,3,Amazon Web Services\n",
        encoding="utf-8",
    )
    assert read_price_book(book, CATALOG)[0].provider == "aws"
