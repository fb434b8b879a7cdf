"""A plan made anew: never dearer than going on, from what really stands, to the old end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.domain.plan import Plan
from gpumix.domain.replanned import Verdict
from gpumix.domain.timeline import Action
from gpumix.domain.today_plan import Action as Move
from gpumix.errors import InputError
from gpumix.loop.replan import Again, left_of, replan, usd_of
from gpumix.loop.standing import standing
from replan_fixture import PRICES, QUICK, SITE, catalog, planned, team

JUNE = date(2027, 6, 10)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(team(tmp_path_factory.mktemp("first")))


def again(
    before: Plan,
    day: date,
    changed: Mapping[tuple[str, str, str], float] | None = None,
    seen: Mapping[str, int] | None = None,
) -> Again:
    """Plan anew at other prices."""
    assert before.inventory is not None
    rates = tuple(
        replace(o, usd_per_instance_hour=(changed or {}).get((o.provider, o.gpu, o.purchase.value),
                                                             o.usd_per_instance_hour))
        for o in before.inventory.rates
    )  # fmt: skip
    left = left_of(before, day, seen, rates)
    return replan(before, left, catalog().with_rates(left.inventory.rates), work=QUICK)


def test_what_was_committed_runs_to_its_last_day_at_its_own_price(first: Plan) -> None:
    assert first.inventory is not None
    stands = standing(first, first.inventory, JUNE)
    (one,) = stands.committed
    assert (stands.months, one.count, one.until) == (5, 14, date(2027, 12, 31))
    assert one.usd_per_gpu_hour == pytest.approx(0.7, rel=1e-9)
    assert [(c.month, c.count, c.until) for c in stands.coming] == [(7, 20, 19)]


def test_at_the_same_prices_the_plan_is_kept_and_costs_what_was_left_of_it(first: Plan) -> None:
    made = again(first, JUNE)
    assert made.answer.verdict is Verdict.KEEP
    assert made.answer.months == 19
    gone_usd = first.cash_by_year_usd[0] * 5 / 12
    assert made.answer.keep_usd == pytest.approx(first.horizon_usd - gone_usd, rel=1e-9)
    assert made.answer.difference is not None
    assert made.answer.difference.is_same
    assert made.planned.plan.inventory is not None
    assert made.planned.plan.inventory.months == 19


def test_a_price_that_falls_changes_the_plan_after_what_is_signed(first: Plan) -> None:
    made = again(first, JUNE, {("nimbus", "h100-sxm-80gb", "on_demand"): 1.1})
    answer = made.answer
    assert answer.verdict is Verdict.CHANGE
    assert answer.keep_usd is not None
    assert usd_of(made.planned.plan) < answer.keep_usd
    assert [(m.date, m.action, m.gpu) for m in answer.moves] == [
        (date(2027, 12, 31), Move.EXPIRE, "l40s-48gb"),
        (date(2028, 1, 1), Move.START, "h100-sxm-80gb"),
    ]
    paid = [s for s in answer.steps if s.action is Action.KEEP]
    assert [s.count for s in paid] == [14]  # bought already: paid though something is cheaper


def test_it_is_never_dearer_than_going_on_whatever_prices_do(first: Plan) -> None:
    draw = random.Random(16)
    for _ in range(5):
        changed = {key: usd * draw.uniform(0.6, 1.7) for key, usd in PRICES.items()}
        made = again(first, draw.choice([date(2027, 3, 1), JUNE, date(2028, 1, 1)]), changed)
        answer, usd = made.answer, usd_of(made.planned.plan)
        assert answer.keep_usd is not None
        assert usd <= answer.keep_usd * (1.0 + 1e-9)
        if answer.verdict is Verdict.KEEP:
            assert answer.keep_usd <= (answer.new_usd + answer.switching_usd) * 1.02 + 1e-6
        assert all(check.kept for w in made.planned.plan.workloads for check in w.slo)


def test_demand_goes_on_growing_in_its_own_months(first: Plan) -> None:
    assert first.inventory is not None
    left = left_of(first, JUNE).inventory
    (before,), (now,) = first.inventory.workloads, left.workloads
    assert (left.start, left.years, left.short_months) == (date(2027, 6, 1), 2, 5)
    assert now.grows_in_month == 7
    assert now.demand is not None
    assert before.demand is not None
    assert now.demand.units_per_hour == before.demand.units_per_hour
    late = left_of(first, date(2028, 2, 1)).inventory.workloads[0]
    assert late.demand is not None
    assert late.demand.units_per_hour[0] == pytest.approx(1.5 * before.demand.units_per_hour[0])


def test_a_plan_that_has_ended_cannot_be_made_anew(first: Plan) -> None:
    with pytest.raises(InputError, match="ended before 2029-01-01"):
        left_of(first, date(2029, 1, 1))


def test_what_was_bought_stands_and_what_was_ordered_comes(tmp_path: Path) -> None:
    dear = {("nimbus", "h100-sxm-80gb", "on_demand"): 9.0}
    path = team(tmp_path, years=3, extra=SITE.replace("LEAD", "3"), prices=dear)
    text = path.read_text(encoding="utf-8").replace("acme, nimbus", "nimbus")
    path.write_text(text.replace("growth_per_year: 0.5", "growth_per_year: 0"), encoding="utf-8")
    bought = planned(path)
    order = next(s for s in bought.timeline if s.action is Action.BUY)
    assert bought.inventory is not None
    assert order.in_service is not None
    waiting = standing(bought, bought.inventory, order.date)
    assert [c.ordered for c in waiting.coming if c.resource == order.resource] == [True]
    served = left_of(bought, date(2027, 9, 1)).inventory
    line = next(line for line in bought.mix if line.resource == order.resource)
    gpus = order.count * line.gpus_per_instance
    assert served.sites[0].owned == (("l40s-48gb", gpus),)
    assert served.sites[0].owned_terms[0].age_months == 5.0
    made = again(bought, date(2027, 9, 1))
    kept = next(m for m in made.answer.moves if m.provider == "hq")
    assert (kept.action, kept.gpus) == (Move.KEEP, gpus)
    first_month = again(bought, order.date)
    assert any("(ordered)" in s.resource for s in first_month.answer.steps)


def test_the_counts_of_a_fleet_go_before_those_of_its_plan(first: Plan) -> None:
    left = left_of(first, JUNE, {"l40s-48gb": 12})
    (count,) = left.counts
    assert (count.planned, count.seen) == (14, 12)
    assert "committed" in count.note
    assert left.stands.committed[0].count == 14  # paid, seen or not
    more = left_of(first, JUNE, {"l40s-48gb": 14, "a100-sxm-80gb": 8})
    assert "nothing says how they are paid" in more.counts[0].note
