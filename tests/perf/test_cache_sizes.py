"""Cache sizes that engines printed, against predicted ones: tests/cases/cache_sizes.csv."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gpumix.catalog import load
from gpumix.perf.inference.deployment import EngineSettings, Setup, deployments
from gpumix.perf.inference.memory import Memory, memory
from gpumix.units import GIB

LOGS = Path(__file__).parents[1] / "cases" / "cache_sizes.csv"


def _count(cell: str) -> int | None:
    return int(cell) if cell else None


@pytest.fixture(scope="module")
def logs() -> list[dict[str, str]]:
    with LOGS.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def room(logs: list[dict[str, str]]) -> Memory:
    catalog = load()
    setups = [
        Setup(
            catalog.models[r["model"]], catalog.gpus[r["gpu"]], r["engine"],
            r["weight_precision"], r["kv_precision"], r["engine_version"], tp=int(r["tp"]),
            settings=EngineSettings(
                float(r["memory_share"]), _count(r["max_sequences"]),
                _count(r["chunk_tokens"]), _count(r["max_length"]),
            ),
        )
        for r in logs
    ]  # fmt: skip
    length = np.array([float(r["max_length"]) for r in logs])
    return memory(deployments(setups, catalog.coefficients), length, 0.0 * length)


def _error(log: dict[str, str], room: Memory, row: int) -> float:
    if log["cache_gib"]:
        return float(room.usable_bytes[row]) / GIB / float(log["cache_gib"]) - 1.0
    return float(room.kv_tokens[row]) / float(log["cache_tokens"]) - 1.0


def test_forty_public_logs(logs: list[dict[str, str]], room: Memory) -> None:
    held = [i for i, r in enumerate(logs) if r["cache_tokens"] != "0"]
    errors = np.abs([_error(logs[i], room, i) for i in held])
    assert len(logs) >= 40
    assert np.median(errors) <= 0.02
    assert np.quantile(errors, 0.9) <= 0.15


def test_what_did_not_start_is_not_told_to(logs: list[dict[str, str]], room: Memory) -> None:
    failed = [i for i, r in enumerate(logs) if r["cache_tokens"] == "0"]
    assert len(failed) >= 3
    assert not room.fits[failed].any()


def test_no_request_longer_than_a_measured_cache_fits(
    logs: list[dict[str, str]], room: Memory
) -> None:
    short = [
        i for i, r in enumerate(logs)
        if r["cache_tokens"] and int(r["cache_tokens"]) < int(r["max_length"])
    ]  # fmt: skip
    assert len(short) >= 5
    assert not room.fits[short].any()
