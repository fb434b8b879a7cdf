"""Simple enough to sign: fewer providers, GPU types and lines for a little more money."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

from gpumix import mix
from gpumix.domain.plan import CurvePoint
from gpumix.errors import Infeasible, Stated
from gpumix.plan.accounts import Line
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.interpret import answer_of
from gpumix.plan.restrictions import homeless_workloads, narrow
from gpumix.plan.search import VARIANT, Found, search
from gpumix.supply.supply import Supply


@dataclass(frozen=True, slots=True)
class Simplest:
    """The plan to sign, and the mixes on the way to it from the cheapest."""

    found: Found
    curve: tuple[CurvePoint, ...]


def simplest(
    cheapest: Found,
    choice: Choice,
    cycle: Cycle,
    offered: Sequence[Supply],
    others: Iterable[Found | None],
) -> Simplest:
    """The simplest mix within a share of the cheapest's cost: fewest providers, then GPU types,
    then lines.

    Each of the three is cut by solving again with only those that the mix spends most on, in as
    few as will do, found by bisection. A mix that the inventory's limits call for is taken
    whatever it costs. What stands already stays. One of the `others` that is cheaper than what
    comes out and no less simple takes its place.

    Raises: Infeasible where no mix was found that keeps one of the limits.
    """
    limits = choice.inventory.limits
    most_usd = (cheapest.solution.cost or 0.0) * (1.0 + choice.inventory.simplicity)
    found, curve = cheapest, [point_of(cheapest)]
    for key, name, limit in (
        ("providers", _provider, limits.providers),
        ("gpu_types", _gpu, limits.gpu_types),
        ("lines", _line, limits.lines),
    ):
        trial = _Trial(choice, cycle, offered, name)
        found = _cut(found, trial, most_usd)
        if limit is not None and len(_ranked(found, name)) > limit:
            found = _limited(found, trial, key, limit)
        curve.append(point_of(found))
        kept = {"", *_ranked(found, name)}
        offered = [s for s in offered if s.count or name(s) in kept]
    for other in others:
        if other is not None and _is_better(point_of(other), point_of(found)):
            found = other
            curve.append(point_of(other))
    return Simplest(found, tuple(dict.fromkeys(curve)))


def point_of(found: Found) -> CurvePoint:
    """What a mix counts and costs."""
    lines = answer_of(found).lines
    return CurvePoint(
        providers=len({_provider(line.supply) for line in lines} - {""}),
        gpu_types=len({line.supply.gpu for line in lines}),
        lines=len(lines),
        horizon_usd=math.fsum(line.usd for line in lines),
    )


def _is_better(one: CurvePoint, other: CurvePoint) -> bool:
    """Cheaper, and in nothing less simple."""
    counts = zip(astuple(one)[:-1], astuple(other)[:-1], strict=True)
    return one.horizon_usd < other.horizon_usd and all(a <= b for a, b in counts)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A search with only some of what is on offer, told apart by a name."""

    choice: Choice
    cycle: Cycle
    offered: Sequence[Supply]
    name: Callable[[Supply], str]

    def only(self, names: Sequence[str], most_usd: float) -> Found | None:
        """The cheapest mix of these; None where it costs more, as its fractions may say at once."""
        kept = {"", *names}
        narrowed = narrow(
            self.choice, self.offered, lambda s: bool(s.count) or self.name(s) in kept
        )
        if homeless_workloads(narrowed, narrowed.supplies):
            return None
        bound = mix.shortlist(formulate(narrowed, self.cycle).problem, rounds=1).bound
        if bound is None or bound > most_usd:
            return None
        found = search(narrowed, self.cycle, VARIANT)
        cost = found.solution.cost
        return found if cost is not None and cost <= most_usd else None


def _limited(found: Found, trial: _Trial, key: str, limit: int) -> Found:
    """The mix of as many as the limit allows, whatever it costs. Raises: Infeasible."""
    names = _ranked(found, trial.name)[:limit]
    other = trial.only(names, math.inf)
    if other is None:
        message = f"no plan was found with limits.{key}: {limit}; tried {', '.join(names)}"
        stated = Stated(("limits", key), f"{limit}")
        raise Infeasible(message, [stated])
    return other


def _cut(found: Found, trial: _Trial, most_usd: float) -> Found:
    """The mix of as few as cost no more than `most_usd`."""
    names = _ranked(found, trial.name)
    best, too_few, enough = found, 0, len(names)
    while enough - too_few > 1:
        tried = (too_few + enough) // 2
        other = trial.only(names[:tried], most_usd)
        if other is None:
            too_few = tried
        else:
            best, enough = other, tried
    return best


def _ranked(found: Found, name: Callable[[Supply], str]) -> list[str]:
    """Names that a mix spends money on, the most first; what stands on a site has none."""
    usd: dict[str, float] = {}
    lines: Sequence[Line] = answer_of(found).lines
    for line in lines:
        usd[name(line.supply)] = usd.get(name(line.supply), 0.0) + line.usd
    return sorted(usd.keys() - {""}, key=lambda one: (-usd[one], one))


def _provider(supply: Supply) -> str:
    return supply.provider if supply.purchase.is_cloud else ""


def _gpu(supply: Supply) -> str:
    return supply.gpu


def _line(supply: Supply) -> str:
    return supply.id
