"""Rules, their tests and their route: what they hold. That they fire is promtool's to say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import guard_fixture as made
import pytest
import yaml

from gpumix.guard import tables
from gpumix.guard.holding import Holding
from gpumix.guard.prometheus.files import ROUTE, RULES, TESTS, prometheus
from gpumix.guard.prometheus.series import figures, promises, unit_prices


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


@pytest.fixture(scope="module")
def files(held: Holding) -> dict[str, Any]:
    return {one.name: yaml.safe_load(one.text) for one in prometheus(held)[0]}


def _rules(files: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in files[RULES]["groups"] for rule in group["rules"]]


def test_every_alert_has_a_test_that_fires_and_one_that_is_quiet(files: dict[str, Any]) -> None:
    names = {rule["alert"] for rule in _rules(files) if "alert" in rule}
    cases = {(one["alert_rule_test"][0]["alertname"], one["name"]) for one in files[TESTS]["tests"]}
    assert cases == {(n, f"{n} fires") for n in names} | {(n, f"{n} is quiet") for n in names}
    for one in files[TESTS]["tests"]:
        [told] = one["alert_rule_test"]
        assert bool(told["exp_alerts"]) == one["name"].endswith("fires")
        assert one["input_series"] or "Missing" in one["name"]


def test_every_kind_of_alert_is_there(files: dict[str, Any]) -> None:
    names = {rule["alert"].removeprefix("Gpumix") for rule in _rules(files) if "alert" in rule}
    assert names == {
        "GpuIdle", "LowBatch", "CostAbovePlan", "PromiseAtRisk", "QuotaDrift", "QuotaMissing",
        "ReplicasAbovePlan", "PoolDrift", "PoolMissing", "PoolAbovePlan",
    }  # fmt: skip


def test_what_people_wrote_is_in_no_query_and_no_template(files: dict[str, Any]) -> None:
    for rule in _rules(files):
        told = " ".join([rule["expr"], *rule.get("labels", {}).values()])
        told += " ".join(rule.get("annotations", {}).values())
        assert "\u20ac" not in told
        assert set(re.findall(r"{{ *(.*?) *}}", told)) <= {
            'printf "%.4g" $value', "$labels.namespace", "$labels.UUID", "$labels.promise",
            "$labels.resource", "$labels.deployment", "$labels.pool",
        }  # fmt: skip


def test_every_series_that_a_rule_reads_of_ours_is_recorded(files: dict[str, Any]) -> None:
    recorded = {rule["record"] for rule in _rules(files) if "record" in rule}
    read = {
        name for rule in _rules(files) for name in re.findall(r"gpumix:[a-z0-9_:]+", rule["expr"])
    }
    assert read <= recorded


def test_limits_are_without_the_way_to_the_users(held: Holding) -> None:
    found = {(one.owner.name, one.name): one.limit_s for one in promises(held)[0]}
    assert found[("copilot", "ttft_p50")] == pytest.approx(0.2)
    assert found[("copilot", "ttft_p95")] == pytest.approx(1.0)  # that of `second`
    assert found[("vectors", "e2e_p99")] == 1.0
    left_out = {one.what: one.why for one in promises(held)[1]}
    assert "class vip" in left_out["second vip e2e_p90"]
    assert {"art e2e_p95", "tuning finish_within"} <= left_out.keys()


def test_a_committed_pool_is_that_of_the_first_year(held: Holding) -> None:
    told = {(one.name, one.labels.get("pool")): one.value for one in figures(held)}
    assert told[("gpumix:plan:pool_held", "aws-h100-sxm-80gb-reserved")] == 8
    assert told[("gpumix:plan:pool_most", "aws-l40s-48gb-on-demand")] == 12


def test_a_slice_costs_its_part_of_a_gpu(held: Holding) -> None:
    [vectors] = [owner for owner in held.owners if owner.name == "vectors"]
    assert unit_prices(held, vectors) == {"nvidia.com/mig-3g.40gb": pytest.approx(0.5)}
    [nightly] = [owner for owner in held.owners if owner.name == "nightly"]
    assert unit_prices(held, nightly) == {
        "nvidia.com/gpu": pytest.approx(2.0), "amd.com/gpu": pytest.approx(2.0),
    }  # fmt: skip


def test_planned_tokens_are_the_demands(held: Holding) -> None:
    told = {one.labels.get("namespace"): one.value for one in figures(held) if "tokens" in one.name}
    assert told["copilot"] == pytest.approx(300.0)  # two workloads of a request a second each
    assert told["nightly"] == pytest.approx(150.0)


def test_the_route_pages_for_promises_alone(files: dict[str, Any]) -> None:
    [mine] = files[ROUTE]["route"]["routes"]
    assert mine["matchers"] == ['gpumix_plan="team"']
    assert [one["matchers"] for one in mine["routes"]] == [
        ['severity="page"'],
        ['severity="ticket"'],
    ]
    pages = {r["alert"] for r in _rules(files) if r.get("labels", {}).get("severity") == "page"}
    assert pages == {"GpumixPromiseAtRisk"}
    named = {one["name"] for one in files[ROUTE]["receivers"]}
    assert {mine["receiver"], *(one["receiver"] for one in mine["routes"])} <= named


def test_amd_has_no_alert_of_idle_gpus() -> None:
    plan = made.made_plan()
    amd = replace(plan, mix=tuple(one for one in plan.mix if one.gpu.startswith("mi300x")))
    written, left_out = prometheus(made.held(amd))
    assert "GpumixGpuIdle" not in written[0].text
    assert any("DCGM" in one.why for one in left_out)


def test_thresholds_come_from_data(files: dict[str, Any]) -> None:
    exprs = {rule["alert"]: rule["expr"] for rule in _rules(files) if "alert" in rule}
    rule = tables.low_batch()
    assert f"> {rule['engine_above']:g} " in exprs["GpumixLowBatch"]
    assert f"< {rule['sm_below']:g} " in exprs["GpumixLowBatch"]
    assert f"{tables.number('cost_above_plan'):g} *" in exprs["GpumixCostAbovePlan"]
