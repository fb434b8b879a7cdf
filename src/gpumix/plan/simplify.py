"""Simple enough to sign: fewer providers, GPU types and lines for a little more money."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

from gpumix import mix
from gpumix.domain.scenarios import CurvePoint
from gpumix.errors import Change, Infeasible, Stated, WayOut
from gpumix.plan.accounts import Line
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer, answer_of, usd_of
from gpumix.plan.restrictions import homeless_workloads, narrow, provider_of
from gpumix.plan.search import Found, search
from gpumix.supply.supply import Supply
from gpumix.values import more_by

SMALL = 0.01
"""Share of the cost below which a line is not worth signing for."""

MOST_NAMES, MOST_SETS = 20, 6
"""Of how many providers, GPU types or lines those are chosen that a limit allows, and how many
choices are solved."""


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

    Each of the three is cut by solving again: with only those that the mix spends most on, in as
    few as will do, found by bisection, then without any one of these that can be spared. Then
    lines that cost next to nothing go. A mix that the inventory's limits call for is taken whatever
    it costs. What stands already stays. One of the `others` that is cheaper than what comes out and
    no less simple takes its place.

    Raises:
        Infeasible: no mix was found that keeps one of the limits.
        mix.OutOfTime: the user's time was up before one was found.
    """
    limits = choice.inventory.limits
    most_usd = more_by(cheapest.solution.cost or 0.0, choice.inventory.simplicity)
    found, curve = cheapest, [point_of(cheapest)]
    known: dict[tuple[frozenset[str], float], Found | None] = {}
    for key, name, limit in (
        ("providers", provider_of, limits.providers),
        ("gpu_types", _gpu, limits.gpu_types),
        ("lines", _line, limits.lines),
    ):
        before_lines = offered
        trial = _Trial(choice, cycle, offered, name, known)
        found = _cut(found, trial, most_usd)
        if limit is not None and len(_ranked(found, name)) > limit:
            found = _limited(found, trial, key, limit)
        curve.append(point_of(found))
        kept = {"", *_ranked(found, name)}
        offered = [s for s in offered if s.count or name(s) in kept]
    least_line_usd = limits.min_line_usd_per_month
    wide = before_lines if least_line_usd and limits.lines is None else offered
    smaller = _without_small(found, _Trial(choice, cycle, wide, _line, known), most_usd)
    if smaller is not found:
        found = smaller
        curve.append(point_of(found))
    for other in others:
        if other is not None and _is_better(other, found) and _keeps_least(other, least_line_usd):
            found = other
            curve.append(point_of(other))
    return Simplest(found, tuple(dict.fromkeys(curve)))


def point_of(found: Found) -> CurvePoint:
    """What a mix counts and costs."""
    answer = answer_of(found)
    held = _held(answer)
    return CurvePoint(
        providers=len({provider_of(line.supply) for line in held} - {""}),
        gpu_types=len({line.supply.gpu for line in held}),
        lines=len(held),
        horizon_usd=answer.usd,
    )


def _held(answer: Answer) -> list[Line]:
    """The lines of a mix but those that are sold at the start."""
    return [line for line in answer.lines if line.most]


def _is_better(one: Found, other: Found) -> bool:
    """Cheaper, and in nothing less simple."""
    counts = zip(astuple(point_of(one))[:-1], astuple(point_of(other))[:-1], strict=True)
    return usd_of(one) < usd_of(other) and all(a <= b for a, b in counts)


def _keeps_least(found: Found, usd_per_month: float | None) -> bool:
    """Whether no line is below the limit, if one is stated."""
    return usd_per_month is None or not _small(found, usd_per_month)


@dataclass(frozen=True, slots=True)
class _Trial:
    """A search with only some of what is on offer, told apart by a name; what the `known` trials of
    the same supplies found is not searched again."""

    choice: Choice
    cycle: Cycle
    offered: Sequence[Supply]
    name: Callable[[Supply], str]
    known: dict[tuple[frozenset[str], float], Found | None]

    def only(self, names: Sequence[str], most_usd: float) -> Found | None:
        """The cheapest mix of these; None where it costs more, as its fractions may say at once."""
        kept = {"", *names}
        narrowed = narrow(
            self.choice, self.offered, lambda s: bool(s.count) or self.name(s) in kept
        )
        asked = frozenset(s.id for s in narrowed.supplies), most_usd
        if asked not in self.known:
            self.known[asked] = self._search(narrowed, most_usd)
        return self.known[asked]

    def _search(self, narrowed: Choice, most_usd: float) -> Found | None:
        if homeless_workloads(narrowed, narrowed.supplies) or self.choice.work.is_over:
            return None
        try:
            variant = self.choice.work.variant
            found = search(narrowed, self.cycle, variant, most_usd=most_usd)
        except mix.OutOfTime:
            return None
        cost = found.solution.cost
        return found if cost is not None and cost <= most_usd else None


