"""Work that is no transformer: the rates that a team measured, and what must not be said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.domain.custom import RATE_CV, MeasuredRate
from gpumix.domain.workload import Inventory, Workload

INVENTORY = """\
horizon: {{start: 2027-01, years: 1}}
workloads:
  w: {{kind: custom, {}}}
supply:
  cloud: {{}}
"""
SERVED = "rates: {l40s-48gb: 120}, unit: frames, traffic: {requests_per_s: 2}, latency: 3 s"

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]


def one(read: Read, words: str) -> Workload:
    [found] = read(INVENTORY.format(words)).workloads
    return found


def test_a_rate_is_a_number_or_has_terms(read: Read) -> None:
    rates = "{l40s: 120, h100-sxm-80gb: {rate: 900, gpus: 8, cv: 0.2}}"
    found = one(read, f"rates: {rates}, unit: frames, per_day: 2k")
    assert found.rates == (
        MeasuredRate("l40s-48gb", 120.0, 1, RATE_CV, False),
        MeasuredRate("h100-sxm-80gb", 900.0, 8, 0.2, True),
    )
    assert (found.unit, found.model, found.precisions, found.engine) == ("frame", "", (), "")
    assert found.is_deferrable
    assert found.demand is not None
    assert sum(found.demand.units_per_hour) == pytest.approx(14_000.0)


@pytest.mark.parametrize(
    ("stated", "unit"),
    [("frames", "frame"), ("mass", "mass"), ("s", "s"), ("row", "row"), ("'  '", "unit")],
)
def test_a_unit_is_one_of_what_is_counted(read: Read, stated: str, unit: str) -> None:
    assert one(read, f"rates: {{l40s: 1}}, per_day: 1, unit: {stated}").unit == unit


def test_served_work_promises_the_time_of_a_unit(read: Read) -> None:
    found = one(read, f"{SERVED}, time_cv: 0.5")
    assert [(slo.key, slo.limit_s) for slo in found.slos] == [("e2e_p95", 3.0)]
    assert found.demand is not None
    assert found.demand.input.cv == 0.5
    assert max(found.demand.units_per_hour) == pytest.approx(7200.0)
    other = one(read, "rates: {l40s: 9}, traffic: {users: 50}, slo: {e2e_p99: 9 s}")
    assert [slo.key for slo in other.slos] == ["e2e_p99"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("per_day: 5", "workloads.w.rates (line 3): states no rate of any GPU"),
        ("rates: {}, per_day: 5", "states no rate of any GPU (add rates: {l40s-48gb: 120}"),
        ("rates: {l40x: 5}, per_day: 5", "workloads.w.rates.l40x (line 3): unknown GPU 'l40x'"),
        ("rates: {l40s: 0}, per_day: 5", "units per hour must be above 0"),
        ("rates: {l40s: -3}, per_day: 5", "units per hour must be above 0"),
        ("rates: {l40s: {rate: 0}}, per_day: 5", "units per hour must be above 0"),
        ("rates: {l40s: .nan}, per_day: 5", "workloads.w.rates.l40s"),
        ("rates: {l40s: {gpus: 2}}, per_day: 5", "needs the key 'rate'"),
        ("rates: {l40s: {rate: 3, cv: 0}}, per_day: 5", "must be at least 0.001"),
        ("rates: {l40s: {rate: 3, watts: 2}}, per_day: 5", "unknown key 'watts'"),
        ("rates: {l40s: 5, l40s-48gb: 6}, per_day: 5", "states a second rate of l40s-48gb"),
        (
            "rates: {l40s: 5, l4-24gb: 6}, gpus: [l4-24gb], per_day: 5",
            "workloads.w.rates.l40s (line 3): `gpus` of the workload names only l4-24gb",
        ),
        ("rates: {l40s: 5}", "states no work (add per_day"),
        ("rates: {l40s: 5}, per_day: 5, traffic: {requests_per_s: 1}", "traffic and per_day"),
        (f"{SERVED}, slo: {{e2e_p95: 2 s}}", "states latency and slo.e2e_p95"),
        (f"{SERVED}, finish_within: 8 h", "this one promises a latency"),
        ("rates: {l40s: 5}, per_day: 5, slo: {ttft_p95: 1 s}", "does not go with kind custom"),
        ("rates: {l40s: 5}, per_day: 5, model: bge-m3", "workloads.w.model (line 3): does not go"),
        ("rates: {l40s: 5}, per_day: 5, mig: true", "workloads.w.mig (line 3): does not go"),
        ("rates: {l40s: 5}, traffic: {tokens_per_day: 1M}", "does not go with kind custom"),
        (
            "rates: {l40s: 5}, traffic: {requests_per_s: 1, input_tokens: 9}, latency: 1 s",
            "workloads.w.traffic.input_tokens (line 3): does not go with kind custom",
        ),
    ],
)
def test_what_it_cannot_be_is_said(refused: Refused, words: str, problem: str) -> None:
    assert problem in refused(INVENTORY.format(words))


def test_rates_go_with_custom_work_alone(refused: Refused) -> None:
    words = "model: bge-m3, tokens_per_day: 1B, rates: {l40s: 5}"
    text = INVENTORY.format(words).replace("kind: custom", "kind: embedding")
    assert "workloads.w.rates (line 3): does not go with kind embedding" in refused(text)
