"""Units and blocks of traces: read by what is plausible, stated, asked for where in doubt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.inventory.trace import read_requests, read_trace
from gpumix.inventory.trace_formats import Reading

RNG = np.random.default_rng(3)
SECONDS = np.cumsum(RNG.exponential(0.5, 200))
"""Two requests a second."""


def lines(path: Path, times: Sequence[Any], block: int = 0, **more: Any) -> Path:
    """A trace in the form of Mooncake's or Qwen-Bailian's."""
    rows = []
    for i, time in enumerate(times):
        length = 300 + 97 * (i % 9)
        row = {"timestamp": time, "input_length": length, "output_length": 20} | more
        if block:
            row["hash_ids"] = list(range(100 * i, 100 * i + -(-length // block)))
        rows.append(json.dumps(row))
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


BAILIAN = {"chat_id": 1, "parent_chat_id": -1}


@pytest.mark.parametrize(
    ("scale", "digits", "block", "keys", "says"),
    [
        (1.0, 3, 16, BAILIAN, "seconds"),
        (1.0, 3, 0, {}, "seconds"),
        (1.0, 3, 512, {}, "seconds"),
        (1e3, None, 512, {}, "milliseconds"),
    ],
)
def test_two_a_second_are_two_a_second(
    tmp_path: Path, scale: float, digits: int | None, block: int, keys: dict[str, int], says: str
) -> None:
    times = [round(t * scale, digits) for t in SECONDS.tolist()]
    path = lines(tmp_path / "t.jsonl", times, block, **keys)
    profile, busiest = read_trace(path)
    assert busiest == pytest.approx(2.0, rel=0.15)
    assert f"timestamp read as {says}" in profile.source
    assert "200 requests over" in profile.source
    if block:
        assert f"blocks of {block} tokens" in profile.source


@pytest.mark.parametrize(
    ("times", "block", "keys"),
    [
        ([round(t * 1e3) for t in SECONDS.tolist()], 0, {}),  # no format says ms
        ([round(t * 1e3) for t in SECONDS.tolist()], 16, BAILIAN),  # seconds would be an idle trace
        ([round(t * 1e3, 3) for t in SECONDS.tolist()], 512, {}),  # fractions, and yet ms
        ([round(t * 60) for t in SECONDS.tolist()], 0, {}),  # one in thirty seconds, or 30 a second
        ([round(t) for t in SECONDS.tolist()], 512, {}),  # 2,000 a second, as published
        ([round(t * 1e6, 1) for t in SECONDS.tolist()], 0, {}),  # neither
    ],
)
def test_a_unit_in_doubt_is_asked_for(
    tmp_path: Path, times: list[float], block: int, keys: dict[str, int]
) -> None:
    path = lines(tmp_path / "t.jsonl", times, block, **keys)
    with pytest.raises(InputError, match=r"unit of timestamp is in doubt.*--trace-unit s or ms"):
        read_requests(path)
    for unit, factor in (("s", 1.0), ("ms", 1e-3)):
        found = read_requests(path, Reading(unit))
        assert found.arrival_s[-1] == pytest.approx(times[-1] * factor)
        assert "as you say" in found.note


def test_a_stated_second_that_cannot_be_one_is_doubted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "\n".join(f"{t / 1e4:.7f},10,10" for t in SECONDS)
    path.write_text("arrival_s,input_tokens,output_tokens\n" + rows, encoding="utf-8")
    with pytest.raises(InputError, match="in doubt"):
        read_requests(path)


def test_blocks_that_fit_no_size_share_nothing(tmp_path: Path) -> None:
    path = lines(tmp_path / "t.jsonl", SECONDS.tolist(), hash_ids=[1, 2, 3, 4, 5, 6, 7])
    found = read_requests(path)
    assert found.prefix_tokens.max() == 0
    assert "fit no size of block" in found.note


def test_blocks_of_sixteen_are_counted_as_sixteen(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [
        {
            "timestamp": 0.5 + i,
            "input_length": 64,
            "output_length": 1,
            "hash_ids": ids,
            **BAILIAN,
        }
        for i, ids in enumerate([[1, 2, 3, 4], [1, 2, 9, 8]])
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read_requests(path).prefix_tokens.tolist() == [0, 32]


def test_aibrix_lists_the_requests_of_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    one = {"prompt": "hi\u0007", "prompt_length": 101, "output_length": 7, "session_id": 0}
    rows = [{"timestamp": 500 * i, "requests": [one, one]} for i in range(30)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InputError, match="control character"):
        read_requests(path)
    one["prompt"] = "hi"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_requests(path)
    assert found.arrival_s[:4].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert "read as milliseconds" in found.note
    rows[3]["requests"][1] = one | {"output_length": None}  # type: ignore[index]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InputError, match="line 4: output_tokens is missing"):
        read_requests(path)


def test_vidur_counts_seconds(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,5,6\n0.25,7,8\n")
    found = read_requests(path)
    assert found.arrival_s.tolist() == [0.0, 0.25]
    assert found.output_tokens.tolist() == [6, 8]


NAMES = {"arrival": "created", "input": "usage.prompt_tokens", "output": "usage.completion_tokens"}


@pytest.mark.parametrize("unit_s", [1.0, 1e-3, 1e-6])
def test_a_log_of_an_api_by_its_columns(tmp_path: Path, unit_s: float) -> None:
    path = tmp_path / "log.jsonl"
    start = 1_716_163_200  # Monday, 20 May 2024, 00:00
    rows = [
        {"id": f"r{i}", "created": round((start + 3600 + i) / unit_s),
         "usage": {"prompt_tokens": 10 + i, "completion_tokens": i}, **({"error": 1} if i else {})}
        for i in range(3)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read_requests(path, Reading(names=NAMES))
    assert found.arrival_s == pytest.approx([3600.0, 3601.0, 3602.0], abs=1e-3)
    assert found.input_tokens.tolist() == [10, 11, 12]
    assert "counted from 1970" in found.note


def test_dates_in_a_mapped_column(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("at,in,out\n2024-05-20T00:00:01Z,5,6\n2024-05-20T00:00:02Z,7,8\n")
    found = read_requests(path, Reading(names={"arrival": "at", "input": "in", "output": "out"}))
    assert found.arrival_s.tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="no column for output=tokens; it has 'at, in, out'"):
        read_requests(path, Reading(names={"arrival": "at", "input": "in", "output": "tokens"}))


def inventory(folder: Path, catalog: Catalog, traffic: str) -> Inventory:
    text = (
        "horizon: {start: 2027-01, years: 1}\nworkloads:\n  chat:\n    kind: chat\n"
        f"    model: Qwen/Qwen3-8B\n    traffic: {{{traffic}}}\n    slo: {{ttft_p95: 1 s}}\n"
        "supply: {cloud: {providers: any, regions: any}}\n"
    )
    path = folder / "team.yaml"
    path.write_text(text, encoding="utf-8")
    return read_inventory(path, catalog, date(2026, 11, 30))


def test_an_inventory_states_unit_and_columns(tmp_path: Path) -> None:
    catalog = load()
    lines(tmp_path / "t.jsonl", [round(t * 1e3) for t in SECONDS.tolist()])
    with pytest.raises(InputError, match=r"traffic\.trace.*traffic\.trace_unit"):
        inventory(tmp_path, catalog, "trace: t.jsonl")
    (chat,) = inventory(tmp_path, catalog, "trace: t.jsonl, trace_unit: ms").workloads
    assert chat.demand is not None
    assert max(chat.demand.units_per_hour) == pytest.approx(7200.0, rel=0.15)
    assert any("milliseconds (as you say)" in a.source for a in chat.demand.evidence)
    with pytest.raises(InputError, match="goes with a trace"):
        inventory(tmp_path, catalog, "profile: azure-conv, requests_per_s: 1, trace_unit: s")
    (tmp_path / "log.csv").write_text(
        "at,in,out\n2024-05-20T00:00:01Z,5,6\n2024-05-20T00:00:02Z,7,8\n"
    )
    mapped = "trace: log.csv, trace_map: {arrival: at, input: in, output: out}"
    (chat,) = inventory(tmp_path, catalog, mapped).workloads
    assert chat.demand is not None
    assert chat.demand.input.mean == 6.0
    with pytest.raises(InputError, match="output"):
        inventory(tmp_path, catalog, "trace: log.csv, trace_map: {arrival: at, input: in}")
