"""Classes of requests on the same replicas: rates, promises and what each costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import (
    Adapters,
    Demand,
    Kind,
    RequestClass,
    Slo,
    Tier,
    Workload,
)
from gpumix.options.classes import as_standard, class_options, class_plans
from gpumix.options.option import Option

SHORT, LONG = Lengths(1000.0, 0.0), Lengths(9000.0, 0.0)
VIP = RequestClass("vip", 0.25, SHORT, Lengths(100.0, 0.0), Tier.PREMIUM)
REST = RequestClass("rest", 0.75, LONG, Lengths(100.0, 0.0), Tier.STANDARD)
DEMAND = Demand(
    (100.0,) * 168, 0.0, Lengths(7000.0, 0.5), Lengths(100.0, 0.0), 1.0, 0.0, "flat",
    classes=(VIP, REST),
)  # fmt: skip
WORK = Workload(
    "chat", Kind.CHAT, "m", ("bf16",), "", "vllm", Tier.PREMIUM, DEMAND, None,
    (
        Slo("ttft", 0.95, 1.0, "vip"),
        Slo("ttft", 0.95, 4.0, "rest"),
        Slo("tpot", 0.95, 0.1, "rest"),
    ),
    tuple(range(168)), (), (), confidence=0.95, adapters=Adapters(2, 8),
)  # fmt: skip


def option(rate: float, reason: str = "", shortfall: float = 0.5) -> Option:
    return Option(
        "chat", "g", 1, 1, "bf16", units_per_hour=rate, tokens_per_s=8.0 * rate, batch=rate,
        reason=reason, shortfall=shortfall,
    )  # fmt: skip


def asked(strict: dict[str, Option]) -> list[tuple[Option, Workload]]:
    """What is asked of each class, alone; without promises a replica does 400 of short prompts."""
    seen: list[tuple[Option, Workload]] = []

    def ask(one: Workload) -> list[Option]:
        assert one.demand is not None
        assert not one.demand.classes
        full = {7000.0: 200.0, 1000.0: 400.0, 9000.0: 150.0}[one.demand.input.mean]
        found = strict[one.slos[0].of_class] if one.slos else option(full)
        seen.append((found, one))
        return [found]

    (mixed,) = class_options(WORK, DEMAND, ask)
    return [(mixed, WORK), *seen]


def test_times_of_classes_add_up() -> None:
    (mixed, _), *seen = asked({"vip": option(100.0), "rest": option(50.0, shortfall=0.9)})
    assert mixed.units_per_hour == pytest.approx(1.0 / (0.25 / 100.0 + 0.75 / 50.0))
    assert mixed.tokens_per_s == pytest.approx(8.0 * mixed.units_per_hour)
    assert mixed.shortfall == 0.9
    assert mixed.class_units_per_hour == (400.0, 150.0)
    alone = [one for _, one in seen if one.slos]
    assert [one.slos for one in alone] == [WORK.slos[:1], WORK.slos[1:]]
    assert [one.demand.units_per_hour[0] for one in alone if one.demand] == [25.0, 75.0]


def test_a_layout_too_slow_for_one_class_serves_none() -> None:
    (mixed, _), *_ = asked({"vip": option(0.0, "ttft is late", 1.4), "rest": option(50.0)})
    assert not mixed.serves
    assert mixed.reason == "vip: ttft is late"
    assert mixed.shortfall == 1.4
    assert mixed.units_per_hour == 0.0


def test_premium_as_standard_has_the_loosest_limits_of_the_others() -> None:
    plain = as_standard(WORK)
    assert plain is not None
    assert [s.limit_s for s in plain.slos] == [4.0, 4.0, 0.1]
    assert (plain.tier, plain.confidence) == (Tier.STANDARD, 0.8)
    assert plain.demand is not None
    assert {one.tier for one in plain.demand.classes} == {Tier.STANDARD}
    stated = as_standard(replace(WORK, confidence=0.9))
    assert stated is not None
    assert stated.confidence == 0.9
    assert as_standard(plain) is None
    only = replace(DEMAND, classes=(replace(VIP, share=1.0),))
    assert as_standard(replace(WORK, demand=only)) is None


def test_premium_pays_what_it_adds_and_the_rest_is_split_by_gpu_time() -> None:
    served = [(replace(option(80.0), class_units_per_hour=(400.0, 150.0)), 10.0)]
    vip, rest = class_plans(DEMAND, served, 1e6, 1000.0, 10.0, 0.0004)
    times = (0.25 / 400.0, 0.75 / 150.0)
    assert rest.usd_per_month == pytest.approx(60.0 * times[1] / sum(times))
    assert vip.usd_per_month + rest.usd_per_month == pytest.approx(100.0)
    assert vip.premium_usd_per_mtok == pytest.approx(400.0 / (0.25 * 1100.0))
    assert rest.premium_usd_per_mtok is None
    assert rest.usd_per_mtok_total == pytest.approx(rest.usd_per_month * 10.0 / (0.75 * 9100.0))
    unknown, _ = class_plans(DEMAND, [(option(80.0), 10.0)], 1e6, 1000.0, 10.0, None)
    assert unknown.premium_usd_per_mtok is None
    assert unknown.usd_per_month == pytest.approx(100.0 * 0.25 * 1100.0 / 7100.0)
