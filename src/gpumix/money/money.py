"""The whole of a plan's money, from its entries and those of its alternatives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpumix.cost.case.streams import cash_by_year
from gpumix.domain.money import MoneyAgainst, MoneyOption, OwnOrRent, PlanMoney
from gpumix.domain.money_ranges import Acts, MoneyRange
from gpumix.money.against import against
from gpumix.money.books import books_of
from gpumix.money.costs import Costs, Totals, costs_of
from gpumix.money.draws import drawn, shares_cheapest, spread_of, tornado_of
from gpumix.money.flips import flips_of
from gpumix.money.held import Held, Option, streams_of
from gpumix.money.inputs import Whole, inputs_of
from gpumix.money.keep_or_sell import keep_or_sell
from gpumix.money.own_or_rent import own_or_rent

PLAN = "the plan"
"""Name of the option that is decided on."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided on: the plan's entries, those of its alternatives, and what is held.

    `whole` says what the speed and the growth do to the whole cost, where that is known;
    `months` is the horizon, `rate_per_year` the cost of capital [1].
    """

    options: tuple[Option, ...]
    held: Mapping[str, Held]
    ranges: tuple[MoneyRange, ...]
    whole: Mapping[Acts, Whole]
    months: int
    rate_per_year: float


def plan_money(decision: Decision, draws: int, seed: int, life_years: float) -> PlanMoney:
    """How sure a plan's cost is, what would flip it, and what it saves.

    Args:
        decision: the plan first among its options.
        draws: how often all ranges are drawn together.
        seed: of the draws.
        life_years: over which accounts write off what is bought [years].

    Source: docs/cost.md, "How sure".
    """
    held, rate = decision.held, decision.rate_per_year
    given = inputs_of(decision.ranges, decision.options, held, rate, decision.whole)
    costs = costs_of(decision.options, given, held, rate)
    options, costs = _in_order(decision.options, costs)
    totals = drawn(costs, draws, seed)
    keeping = [index for index, one in enumerate(options) if not one.breaks]
    names = [one.name for one in options]
    plan = options[0]
    return PlanMoney(
        draws=draws,
        seed=seed,
        inputs=tuple(one.shown for one in given),
        options=_options(options, costs, totals, keeping, decision.months),
        best_alternative=names[keeping[1]] if len(keeping) > 1 else None,
        against=_against(options, totals, decision),
        tornado=tornado_of(costs, names, keeping),
        flips=flips_of(costs, names, keeping),
        own_or_rent=_own_or_rent(plan, held, rate),
        books=books_of(plan.entries, decision.months, life_years),
        keep_or_sell=keep_or_sell(plan, [options[i] for i in keeping[1:]], held, rate),
    )


def _in_order(options: Sequence[Option], costs: Costs) -> tuple[list[Option], Costs]:
    """The plan, then its alternatives, the cheapest first."""
    present = costs.at(costs.now[None, :]).present[0]
    others = sorted(range(1, len(options)), key=lambda i: (present[i], options[i].name))
    order = [0, *others]
    grouped = tuple(costs.options[i] for i in order)
    return [options[i] for i in order], Costs(
        costs.inputs, costs.months, grouped, costs.rate_per_year
    )


def _options(
    options: Sequence[Option],
    costs: Costs,
    totals: Totals,
    keeping: Sequence[int],
    months: int,
) -> tuple[MoneyOption, ...]:
    present = costs.at(costs.now[None, :]).present[0]
    shares = shares_cheapest(totals.present, keeping)
    found = []
    for index, option in enumerate(options):
        by_year = cash_by_year(streams_of(option.entries), months)
        found.append(
            MoneyOption(
                name=option.name,
                present_cost_usd=float(present[index]),
                cash_usd=math.fsum(entry.amount for entry in option.entries),
                cash_by_year_usd=tuple(by_year.tolist()),
                present=spread_of(totals.present[:, index]),
                first_year=spread_of(totals.first_year[:, index]),
                share_cheapest=shares.get(index),
                breaks=option.breaks,
            )
        )
    return tuple(found)


def _against(
    options: Sequence[Option], totals: Totals, decision: Decision
) -> tuple[MoneyAgainst, ...]:
    saved = totals.present - totals.present[:, :1]
    return tuple(
        against(
            options[0], other, spread_of(saved[:, index]), decision.months, decision.rate_per_year
        )
        for index, other in enumerate(options)
        if index
    )


def _own_or_rent(
    plan: Option, held: Mapping[str, Held], rate_per_year: float
) -> tuple[OwnOrRent, ...]:
    """Every line of the plan that is held whether used or not."""
    names = dict.fromkeys(entry.option for entry in plan.entries)
    lines = [held[name] for name in names if name in held and held[name].gpus_by_month]
    return tuple(
        own_or_rent([e for e in plan.entries if e.option == line.resource], line, rate_per_year)
        for line in lines
    )
