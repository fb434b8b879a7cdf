"""A plan's own mix problem, solved again at other prices, loads or limits.

It takes a second where a plan takes a minute: what each GPU sustains stays as the plan's replay
proved it, and only what the plan's last search chose from is chosen from. The traffic is not
replayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from gpumix import mix
from gpumix.domain.plan_difference import InputChange, LineChange
from gpumix.domain.what_if import EVERY, Names, WhatIf, WhatIfAnswer
from gpumix.domain.workload import SIMPLICITY
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.reading import read_json
from gpumix.units import HOURS_PER_MONTH
from gpumix.values import more_by

PROBLEM: Final = "problem.json"


def read_solved(path: Path) -> mix.Problem:
    """The mix problem beside a plan. Raises: InputError where there is none."""
    if not path.is_file():
        fix = "plan it again: `gpumix plan` writes one beside the plan"
        raise InputError(Problem("folder", f"holds no {PROBLEM}", fix))
    return mix.read_problem(read_json(path, "plan it again"), PROBLEM)


def names_of(problem: mix.Problem) -> Names:
    """What can be asked about."""
    known = dict.fromkeys(name for one in problem.resources for name in _names(one))
    takes = any(one.capex or any(t.capex for t in one.terms) for one in problem.resources)
    return Names(
        (EVERY, *sorted(known)),
        (EVERY, *dict.fromkeys(_stated(one.id) for one in problem.workloads)),
        takes or problem.capex_budget is not None,
    )


def what_if(problem: mix.Problem, asked: WhatIf) -> WhatIfAnswer:
    """The mix before, kept and chosen again, with the work of `effort: quick`.

    Raises: InputError with every name that the problem does not have.
    """
    other = changed(problem, asked)
    before = mix.solve(problem, effort=mix.QUICK)
    if before.cost is None:
        raise InputError(Problem(PROBLEM, "has no solution", "plan it again"))
    found = mix.solve(other, effort=mix.QUICK)
    breaks = tuple(mix.check(other, before))
    kept_usd = None if breaks else mix.price(other, before)
    after = found
    if kept_usd is not None and (
        found.cost is None or kept_usd <= more_by(found.cost, SIMPLICITY)
    ):  # so little is not worth another mix: a plan's own rule
        after = replace(before, cost=kept_usd, bound=found.bound)
    gap = None if after.cost is None else mix.relative_gap(after.cost, after.bound or 0.0)
    return WhatIfAnswer(
        changes=tuple(_told(asked, problem)),
        before_usd=before.cost,
        kept_usd=kept_usd,
        breaks=breaks,
        after_usd=after.cost,
        gap=gap,
        conflict=() if after.cost is not None else found.conflict,
        months=_months(problem),
        mix=() if after.cost is None else tuple(_lines(problem, before, other, after)),
    )


def _names(resource: mix.Resource) -> list[str]:
    """Its GPU, its terms, its provider or site: on_demand:aws:8xh100@us-east-1."""
    return [resource.gpu, *resource.id.split(" ")[0].split(":")[:2]]


def _stated(workload: str) -> str:
    """The inventory's name of a workload, of which each year may be one of the problem's."""
    return workload.partition("@")[0]


def changed(problem: mix.Problem, asked: WhatIf) -> mix.Problem:
    """The problem at other prices, loads or limits. Raises: InputError with unknown names."""
    known = names_of(problem)
    problems = [
        *_unknown("price_of", asked.prices, known.resources),
        *_unknown("load_of", asked.loads, known.workloads),
        *_unknown("without", asked.without, known.resources),
    ]
    if asked.capex_budget_usd is not None and not known.has_capex:
        what = "limits nothing: the plan can buy nothing"
        problems.append(Problem("budget_usd", what, "leave it out"))
    if problems:
        raise InputError(problems)
    prices = {one.id: _factor(asked.prices, _names(one)) for one in problem.resources}
    configs = (replace(c, var_cost=c.unpaid + (c.var_cost - c.unpaid) * prices[c.resource])
               for c in problem.configs)  # fmt: skip
    budget = asked.capex_budget_usd
    return replace(
        problem,
        resources=tuple(
            _without(_priced(one, prices[one.id]), asked.without) for one in problem.resources
        ),
        workloads=tuple(
            _loaded(one, _factor(asked.loads, [_stated(one.id)])) for one in problem.workloads
        ),
        configs=tuple(configs),
        capex_budget=problem.capex_budget if budget is None else budget,
    )


def _unknown(place: str, asked: Mapping[str, float] | tuple[str, ...], known: tuple[str, ...]
             ) -> Iterator[Problem]:  # fmt: skip
    for name in asked:
        if name not in known:
            yield unknown_name(place, "name", name, known)


def _factor(factors: Mapping[str, float], names: list[str]) -> float:
    return math.prod(factors.get(name, 1.0) for name in (EVERY, *dict.fromkeys(names)))


def _priced(one: mix.Resource, factor: float) -> mix.Resource:
    if factor == 1.0:
        return one
    terms = tuple(
        replace(
            term,
            cost=term.cost * factor,
            capex=term.capex * factor,
            cash=tuple(usd * factor for usd in term.cash),
        )
        for term in one.terms
    )
    return replace(
        one,
        fixed_cost=one.fixed_cost * factor,
        hourly_cost=one.hourly_cost * factor,
        capex=one.capex * factor,
        terms=terms,
    )


def _without(one: mix.Resource, names: tuple[str, ...]) -> mix.Resource:
    if not {EVERY, *_names(one)}.intersection(names):
        return one
    return replace(one, max_instances=0, min_instances=0)


def _loaded(one: mix.Workload, factor: float) -> mix.Workload:
    if factor == 1.0:
        return one
    demand = one.demand
    return replace(
        one,
        demand=tuple(units * factor for units in demand)
        if isinstance(demand, tuple)
        else {name: tuple(units * factor for units in each) for name, each in demand.items()},
        work=one.work * factor,
        shifts=tuple(replace(shift, work=shift.work * factor) for shift in one.shifts),
    )


def _told(asked: WhatIf, problem: mix.Problem) -> Iterator[InputChange]:
    for kind, factors in (("prices", asked.prices), ("demand", asked.loads)):
        for name, factor in factors.items():
            yield InputChange(kind, name, "as planned", f"{factor:.6g} x")
    for name in asked.without:
        yield InputChange("supply", name, "as planned", "none")
    if asked.capex_budget_usd is not None:
        budget = problem.capex_budget
        was = "none" if budget is None else f"{budget:,.0f} USD"
        yield InputChange("limits", "budget", was, f"{asked.capex_budget_usd:,.0f} USD")


def _months(problem: mix.Problem) -> float:
    """Length of the horizon [months]."""
    return problem.repeat * problem.cycle_hours / HOURS_PER_MONTH


def _lines(
    problem: mix.Problem, before: mix.Solution, other: mix.Problem, after: mix.Solution
) -> Iterator[LineChange]:
    """Lines whose most instances differ, the largest change of cost first; a line that serves one
    workload at its own price is one with those of its kind."""
    kinds: dict[str, list[mix.Resource]] = {}
    for one in problem.resources:
        kinds.setdefault(one.id.split(" ")[0], []).append(one)
    months = _months(problem)
    lines = [
        LineChange(
            resource=name,
            gpu=alike[0].gpu,
            gpus_per_instance=alike[0].gpus_per_instance,
            before_count=_most(problem, before, alike),
            after_count=_most(other, after, alike),
            before_usd_per_month=_usd_of(problem, before, alike) / months,
            after_usd_per_month=_usd_of(other, after, alike) / months,
        )
        for name, alike in kinds.items()
    ]
    differ = [line for line in lines if line.before_count != line.after_count]
    yield from sorted(differ, key=lambda c: -abs(c.after_usd_per_month - c.before_usd_per_month))


def _most(problem: mix.Problem, solution: mix.Solution, alike: Sequence[mix.Resource]) -> int:
    """The most instances of any block."""
    return max(
        sum(mix.instances(solution, one, p) for one in alike) for p in range(len(problem.blocks))
    )


def _usd_of(problem: mix.Problem, solution: mix.Solution, alike: Sequence[mix.Resource]) -> float:
    """What some resources cost [USD over the horizon]: the price where all others are free."""
    ids = {one.id for one in alike}
    return mix.price(
        replace(
            problem,
            resources=tuple(r if r.id in ids else _priced(r, 0.0) for r in problem.resources),
            workloads=tuple(replace(w, delay_cost=0.0) for w in problem.workloads),
            configs=tuple(
                c if c.resource in ids else replace(c, var_cost=0.0) for c in problem.configs
            ),
            groups=(),
        ),
        solution,
    )
