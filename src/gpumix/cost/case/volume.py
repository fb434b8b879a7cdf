"""What the options of a case cost as its work grows: owned in whole servers, rented in whole GPUs.

Every cost is that of the ledger: of the case with so much work and what holds it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from gpumix.cost.case.answer import count
from gpumix.cost.case.returns import crossings
from gpumix.cost.case.size import size_of, units_per_year
from gpumix.cost.case.streams import Clock, present_cost_of
from gpumix.domain.case import STAFFED, Case, Option
from gpumix.domain.tco import ByVolume, VolumeCrossing
from gpumix.units import HOURS_PER_DAY

MOST_STEPS: Final = 96
"""Whole servers and GPUs up to which costs by volume are counted."""
_SERVERS: Final = 3
"""Servers of what is owned first, up to which work grows at the least."""
_LEAST: Final = 2.0
"""Times the case's work, up to which it grows at the least."""
_JUST_ABOVE: Final = 1e-6
"""Share of a step at which its costs are counted where it begins."""
_SLACK: Final = 1e-9

Laid = Callable[[Mapping[str, float]], Case]
"""A case with other numbers of servers, by option."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Work between two shares of the case's, over which every option holds the same."""

    low: float
    high: float

    @property
    def above(self) -> float:
        """Just above where it begins."""
        return self.low + (self.high - self.low) * _JUST_ABOVE


def at_share(case: Case, share: float, laid: Laid) -> Case:
    """The case with several times its work, and what holds that.

    What states its GPUs or servers holds ceil(share x what is stated) of them, servers whole, and
    is busy for the work that it does; what states neither is sized by the load.

    Args:
        case: the case.
        share: times its work, above 0.
        laid: the case with that many servers of its options and the defaults that are laid on them.

    Source: docs/tco-case.md, "By volume".
    """
    load = case.load
    units = tuple(
        replace(
            unit,
            per_day=None if unit.per_day is None else unit.per_day * share,
            per_month=None if unit.per_month is None else unit.per_month * share,
        )
        for unit in load.units
    )
    speed = load.full_speed
    full = replace(
        speed,
        tok_s=None if speed.tok_s is None else speed.tok_s * share,
        output_tok_s=None if speed.output_tok_s is None else speed.output_tok_s * share,
    )
    held = {n: _held(o, share) for n, o in case.options.items() if _is_stated(o)}
    servers = {
        name: held[name] / _stated(case.options[name]) * one.servers
        for name, one in case.options.items()
        if one.servers is not None
    }
    base = laid(servers)
    options = dict(base.options)
    for name, gpus in held.items():
        stated, option = case.options[name], base.options[name]
        power = option.power
        if power is not None and power.busy is None:
            wanted = _stated(stated) * share
            power = replace(power, busy=case.load.busy * min(wanted / gpus, 1.0))
        options[name] = replace(option, gpus=stated.gpus and gpus, power=power)
    return replace(base, load=replace(load, units=units, full_speed=full), options=options)


def _is_stated(option: Option) -> bool:
    return option.gpus is not None or option.servers is not None


def _held(option: Option, share: float) -> float:
    """GPUs, or servers without GPUs, that an option holds for a multiple of the work."""
    each = _each(option)
    return math.ceil(_stated(option) * share / each - _SLACK) * each


def _each(option: Option) -> float:
    """GPUs of a server, or servers where it states no GPUs; one GPU where it states no servers."""
    if option.gpus_per_server is not None:
        return option.gpus_per_server
    if option.gpus is not None and option.servers is not None:
        return option.gpus / option.servers
    return 1.0


def _stated(option: Option) -> float:
    """GPUs that an option states, or servers where it states no GPUs."""
    if option.gpus is not None:
        return option.gpus
    return (option.servers or 1.0) * (option.gpus_per_server or 1.0)


def _steps_of(option: Option, case: Case) -> float | None:
    """Share of the case's work that each whole server or GPU more takes; None where none does."""
    if _is_stated(option):
        return _each(option) / _stated(option)
    size, replica = size_of(option, case.load), case.load.replica
    if size.peak_per_s and replica is not None:
        return replica.requests_per_s / size.peak_per_s
    return None


def may_grow(case: Case) -> str:
    """Why costs by volume are not known; empty where they are.

    Args:
        case: the case.

    Source: docs/tco-case.md, "By volume".
    """
    if case.load.gpu_hours is not None:
        return "it is one run, not work that goes on"
    if all(_steps_of(one, case) is None for one in _growing(case).values()):
        return "no option is sized by its work"
    if len(_shares(case)) > MOST_STEPS:
        return f"its work takes more than {MOST_STEPS} whole servers and GPUs"
    return ""


def _growing(case: Case) -> dict[str, Option]:
    """Options whose cost follows the work: no flows, loans or readings of a meter."""
    return {
        name: one
        for name, one in case.options.items()
        if not one.flows and one.metered is None and one.loan is None
        if one.kind == "api" or _steps_of(one, case) is not None
    }


def _first_held(case: Case) -> str:
    """What is owned first, else what is held first."""
    held = {n: one for n, one in _growing(case).items() if _steps_of(one, case) is not None}
    return next((n for n, one in held.items() if one.kind in STAFFED), next(iter(held)))


def _shares(case: Case) -> list[float]:
    """Shares of the work at which any option takes a further server or GPU, and the last of all."""
    first, replica = case.options[_first_held(case)], case.load.replica
    own = _steps_of(first, case) or 1.0
    if not _is_stated(first) and replica is not None:
        own *= max((first.gpus_per_server or 1.0) / replica.gpus, 1.0)
    top = max(_LEAST, _SERVERS * own)
    found = {top}
    for option in _growing(case).values():
        step = _steps_of(option, case)
        if step is not None:
            found |= {i * step for i in range(1, math.floor(top / step + _SLACK) + 1)}
    return _apart(sorted(found))


