"""Two plans side by side: figures, lines, promises, prices, and the inputs that differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from gpumix.domain.offer import Purchase
from gpumix.domain.plan import MixLine, Plan, SloCheck
from gpumix.domain.plan_difference import (
    CashChange,
    Figure,
    LineChange,
    PlanDifference,
    PriceChange,
    PromiseChange,
    Side,
)
from gpumix.loop.inputs import input_changes
from gpumix.loop.standing import base_id

_SAME = 1e-9
"""Relative difference of two prices that are one."""


def difference(before: Plan, after: Plan) -> PlanDifference:
    """All that differs from one plan to another."""
    old, new = _figures(before), _figures(after)
    ids = [{w.id for w in plan.workloads} for plan in (before, after)]
    return PlanDifference(
        before=_side(before),
        after=_side(after),
        figures=tuple(Figure(name, old[name], new[name]) for name in old),
        cash_by_year=tuple(_cash(before, after)),
        mix=tuple(_lines(before, after)),
        promises=tuple(_promises(before, after)),
        workloads_added=tuple(w.id for w in after.workloads if w.id not in ids[0]),
        workloads_removed=tuple(w.id for w in before.workloads if w.id not in ids[1]),
        prices=tuple(_prices(before, after)),
        inputs=tuple(input_changes(before, after)),
    )


def _side(plan: Plan) -> Side:
    return Side(plan.name, plan.start, plan.months, plan.as_of, plan.version, plan.data_as_of)


def _figures(plan: Plan) -> dict[str, float | None]:
    """The numbers that are compared, by name; also those that a condition may ask about."""
    checks = [check for workload in plan.workloads for check in workload.slo]
    held = [line for line in plan.mix if line.count and line.purchase != Purchase.API]
    return {
        "monthly_usd": plan.monthly_usd,
        "first_year_monthly_usd": plan.first_year_monthly_usd,
        "horizon_usd": plan.horizon_usd,
        "cash_usd": plan.cash_usd,
        "capex_usd": plan.capex_usd,
        "owed_usd": plan.owed_usd,
        "idle_usd_per_month": plan.idle_usd_per_month,
        "gpus": float(sum(line.count * line.gpus_per_instance for line in held)),
        "lines": float(len(held)),
        "gpu_types": float(len({line.gpu for line in held})),
        "providers": float(len({x.provider for x in held if Purchase(x.purchase).is_cloud})),
        "utilisation": plan.utilisation,
        "workloads": float(len(plan.workloads)),
        "promises": float(len(checks)),
        "promises_broken": float(sum(not check.kept for check in checks)),
        "gap": plan.gap,
    }


FIGURES = (
    "monthly_usd", "first_year_monthly_usd", "horizon_usd", "cash_usd", "capex_usd", "owed_usd",
    "idle_usd_per_month", "gpus", "lines", "gpu_types", "providers", "utilisation", "workloads",
    "promises", "promises_broken", "gap",
)  # fmt: skip
"""Names of all figures."""


def _cash(before: Plan, after: Plan) -> Iterator[CashChange]:
    """By the years of each plan's own horizon, those that begin in one year side by side."""
    years = [
        {plan.start.year + i: usd for i, usd in enumerate(plan.cash_by_year_usd)}
        for plan in (before, after)
    ]
    for year in sorted({*years[0], *years[1]}):
        yield CashChange(year, years[0].get(year), years[1].get(year))


def _lines(before: Plan, after: Plan) -> Iterator[LineChange]:
    """Lines whose counts differ, the largest change of cost first."""
    old, new = (_counted(plan) for plan in (before, after))
    found = []
    for name in dict.fromkeys([*old, *new]):
        a, b = old.get(name), new.get(name)
        known = (a or b or [])[0]
        change = LineChange(
            resource=name,
            gpu=known.gpu,
            gpus_per_instance=known.gpus_per_instance,
            before_count=_most(a or ()),
            after_count=_most(b or ()),
            before_usd_per_month=math.fsum(line.usd_per_month for line in a or ()),
            after_usd_per_month=math.fsum(line.usd_per_month for line in b or ()),
        )
        if change.before_count != change.after_count:
            found.append(change)
    yield from sorted(found, key=lambda c: -abs(c.after_usd_per_month - c.before_usd_per_month))


def _counted(plan: Plan) -> dict[str, list[MixLine]]:
    """Lines by resource; one that ran before its plan is one with those of its kind."""
    found: dict[str, list[MixLine]] = {}
    for line in plan.mix:
        found.setdefault(base_id(line.resource), []).append(line)
    return found


def _most(lines: Sequence[MixLine]) -> int:
    """The most instances of some lines together in any year."""
    by_year = zip_longest(*(line.counts_by_year for line in lines), fillvalue=0)
    return max(map(sum, by_year), default=sum(line.count for line in lines))


def _promises(before: Plan, after: Plan) -> Iterator[PromiseChange]:
    old, new = (_checks(plan) for plan in (before, after))
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key), new.get(key)
        yield PromiseChange(
            workload=key[0],
            name=key[1],
            before_kept=a.kept if a else None,
            after_kept=b.kept if b else None,
            before_margin=_margin(a),
            after_margin=_margin(b),
        )


def _checks(plan: Plan) -> dict[tuple[str, str], SloCheck]:
    return {(w.id, check.name): check for w in plan.workloads for check in w.slo}


def _margin(check: SloCheck | None) -> float | None:
    """What a prediction leaves of its limit, as a share of it."""
    if check is None or not check.limit_s or not math.isfinite(check.predicted.value):
        return None
    return 1.0 - check.predicted.value / check.limit_s


def _prices(before: Plan, after: Plan) -> Iterator[PriceChange]:
    """Lines of both mixes that are rented at another price."""
    old, new = (_rented(plan.mix) for plan in (before, after))
    for name, price in old.items():
        other = new.get(name)
        if other is not None and not math.isclose(price, other, rel_tol=_SAME):
            yield PriceChange(name, price, other)


def _rented(lines: Iterable[MixLine]) -> dict[str, float]:
    return {
        base_id(line.resource): line.usd_per_gpu_hour
        for line in lines
        if Purchase(line.purchase) in (Purchase.ON_DEMAND, Purchase.SPOT) and line.count
    }
