"""The mix of one provider, or of two GPU types: which of them to take, by what fractions cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from gpumix import mix
from gpumix.plan.accounts import Line
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.restrictions import Restriction, homeless_workloads, provider_of
from gpumix.supply.supply import Supply

MOST_TRIED = 12
"""Sets of names whose fractions are priced, at most: those the plan spends most on first, then the
most widely offered."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be few: in words, how many, and what a supply counts as ("" as none)."""

    words: str
    count: int
    name: Callable[[Supply], str]


ONE_PROVIDER = Kind("one provider", 1, provider_of)
TWO_GPU_TYPES = Kind("two GPU types", 2, lambda s: s.gpu)


def of_few(
    kind: Kind, lines: Sequence[Line], choice: Choice, cycle: Cycle, offered: Sequence[Supply]
) -> Restriction | None:
    """The restriction to those few whose fractions cost least; the plan's own where they are no
    more. None where nothing more is on offer anyway, or the time is up. What stands already stays.
    """
    ranked = _ranked(kind, lines, offered)
    own = {kind.name(line.supply) for line in lines} - {""}
    if len(ranked) <= kind.count or not own or choice.work.is_over:
        return None
    if len(own) <= kind.count:
        return _only(kind, [name for name in ranked if name in own])
    tried = list(islice(_able(kind, ranked, choice, offered), MOST_TRIED))
    return min(
        tried or [_only(kind, ranked[: kind.count])],
        key=lambda one: _least_usd(one, choice, cycle, offered) if len(tried) > 1 else 0.0,
    )


def _only(kind: Kind, names: Collection[str]) -> Restriction:
    kept = {"", *names}
    return Restriction(
        f"{kind.words} ({', '.join(names)})", lambda s: bool(s.count) or kind.name(s) in kept
    )


def _able(
    kind: Kind, ranked: Sequence[str], choice: Choice, offered: Sequence[Supply]
) -> Iterator[Restriction]:
    """Restrictions to sets that can do every workload, the best ranked first."""
    rank = {name: i for i, name in enumerate(ranked)}
    for names in sorted(
        combinations(ranked, kind.count), key=lambda names: sum(rank[name] for name in names)
    ):
        one = _only(kind, names)
        if not homeless_workloads(choice, [s for s in offered if one.allows(s)]):
            yield one


def _least_usd(one: Restriction, choice: Choice, cycle: Cycle, offered: Sequence[Supply]) -> float:
    """What the fractions of a restricted mix cost [USD]; infinite where they have no solution."""
    problem = formulate(one.applied(choice, offered), cycle).problem
    bound = mix.shortlist(problem, rounds=1).bound
    return math.inf if bound is None else bound


def _ranked(kind: Kind, lines: Sequence[Line], offered: Sequence[Supply]) -> list[str]:
    """Names on offer: those the plan spends most on first, then the most widely offered."""
    usd: Counter[str] = Counter()
    for line in lines:
        usd[kind.name(line.supply)] += line.usd  # type: ignore[assignment]
    offers = Counter(kind.name(s) for s in offered)
    return sorted(offers.keys() - {""}, key=lambda n: (-usd[n], -offers[n], n))