def _apart(shares: Sequence[float]) -> list[float]:
    kept: list[float] = []
    for share in shares:
        if not kept or share - kept[-1] > _SLACK:
            kept.append(share)
    return kept


def by_volume(case: Case, laid: Laid) -> ByVolume:
    """Present cost of every option over the work, and where another becomes the cheapest.

    Args:
        case: a case for which `may_grow` names no reason.
        laid: the case with that many servers of its options and the defaults that are laid on them.

    Source: docs/tco-case.md, "By volume".
    """
    shares = _shares(case)
    steps = [_Step(low, high) for low, high in pairwise([0.0, *shares])]
    names = list(_growing(case))
    ledger = _Ledger(case, laid)
    ends = {name: tuple(ledger.cost(name, s.high) for s in steps) for name in names}
    starts = {name: tuple(ledger.costs_above(name, steps)) for name in names}
    work, unit = _work(case)
    first = _first_held(case)

    def met(among: Collection[str]) -> tuple[VolumeCrossing, ...]:
        of = [{name: costs[name] for name in among} for costs in (starts, ends)]
        found = _crossings(ledger, steps, *of)
        return tuple(replace(one, work=one.share * work) for one in found)

    return ByVolume(
        unit=unit,
        shares=tuple(shares),
        work=tuple(share * work for share in shares),
        gpus={name: tuple(ledger.gpus(name, s.high) for s in steps) for name in names},
        present_cost=ends,
        present_cost_after=starts,
        crossings=met(names),
        of_pairs={f"{first}, {name}": met((first, name)) for name in names if name != first},
    )


def _work(case: Case) -> tuple[float, str]:
    """How much work the case is and what that is counted in: a unit a day, else GPUs."""
    unit = next((u for u in case.load.units if u.per_day or u.per_month), None)
    if unit is not None:
        days = case.load.hours_per_year / HOURS_PER_DAY
        return units_per_year(unit, case.load) / days, unit.name
    return size_of(case.options[_first_held(case)], case.load).gpus or 1.0, ""


class _Ledger:
    """Costs of the options of a case at shares of its work; each is counted once."""

    def __init__(self, case: Case, laid: Laid) -> None:
        self._case, self._laid = case, laid
        self._grown: dict[float, Case] = {}
        self._known: dict[tuple[object, ...], float] = {}

    def gpus(self, name: str, share: float) -> float | None:
        """GPUs that an option holds; None of an API."""
        case = self._at(share)
        if case.options[name].kind == "api":
            return None
        return size_of(case.options[name], case.load).gpus

    def cost(self, name: str, share: float) -> float:
        """Present cost of an option, of the ledger."""
        case = self._at(share)
        option = case.options[name]
        follows = any(_follows_work(line.per, case) for line in option.lines)
        busy = None if option.power is None else option.power.busy
        key = name, self._held(name, share), busy, share if follows else None
        if key not in self._known:
            streams = count(option, case, Clock(case)).streams
            self._known[key] = present_cost_of(streams, case.finance.cost_of_capital)
        return self._known[key]

    def costs_above(self, name: str, steps: Sequence[_Step]) -> Iterator[float]:
        """Present cost of an option just above where each step begins."""
        before: object = None
        for step in steps:
            held = self._held(name, step.high)
            share = step.low if held == before else step.above
            yield self.cost(name, share)
            before = held

    def _held(self, name: str, share: float) -> tuple[float | None, float]:
        case = self._at(share)
        size = size_of(case.options[name], case.load)
        return size.gpus, size.servers

    def _at(self, share: float) -> Case:
        if share not in self._grown:
            self._grown[share] = at_share(self._case, share, self._laid)
        return self._grown[share]


def _follows_work(per: str | None, case: Case) -> bool:
    """Whether a price is for what is made, not for what is held."""
    return per in ("mtok_input", "mtok_output") or any(per == u.name for u in case.load.units)


def _crossings(
    ledger: _Ledger,
    steps: Sequence[_Step],
    starts: Mapping[str, Sequence[float]],
    ends: Mapping[str, Sequence[float]],
) -> Iterator[VolumeCrossing]:
    """Where another option becomes the cheapest: where lines meet, or one takes a further server.

    `work` is left to the caller.
    """
    best = _least({name: costs[0] for name, costs in starts.items()}, "")
    for i, step in enumerate(steps):
        now = _least({name: costs[i] for name, costs in starts.items()}, best)
        if now != best:
            yield VolumeCrossing(best, now, step.low, 0.0, starts[now][i], True)
            best = now
        at = step.above
        while (then := _least({name: costs[i] for name, costs in ends.items()}, best)) != best:
            met = [
                (share, name)
                for name in ends
                if name != best and ends[name][i] < ends[best][i]
                for share in crossings(_need(ledger, name, best), np.array([at, step.high]), 1)
            ]
            at, then = min(met, default=(step.high, then))
            yield VolumeCrossing(best, then, at, 0.0, ledger.cost(then, at), False)
            best = then


def _need(ledger: _Ledger, one: str, other: str) -> Callable[[float], float]:
    return lambda share: ledger.cost(one, share) - ledger.cost(other, share)


def _least(costs: Mapping[str, float], now: str) -> str:
    """The cheapest; the one that was, where none costs less."""
    least = min(costs, key=costs.__getitem__)
    return now if now in costs and costs[now] <= costs[least] else least
