"""The smallest set of an inventory's keys that cannot hold together.

It is looked for among the amounts the inventory states (what is asked, what there is),
then widened by the keys that leave only some of what there is (residency, GPUs, providers): a key
belongs to it where the plan would be possible without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import Stated
from gpumix.options.option import Option
from gpumix.plan.formulate import Formulation, work_name
from gpumix.plan.infeasible.again import Again
from gpumix.plan.infeasible.amounts import Amount, amounts
from gpumix.plan.infeasible.narrowings import Narrowing, narrowings


@dataclass(frozen=True, slots=True)
class Conflict:
    """Keys that cannot hold together; `homeless` is the workload that nothing can do, if it comes
    to that."""

    amounts: tuple[Amount, ...]
    narrowings: tuple[Narrowing, ...]
    homeless: Workload | None

    @property
    def stated(self) -> tuple[Stated, ...]:
        """The keys, what is asked for first."""
        asked = [a.stated for a in self.amounts]
        if self.homeless is not None:  # how much of it is asked for does not matter
            key, value = self.homeless.what_runs
            asked = [Stated(("workloads", self.homeless.id, key), value)]
        return (*asked, *(n.stated for n in self.narrowings))


def conflict_of(inventory: Inventory, formulation: Formulation, again: Again) -> Conflict:
    """A smallest set of keys that cannot hold together."""
    found = minimal(formulation, amounts(formulation, inventory))
    names = {a.stated.path[1] for a in found if a.stated.path[0] == "workloads"}
    asked = [w for w in inventory.workloads if w.id in names]
    alone = len(found) == 1 and len(asked) == 1
    nearest = _shortfall(again.options(inventory, asked[0])) if alone else None
    part = replace(inventory, workloads=tuple(asked))
    keys = {n.stated.path: n for n in narrowings(part, sorted(names), again.countries, nearest)}
    kept_amounts = {a.stated.path for a in found}

    def holds(kept: Sequence[tuple[str, ...]]) -> bool:
        opened = part
        for path, key in keys.items():
            opened = opened if path in kept else key.opened(opened)
        formulation = again.formulation(opened, rough=True)
        known = amounts(formulation, opened)
        return possible(formulation, [a for a in known if a.stated.path not in kept_amounts])

    needed: tuple[tuple[str, ...], ...] = ()
    if asked and holds(()):
        needed = mix.minimal_conflict(list(keys), holds)
    homeless = asked[0] if alone else None
    return Conflict(found, tuple(keys[path] for path in needed), homeless)


def _shortfall(options: Sequence[Option]) -> float:
    """By what the nearest way misses a promise; 1 where none is missed, or nothing is near."""
    missed = [o.shortfall for o in options if 0.0 < o.shortfall < math.inf]
    return max(min(missed, default=1.0), 1.0)


def minimal(
    formulation: Formulation, known: Sequence[Amount], freed: Sequence[Amount] = ()
) -> tuple[Amount, ...]:
    """A smallest set of the known amounts that no mix keeps together while others are freed; () if
    one keeps all.

    In a large problem it is looked for among amounts that fractions cannot keep together either, in
    the busiest block alone or else in all, where there are such.
    """
    by_key = {a.stated.path: a for a in known if a not in freed}
    peak: Formulation | None = None

    def holds(kept: Sequence[tuple[str, ...]], fractions: bool = False) -> bool:
        dropped = [a for path, a in by_key.items() if path not in kept]
        return possible(peak or formulation, [*dropped, *freed], fractions=fractions)

    among = tuple(by_key)
    if mix.whole_numbers(formulation.problem) > mix.NORMAL.exact:
        peak = replace(formulation, problem=mix.busiest(formulation.problem))
        found = mix.minimal_conflict(among, lambda kept: holds(kept, fractions=True))
        peak = None
        among = (
            found or mix.minimal_conflict(among, lambda kept: holds(kept, fractions=True)) or among
        )
    return tuple(by_key[path] for path in mix.minimal_conflict(among, holds))


def possible(
    formulation: Formulation, dropped: Sequence[Amount], *, fractions: bool = False
) -> bool:
    """Whether some mix keeps all amounts but the dropped ones."""
    limits = {limit for amount in dropped for limit in amount.limits}
    return mix.feasible(opened(formulation, dropped), dropped=limits, fractions=fractions)


def opened(formulation: Formulation, dropped: Sequence[Amount]) -> mix.Problem:
    """The problem with work done at any hour of its period where its window is dropped, and in any
    block of its window where it is dropped how soon each day's is done."""
    hours: dict[str, frozenset[int]] = {}
    for amount in dropped:
        hours[amount.opens] = hours.get(amount.opens, frozenset()) | amount.hours
    hours.pop("", None)
    if not hours:
        return formulation.problem
    cycle = formulation.cycle
    windows = {
        work_name(name, period): tuple(
            b for b in cycle.of_period(period) if allowed.issuperset(cycle.blocks[b].hours)
        )
        for name, allowed in hours.items()
        for period in cycle.periods
    }
    workloads = tuple(
        replace(w, window=windows[w.id], shifts=()) if w.id in windows else w
        for w in formulation.problem.workloads
    )
    return replace(formulation.problem, workloads=workloads)
