"""Fleets that follow a plan: quiet weeks are quiet, and each drift is named within a week."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from followed import DAY, H100, HOURLY, L40S, RESERVED, SINCE, fleet, held, only, told

SEEDS = (1, pytest.param(2, marks=pytest.mark.slow))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("followed")


@pytest.mark.parametrize(
    "seed", [10, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(11, 30))]
)
def test_twenty_quiet_weeks_alarm_nobody(
    monkeypatch: pytest.MonkeyPatch, folder: Path, seed: int
) -> None:
    found = held(monkeypatch, folder, fleet(folder, seed, days=140, step_s=3600))
    assert told(found) == []
    assert {"speed", "demand", "prompt", "answer", "price", "count", "version"} == {
        check.kind for check in found.checks
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("drift", "kind", "of", "change"),
    [
        (f"speed:{L40S}:0.8", "speed", "chat", -0.2),
        (f"price:{H100}:1.3", "price", H100, 0.3),
        (f"price:{L40S}:1.3", "price", L40S, 0.3),
        ("demand:code:1.5", "demand", "code", 0.5),
        ("demand:chat:0.5", "demand", "chat", -0.5),
        ("prompt:code:2", "prompt", "code", 1.0),
        ("answer:chat:1.5", "answer", "chat", 0.5),
    ],
)
def test_each_drift_is_named_within_a_week(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    seed: int,
    drift: str,
    kind: str,
    of: str,
    change: float,
) -> None:
    finding = only(held(monkeypatch, folder, fleet(folder, seed, f"{drift}@{DAY}")))
    assert (finding.kind, finding.scope.workload or finding.scope.gpu) == (kind, of)
    noise = 0.15 if kind == "demand" else 0.08  # a week's demand is another by itself
    assert finding.change_share == pytest.approx(change, abs=noise)
    assert finding.since is not None
    late = datetime.fromisoformat(finding.since) - datetime.fromisoformat(SINCE)
    assert abs(late.days) <= 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_new_engine_version_is_named(
    monkeypatch: pytest.MonkeyPatch, folder: Path, seed: int
) -> None:
    finding = only(held(monkeypatch, folder, fleet(folder, seed, f"version:chat@{DAY}")))
    assert finding.kind == "version"
    assert finding.since == SINCE
    assert dict(finding.names) == {"what": "engine", "before": "0.10.2", "now": "0.11.0"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_that_went_is_named(
    monkeypatch: pytest.MonkeyPatch, folder: Path, seed: int
) -> None:
    found = held(monkeypatch, folder, fleet(folder, seed, f"gone:{L40S}@{DAY}"))
    finding = next(f for f in found.findings if f.kind == "count")
    assert (finding.scope.gpu, finding.since) == (L40S, SINCE)
    assert finding.names["gone"] == f"{L40S}-on_demand-0"
    assert finding.usd_per_month_kept == pytest.approx(-0.8 * 730.0)
    assert {f.kind for f in found.findings} == {"count"}


def test_three_days_of_a_drift_are_not_yet_a_week_but_a_week_is(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    short = held(monkeypatch, folder, fleet(folder, 3, "demand:code:1.5@25"))
    assert told(short) == []
    gone = held(monkeypatch, folder, fleet(folder, 3, "demand:code:1.5@7", "demand:code:0.6667@14"))
    assert told(gone) == []


def test_what_a_price_costs_while_the_fleet_stays(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    finding = only(held(monkeypatch, folder, fleet(folder, 4, f"price:{H100}:1.3@{DAY}")))
    assert finding.scope.offer == RESERVED
    assert finding.usd_per_month_kept == pytest.approx(0.6 * 2 * 730.0, rel=1e-3)


def test_a_price_book_is_held_against_the_plan_where_no_bill_is(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    sources = fleet(folder, 5)
    (sources / "bill.csv").unlink()
    book = tmp_path / "book.csv"
    rows = f"{L40S},on_demand,1.04\n{H100},reserved_1y,2.0\n{H100},on_demand,9\n"
    book.write_text(f"gpu,purchase,usd_per_gpu_hour\n{rows}", encoding="utf-8")
    finding = only(held(monkeypatch, folder, sources, prices=book))
    assert (finding.kind, finding.scope.offer) == ("price", HOURLY)
    assert finding.change_share == pytest.approx(0.3)
    plain = held(monkeypatch, folder, sources)
    assert any(why.startswith("prices: there is no bill") for why in plain.not_looked_for)


def test_a_stricter_rule_finds_more(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    sources = fleet(folder, 6, f"demand:code:1.12@{DAY}")
    assert told(held(monkeypatch, folder, sources)) == []
    rules = tmp_path / "rules.csv"
    rules.write_text("check,name,value\ndemand,tolerance,0.04\n", encoding="utf-8")
    assert ("demand", "code") in told(held(monkeypatch, folder, sources, rules=rules))


def test_requests_that_bunch_more_are_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    from gpumix.verbs import drift as verb

    sources = fleet(folder, 8, days=10, step_s=120)
    plain = held(monkeypatch, folder, sources)
    assert "burstiness" in {check.kind for check in plain.checks}
    look: Any = verb.look

    def bunched(*asked: Any) -> Any:
        seen = look(*asked)
        return type(seen)(seen.requests, {k: 3.0 * v for k, v in seen.peakedness.items()}, seen.ran)

    monkeypatch.setattr(verb, "look", bunched)
    assert ("burstiness", "code") in told(held(monkeypatch, folder, sources))
