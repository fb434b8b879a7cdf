"""prometheus-rules.yaml, its promtool tests, and the route of its alerts for Alertmanager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gpumix.domain.guard import LeftOut
from gpumix.guard import tables
from gpumix.guard.holding import Holding
from gpumix.guard.labels import POOL_LABEL
from gpumix.guard.prometheus.alerts import PAGE, TICKET, VALUE, Alert, Firing, Input, alerts
from gpumix.guard.prometheus.seen import recordings
from gpumix.guard.prometheus.series import Figure, figures, promises
from gpumix.guard.text import Written, dump, head

RULES: Final = "prometheus-rules.yaml"
TESTS: Final = "prometheus-tests.yaml"
ROUTE: Final = "alertmanager.yaml"


def prometheus(held: Holding) -> tuple[list[Written], list[LeftOut]]:
    """The rules, their tests, the route."""
    planned = figures(held)
    told = alerts(held, planned)
    _, left_out = promises(held)
    left_out = [*left_out, *_unseen(held)]
    return [_rules(held, planned, told, left_out), _tests(held, told), _route(held)], left_out


def _unseen(held: Holding) -> list[LeftOut]:
    found = []
    for pool in held.pools:
        if pool.vendor != "nvidia":
            why = f"idle GPUs: DCGM tells of NVIDIA's alone, these are of {pool.vendor}"
            found.append(LeftOut("prometheus", pool.name, why))
    return found


def _rules(
    held: Holding, planned: Sequence[Figure], told: Sequence[Alert], left_out: Sequence[LeftOut]
) -> Written:
    plan_rules = [
        {"record": one.name, "expr": f"vector({one.value:.9g})", "labels": dict(one.labels)}
        for one in planned
    ]
    seen_rules = [
        {"record": one.name, "expr": one.expr}
        | ({"labels": dict(one.labels)} if one.labels else {})
        for one in recordings(held, list(planned))
    ]
    label = held.stamp.label
    groups = [
        {"name": f"gpumix-{label}-plan", "rules": plan_rules},
        {"name": f"gpumix-{label}-seen", "rules": seen_rules},
        {"name": f"gpumix-{label}-alerts", "rules": [_alert(held, one) for one in told]},
    ]
    about = "Prometheus rules: the plan as series, the fleet beside it, alerts where they differ."
    text = head(held.stamp, about, _remarks(left_out)) + dump({"groups": groups})
    return Written(RULES, text, len(plan_rules) + len(seen_rules) + len(told))


def _alert(held: Holding, one: Alert) -> dict[str, Any]:
    return {
        "alert": one.name,
        "expr": one.expr,
        "for": one.hold,
        "labels": {"severity": one.severity, "gpumix_plan": held.stamp.label},
        "annotations": {
            "summary": one.summary,
            "description": one.description,
            "plan": f"sha256:{held.stamp.sha256}",
        },
    }


def _remarks(left_out: Sequence[LeftOut]) -> list[str]:
    return [
        "For the Prometheus Operator put `groups` under `spec` of a PrometheusRule.",
        "Series used: dcgm-exporter (DCGM_FI_PROF_SM_ACTIVE is off by default: without it low "
        "batch is silent), the engines' own pages with a label namespace, kube-state-metrics with "
        f"--metric-labels-allowlist=nodes=[{POOL_LABEL}].",
        "Limits of latency are without the way to the users. Where one lies between two bounds of "
        "an engine's histogram, the quantile is interpolated.",
        "Committed pools are those of the first year of the plan: write this file again when a "
        "step of the plan is due. Cost is that of GPUs at the plan's prices over all tokens.",
        *(f"Not here: {one.what}: {one.why}." for one in left_out),
    ]


def _tests(held: Holding, told: Sequence[Alert]) -> Written:
    cases = [case for one in told for case in (_case(held, one, True), _case(held, one, False))]
    body = {"rule_files": [RULES], "evaluation_interval": "5m", "tests": cases}
    about = f"promtool test rules {TESTS}: each alert fires when it should, and not else."
    return Written(TESTS, head(held.stamp, about) + dump(body), len(cases))


def _case(held: Holding, one: Alert, fires: bool) -> dict[str, Any]:
    inputs, expected = (one.inputs, one.firing) if fires else (one.quiet, ())
    return {
        "name": f"{one.name} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [_series(each, one.at_min) for each in inputs],
        "alert_rule_test": [
            {
                "eval_time": f"{one.at_min}m",
                "alertname": one.name,
                "exp_alerts": [_expected(held, one, each) for each in expected],
            }
        ],
    }


def _series(one: Input, minutes: int) -> dict[str, str]:
    labels = ", ".join(f'{k}="{v}"' for k, v in one.labels.items() if k != "__name__")
    name = f"{one.labels['__name__']}{{{labels}}}"
    return {"series": name, "values": f"{one.start:.9g}+{one.step:.9g}x{minutes}"}


def _expected(held: Holding, alert: Alert, one: Firing) -> dict[str, Any]:
    written = _alert(held, alert)
    told = {
        key: _rendered(text, one) if key != "plan" else text
        for key, text in written["annotations"].items()
    }
    return {
        "exp_labels": {**written["labels"], **one.labels},
        "exp_annotations": told,
    }


def _rendered(text: str, one: Firing) -> str:
    """What Prometheus makes of the two templates that alerts use."""
    for key, value in one.labels.items():
        text = text.replace(f"{{{{ $labels.{key} }}}}", value)
    return text.replace(VALUE, f"{one.value:.4g}")


def _route(held: Holding) -> Written:
    mine = f'gpumix_plan="{held.stamp.label}"'
    names = {severity: f"gpumix-{held.stamp.label}-{severity}" for severity in (PAGE, TICKET)}
    repeat = {PAGE: "repeat_promise", TICKET: "repeat_waste"}
    words = tables.settings()
    routes = [
        {
            "receiver": names[severity],
            "matchers": [f'severity="{severity}"'],
            "repeat_interval": words[repeat[severity]],
        }
        for severity in (PAGE, TICKET)
    ]
    body = {
        "route": {
            "receiver": "other",
            "routes": [
                {
                    "receiver": names[TICKET],
                    "matchers": [mine],
                    "group_by": ["alertname", "namespace"],
                    "group_wait": words["group_wait"],
                    "group_interval": words["group_interval"],
                    "routes": routes,
                }
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": [mine, 'alertname="GpumixPromiseAtRisk"'],
                "target_matchers": [mine, 'alertname=~"GpumixLowBatch|GpumixCostAbovePlan"'],
                "equal": ["namespace"],
            }
        ],
        "receivers": [{"name": "other"}, *({"name": name} for name in names.values())],
    }
    remarks = (
        "Move the inner route, the inhibit rule and the receivers into your own configuration, and "
        "give the receivers an address: without one they tell nobody. `other` is your root.",
        "While a promise is at risk nobody is asked to run fewer replicas.",
    )
    about = "Alertmanager: promises at risk page somebody, waste and drift become tickets."
    return Written(ROUTE, head(held.stamp, about, remarks) + dump(body), len(names))
