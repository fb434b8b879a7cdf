"""Inputs that once crashed, hung or slipped through: each stands for its kind."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from doors import CATALOG, STATED, TODAY
from gpumix.catalog import load
from gpumix.errors import InputError, printable
from gpumix.files import read_columns
from gpumix.inventory import read_inventory
from gpumix.inventory.results import read_results
from gpumix.inventory.trace import read_trace
from gpumix.predict.training import predict_training
from gpumix.report.export import read_plan
from gpumix.verbs.solve import solve_file

CASES = Path(__file__).resolve().parent.parent / "cases" / "doors"
SOLVABLE = CASES.parent / "mix" / "s01_cost_per_token_not_per_hour.json"
TINY = """name: tiny
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 500, output_tokens: 100, requests_per_s: 3}
supply: {cloud: {}}
"""


def inventory(path: Path) -> object:
    return read_inventory(path, CATALOG, TODAY)


def solve(path: Path) -> object:
    return solve_file(path, 1e-7, None)


def calibrate(path: Path) -> object:
    return read_results([path], STATED, CATALOG)


def refusal(read: Callable[[Path], object], path: Path, within_s: float = 2.0) -> str:
    started = time.perf_counter()
    with pytest.raises(InputError) as caught:
        read(path)
    assert time.perf_counter() - started < within_s
    return str(caught.value)


def team(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "team.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "read", "says"),
    [
        ("escape-in-names.yaml", inventory, "line 1: '\\x1b[31mred"),
        ("number-with-5000-blanks.yaml", inventory, "requests_per_s (line 8): expected a number"),
        ("rate-1e15.json", solve, "configs[0].rate: is 1e+15"),
        ("rate-1e-320.json", solve, "blocks[1].hours: must be at least 1e-09"),
        ("rate-1e-320.json", solve, "key 'rate' is written twice"),
        ("nested-brackets.json", solve, "nested too deeply"),
        ("nested-brackets.json", read_plan, "nested too deeply"),
        ("nested-brackets.json", calibrate, "nested too deeply"),
        ("integer-of-5000-digits.json", solve, "line 1: holds a number of 5,000 digits"),
        ("integer-of-5000-digits.json", read_plan, "a number of 5,000 digits"),
        ("integer-of-5000-digits.json", calibrate, "a number of 5,000 digits"),
        ("aiperf-int-for-list.json", calibrate, "error_summary: must be a list, not 999"),
        ("inference-perf-zero-output.json", calibrate, "successes.count: is missing"),
        ("p99-of-1e30-ms.json", calibrate, "p99 ttft of 5e+29 s is not a latency"),
    ],
)
def test_cases_are_refused_at_once(name: str, read: Callable[[Path], object], says: str) -> None:
    message = refusal(read, CASES / name)
    assert says in message
    assert message == "\n".join(map(printable, message.split("\n")))


@pytest.mark.parametrize("name", ["nested-brackets.json", "integer-of-5000-digits.json"])
def test_a_line_of_a_trace_is_bounded_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes((CASES / name).read_bytes())
    assert "trace.jsonl line 1" in refusal(read_trace, path)


@pytest.mark.parametrize("name", ["training-tp-0.01.csv", "training-tp-1e308.csv"])
def test_an_impossible_layout_comes_back_with_its_reason(name: str) -> None:
    out = predict_training(read_columns(CASES / name), catalog=CATALOG)
    assert np.isnan(out["value"]).all()
    assert out["note"][0].startswith("tp must be a whole number from 1 to 100,000")


@pytest.mark.parametrize("gap", [5.0, 1.0, -1.0, float("nan"), float("inf")])
def test_a_gap_that_proves_nothing_is_refused(gap: float) -> None:
    assert "gap: must be at least 0 and below 1" in refusal(
        lambda path: solve_file(path, gap, None), SOLVABLE
    )


@pytest.mark.parametrize("limit_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused(limit_s: float) -> None:
    assert "time limit: must be above 0 s" in refusal(
        lambda path: solve_file(path, 1e-7, limit_s), SOLVABLE
    )


@pytest.mark.parametrize("rate", ["1e15", "1e12", "1e10", "1e-12", "1e-320"])
def test_the_solver_survives_any_rate(rate: str, tmp_path: Path) -> None:
    """In a process of its own: where it does not, the process dies of a segmentation fault."""
    text = (CASES / "rate-1e15.json").read_text(encoding="utf-8")
    path = tmp_path / "problem.json"
    path.write_text(text.replace("1e15", rate), encoding="utf-8")
    code = f"from pathlib import Path; from gpumix.verbs.solve import solve_file; solve_file(Path({str(path)!r}), 1e-7, None)"  # noqa: E501
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "InputError" in ended.stderr


@pytest.mark.parametrize("day", ["1026-11-01", "2099-01-01", "2014-12-31"])
def test_a_price_of_another_age_is_refused_with_its_line(day: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(
        "provider,gpu,gpus_per_instance,usd_per_gpu_hour,as_of,purchase\n"
        f"lambda,h100-sxm-80gb,8,2.99,2026-10-01,on_demand\n"
        f"lambda,a100-sxm-80gb,8,1.79,{day},on_demand\n",
        encoding="utf-8",
    )
    assert f"prices.csv line 3: lambda a100-sxm-80gb on_demand: a price of {day}" in refusal(
        lambda sheet: load(prices=sheet).offers, path, 10.0
    )


def test_a_plan_starts_in_a_year_of_gpus(tmp_path: Path) -> None:
    path = team(tmp_path, TINY.replace("2027-01", "2000-01"))
    assert "horizon.start (line 2)" in refusal(inventory, path)


@pytest.mark.parametrize("rate", ["1e-300", "1e7", "1e300", "-3", "0"])
def test_traffic_that_cannot_be_is_refused(rate: str, tmp_path: Path) -> None:
    path = team(tmp_path, TINY.replace("requests_per_s: 3", f"requests_per_s: {rate}"))
    assert "requests per second must lie between 1e-05 and 1e+06" in refusal(inventory, path)


@pytest.mark.parametrize("name", ["\\e[2Jx", "a\\tb", "\\u202egpj", "\\u200bchat", "a\\nb"])
def test_names_that_a_terminal_obeys_are_refused(name: str, tmp_path: Path) -> None:
    path = team(tmp_path, TINY.replace("  chat:", f'  "{name}":'))
    assert "team.yaml line 4" in refusal(inventory, path)


def test_thousands_of_unknown_keys_are_counted(tmp_path: Path) -> None:
    keys = "".join(f"  capex_u{i}: 1\n" for i in range(20_000))
    message = refusal(inventory, team(tmp_path, f"{TINY}limits:\n{keys}"), 10.0)
    assert "limits.capex_u0 (line 10): unknown key 'capex_u0' (did you mean capex_usd" in message
    assert message.endswith("and 19,980 more like these")


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "points.csv.gz"
    with gzip.open(path, "wb") as handle:
        for _ in range(300):
            handle.write(b"1,2,3\n" * 166_667)
    assert "larger than 128 MiB unpacked" in refusal(read_columns, path, 20.0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize(
    "read",
    [read_columns, read_trace, read_plan, inventory, solve, calibrate],
    ids=lambda f: f.__name__,
)
def test_devices_and_pipes_are_refused(read: Callable[[Path], object], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull), Path("/dev/zero")):
        assert "is a device or pipe" in refusal(read, path)
    assert "is a directory" in refusal(read, tmp_path)