def _limited(found: Found, trial: _Trial, key: str, limit: int) -> Found:
    """The mix of as many as the limit allows, whatever it costs: of those that most is spent on,
    else of others that can do all work between them.

    Raises: Infeasible, with the work that cannot share them, and the least limit that was met.
    """
    ranked = _ranked(found, trial.name)
    able = _able(trial)
    others = sorted(able.keys() - set(ranked), key=lambda one: (-len(able[one]), one))
    names = [*ranked, *others][:MOST_NAMES]
    everyone = [w.id for w in trial.choice.inventory.workloads]

    def sets(workloads: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for chosen in itertools.combinations(names, min(limit, len(names))):
            if set(workloads) <= able.get("", set()).union(*(able.get(n, ()) for n in chosen)):
                yield chosen

    for chosen in itertools.islice(sets(everyone), MOST_SETS):
        if other := trial.only(chosen, math.inf):
            return other
    _check_time(trial)
    stated = Stated(("limits", key), f"{limit}")
    apart = mix.minimal_conflict(everyone, lambda kept: any(sets(kept)))
    runs = {w.id: w.what_runs for w in trial.choice.inventory.workloads}
    conflict = [stated, *(Stated(("workloads", w, runs[w][0]), runs[w][1]) for w in apart)]
    for more in range(limit + 1, len(ranked) + 1):
        enough = trial.only(ranked[:more], math.inf) if more < len(ranked) else found
        if enough is not None:
            break
    way = WayOut((Change(stated, f"{more}"),), usd_of(enough or found))
    raise Infeasible("no plan was found that keeps all of these together:", conflict, [way])


def _able(trial: _Trial) -> dict[str, set[str]]:
    """The workloads that can be done on what has a name."""
    by_name: dict[str, list[Supply]] = {}
    for supply in trial.offered:
        by_name.setdefault(trial.name(supply), []).append(supply)
    everyone = {w.id for w in trial.choice.inventory.workloads}
    return {
        name: everyone.difference(homeless_workloads(trial.choice, supplies))
        for name, supplies in by_name.items()
    }


def _cut(found: Found, trial: _Trial, most_usd: float) -> Found:
    """The mix of as few as cost no more than `most_usd`: the dearest of them, by bisection, then
    without any one that the others can do without, the one of least cost first."""
    names = _ranked(found, trial.name)
    best, too_few, enough = found, 0, len(names)
    while enough - too_few > 1:
        tried = (too_few + enough) // 2
        other = trial.only(names[:tried], most_usd)
        if other is None:
            too_few = tried
        else:
            best, enough = other, tried
    return _thinned(best, trial, most_usd)


def _thinned(
    found: Found, trial: _Trial, most_usd: float, needed: frozenset[str] = frozenset()
) -> Found:
    """The mix without any one that the others can do without for no more than `most_usd`; those
    `needed` by more of them are needed by fewer too."""
    names = _ranked(found, trial.name)
    for name in reversed(names[1:]):
        if name in needed:
            continue
        other = trial.only([n for n in names if n != name], most_usd)
        if other is not None and len(_ranked(other, trial.name)) < len(names):  # what stands stays
            return _thinned(other, trial, most_usd, needed)
        needed |= {name}
    return found


def _without_small(found: Found, trial: _Trial, most_usd: float) -> Found:
    """The mix without lines below the limit stated, whatever that costs, or without those below
    `SMALL` of the cost, where the rest does their work for no more than `most_usd`.

    Raises: Infeasible where no mix without lines below the stated limit was found.
    """
    inventory = trial.choice.inventory
    stated = inventory.limits.min_line_usd_per_month
    if stated is None and not inventory.simplicity:
        return found
    most_usd = math.inf if stated else most_usd
    left = {trial.name(supply) for supply in trial.offered}
    needed: set[str] = set()
    while small := [name for name in _small(found, stated) if name not in needed]:
        for gone in (set(small), {small[0]}):
            if other := trial.only(sorted(left - gone), most_usd):
                found = other
                left -= gone
                break
        else:
            if stated is not None:
                _check_time(trial)
                key = "limits.min_line_usd_per_month"
                limit = Stated(tuple(key.split(".")), f"{stated:g}")
                way = WayOut((Change(limit, ""),), usd_of(found))
                message = f"no plan was found without {_words(small[0], trial.offered)}:"
                raise Infeasible(message, [limit], [way])
            needed.add(small[0])
    return found


def _check_time(trial: _Trial) -> None:
    """Whether nothing was found because there is nothing. Raises: mix.OutOfTime."""
    trial.choice.work.left_s()


def _small(found: Found, usd_per_month: float | None) -> list[str]:
    """Lines below an amount, or below `SMALL` of the cost, the smallest first; what stands on a
    site is never one."""
    answer = answer_of(found)
    least = SMALL * answer.usd if usd_per_month is None else usd_per_month * answer.level_months
    small = [line for line in answer.lines if line.usd < least and not line.supply.count]
    return [_line(line.supply) for line in sorted(small, key=lambda line: line.usd)]


def _ranked(found: Found, name: Callable[[Supply], str]) -> list[str]:
    """Names that a mix spends money on, the most first; what stands on a site has none, and what is
    sold at the start is none."""
    usd: dict[str, float] = {}
    for line in _held(answer_of(found)):
        usd[name(line.supply)] = usd.get(name(line.supply), 0.0) + line.usd
    return sorted(usd.keys() - {""}, key=lambda one: (-usd[one], one))


def _words(line: str, offered: Iterable[Supply]) -> str:
    """A line as people say it: `8 x h100-sxm-80gb of aws, spot`."""
    supply = next(s for s in offered if s.id == line)
    machine = f"{supply.gpus_per_instance} x {supply.gpu}"
    return f"{machine} of {supply.provider}, {supply.purchase.value}"


def _gpu(supply: Supply) -> str:
    return supply.gpu


def _line(supply: Supply) -> str:
    return supply.id
