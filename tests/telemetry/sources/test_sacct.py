"""Slurm's accounts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gpumix.errors import InputError
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.sources import sacct

SAMPLE = Path(__file__).parent / "samples" / "sacct.txt"
BERLIN = Declared(sacct_timezone="Europe/Berlin")
COLUMNS = tuple(sacct.COMMAND.partition("--format=")[2].split(","))
HEADER = "|".join(COLUMNS)


def jobs(tmp_path: Path, *lines: str, declared: Declared = BERLIN) -> list[dict]:
    path = tmp_path / "sacct.txt"
    path.write_text("\n".join(lines) + "\n")
    return sacct.read(path, declared).jobs.to_pylist()


def line(start: str, end: str, elapsed: object, *, state="COMPLETED", tres="gres/gpu=1") -> str:
    return f"1|1|j|u|a|q|p|{state}|0:0|{start}|{start}|{end}|{elapsed}|{tres}|n1"


def test_the_sample_has_the_expected_gpu_time():
    found = sacct.read(SAMPLE, BERLIN).jobs.to_pylist()
    by_state: Counter[str] = Counter()
    for job in found:
        by_state[job["state"]] += round(job["gpus"] * job["elapsed_s"])
    assert len(found) == 21
    assert by_state == {
        "COMPLETED": 4_075_800, "FAILED": 7200, "CANCELLED": 3600, "NODE_FAIL": 46_080,
        "RUNNING": 40_000, "PENDING": 0, "OUT_OF_MEMORY": 900, "TIMEOUT": 86_400, "PREEMPTED": 500,
    }  # fmt: skip


def test_every_ended_job_of_the_sample_lasts_as_long_as_slurm_says():
    ended = [job for job in sacct.read(SAMPLE, BERLIN).jobs.to_pylist() if job["end"] is not None]
    assert {job["end"] - job["start"] - job["elapsed_s"] for job in ended} == {0}


def test_the_sample_names_jobs_nodes_and_what_to_know():
    found = sacct.read(SAMPLE, BERLIN)
    by_id = {job["job_id"]: job for job in found.jobs.to_pylist()}
    assert by_id["110"]["name"] == "a|b"
    assert by_id["113"]["nodes"] == ["n06", "n07", "n11"]
    assert (by_id["102_2"]["job_raw"], by_id["122"]["gpu_type"]) == ("105", "1g.10gb")
    assert by_id["116"]["start"] is None
    assert by_id["116"]["nodes"] == []
    assert [note.code for note in found.notes] == ["dst"]


@pytest.mark.parametrize(
    ("start", "end", "elapsed", "utc"),
    [  # on 2026-10-25 Berlin lives 02:00 to 03:00 twice
        ("2026-10-25T02:30:00", "2026-10-25T02:40:00", 600, 0),
        ("2026-10-25T02:30:00", "2026-10-25T02:40:00", 4200, 0),
        ("2026-10-25T02:30:00", "2026-10-25T04:00:00", 5400, 1),
        ("2026-10-25T02:30:00", "2026-10-25T04:00:00", 9000, 0),
    ],
)
def test_the_doubled_hour_is_the_one_that_agrees(tmp_path, start, end, elapsed, utc):
    (job,) = jobs(tmp_path, HEADER, line(start, end, elapsed))
    assert job["end"] - job["start"] == elapsed
    assert datetime.fromtimestamp(job["start"], UTC).hour == utc


def test_without_a_time_zone_it_is_utc_and_said(tmp_path):
    path = tmp_path / "sacct.txt"
    path.write_text(f"{HEADER}\n{line('2026-10-22T01:00:00', '2026-10-22T02:00:00', 3600)}\n")
    found = sacct.read(path, Declared())
    assert found.jobs.to_pylist()[0]["start"] % 86_400 == 3600
    assert "sacct_timezone" in found.notes[0].detail


def test_elapsed_may_be_written_in_days(tmp_path):
    head = HEADER.replace("ElapsedRaw", "Elapsed")
    (job,) = jobs(tmp_path, head, line("2026-06-01T00:00:00", "2026-06-06T00:00:00", "5-00:00:00"))
    assert job["elapsed_s"] == 432_000


def test_a_state_is_one_word_and_unknown_is_no_time(tmp_path):
    (job,) = jobs(
        tmp_path, HEADER, line("2026-06-01T00:00:00", "Unknown", 5, state="CANCELLED by 1000")
    )
    assert (job["state"], job["end"]) == ("CANCELLED", None)


@pytest.mark.parametrize(
    ("tres", "gpus", "kind"),
    [
        ("cpu=8,gres/gpu=2,gres/gpu:h100=2", 2, "h100"),
        ("gres/gpu:a100=3", 3, "a100"),
        ("gres/gpu:h100=1,gres/gpu:l40s=2,gres/gpu=3", 3, "h100,l40s"),
        ("cpu=8,gres/gpumem=80G", 0, None),
        ("", 0, None),
    ],
)
def test_typed_and_plain_entries_are_the_same_gpus(tmp_path, tres, gpus, kind):
    (job,) = jobs(tmp_path, HEADER, line("2026-06-01T00:00:00", "Unknown", 5, tres=tres))
    assert (job["gpus"], job["gpu_type"]) == (gpus, kind)


def test_a_dump_without_header_needs_declared_columns(tmp_path):
    row = line("2026-06-01T00:00:00", "2026-06-01T01:00:00", 3600)
    with pytest.raises(InputError, match="sacct_columns"):
        jobs(tmp_path, row)
    declared = Declared(sacct_timezone="UTC", sacct_columns=COLUMNS)
    assert len(jobs(tmp_path, row, declared=declared)) == 1


def test_every_bad_row_is_named(tmp_path):
    good = line("2026-06-01T00:00:00", "2026-06-01T01:00:00", 3600)
    bad = [
        good.replace("2026-06-01T01", "yesterday"),
        good.replace("3600", "an hour"),
        good.replace("gpu=1", "gpu=one"),
        good.replace("n1", "n[1-"),
        "1|2|3",
    ]
    with pytest.raises(InputError) as told:
        jobs(tmp_path, HEADER, good, *bad)
    places = [problem.place.rsplit(" ", 1)[1] for problem in told.value.problems]
    assert places == ["3", "4", "5", "6", "7"]


@pytest.mark.parametrize("column", ["State", "AllocTRES", "ElapsedRaw"])
def test_a_missing_or_repeated_column_is_named(tmp_path, column):
    with pytest.raises(InputError, match=f"no column {column}"):
        jobs(tmp_path, HEADER.replace(column, "Other"))
    with pytest.raises(InputError, match=f"'{column}' appears twice"):
        jobs(tmp_path, f"{HEADER}|{column}")


def test_an_unknown_time_zone_is_refused(tmp_path):
    with pytest.raises(InputError, match="time zone"):
        jobs(tmp_path, HEADER, declared=Declared(sacct_timezone="Berlin"))
