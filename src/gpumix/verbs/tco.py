"""`gpumix tco`: the options of one site and one load, each a ledger, held against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gpumix.catalog import Catalog, load
from gpumix.cost.case.against import against, crossing, payback
from gpumix.cost.case.answer import answer, count
from gpumix.cost.case.draws import present_costs
from gpumix.cost.case.streams import Clock, Stream, present_cost_of
from gpumix.cost.case.volume import by_volume, may_grow
from gpumix.domain.case import BreakEven, Case
from gpumix.domain.case_values import with_figure
from gpumix.domain.ledger import Entry
from gpumix.domain.quote import HARDWARE_DAYS
from gpumix.domain.tco import ByVolume, Crossing, Default, Ends, Spread, TcoAnswer
from gpumix.errors import InputError, Problem
from gpumix.inventory.case import parse_case, read_case
from gpumix.inventory.paths import steps_of, value_at, with_values
from gpumix.inventory.yaml import Document
from gpumix.supply.case_defaults import with_defaults
from gpumix.values import FloatArray

_USUALLY_COUNTED = ("hardware", "energy", "staff", "support", "tax", "installation")
"""Categories whose absence from something owned is said."""
_RUNNING_ON = ("energy", "support")
"""Those of them that are marginal."""
_Counted = dict[tuple[tuple[str | int, ...], float, str], float]
"""Present cost of an option where a figure at a path has a value."""
_CAPITAL = ("finance", "cost_of_capital")


@dataclass(frozen=True, slots=True)
class Tco:
    """An answer and the entries it was computed from, by option."""

    answer: TcoAnswer
    entries: Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True)
class _Laid:
    """A case with its defaults: the tree that paths lead into, the record, what was laid."""

    document: Document
    today: date
    tree: dict[str, Any]
    case: Case
    defaults: tuple[Default, ...] = ()

    def at(self, values: Mapping[str, Any], part: str) -> Case:
        """The case with other values at these paths.

        Raises: InputError for a path that leads nowhere, and for values that make no case.
        """
        return parse_case(with_values(self.tree, values), self.document, self.today, part)

    def at_figures(self, figures: Mapping[tuple[str | int, ...], float]) -> Case:
        """The same for figures within what `at` has read: quicker, and unchecked."""
        case = self.case
        for steps, figure in figures.items():
            case = with_figure(case, steps, figure)
        return case


def tco_file(
    path: Path,
    catalog: Catalog | None = None,
    today: date | None = None,
    progress: Callable[[float], None] = lambda _: None,
    costs: str | None = None,
) -> Tco:
    """The whole answer to a case file; `progress` hears the share of the draws that is done, and
    `costs` stands in for the case's own.

    Raises: InputError with every problem of the file.
    """
    document = read_case(path)
    if costs is not None:
        document = replace(document, data={**document.data, "costs": costs})
    catalog, today = catalog or load(), today or date.today()
    whole = _laid(document.data, document, today, catalog, "")
    wrong = list(_unsourced(whole))
    variants: dict[str, TcoAnswer] = {}
    for name, values in whole.case.variants.items():
        try:
            tree = with_values(document.data, values)
            tree.pop("variants", None)
            of_variant = _laid(tree, document, today, catalog, f"variants.{name}")
            variants[name] = _answer(of_variant, _break_evens(of_variant))
        except InputError as error:
            wrong += [_within(problem, f"variants.{name}") for problem in error.problems]
    ranges = _ranges(whole)
    try:
        tornado = _tornado(whole, ranges)
        distribution, cheapest = _draws(whole, ranges, progress)
    except InputError as error:
        wrong += error.problems
    try:
        break_evens = _break_evens(whole)
    except InputError as error:
        wrong += error.problems
    if wrong:
        raise InputError({(p.place, p.message): p for p in wrong}.values())
    found = replace(
        _answer(whole, break_evens),
        variants=variants,
        tornado=tornado,
        distribution=distribution,
        share_cheapest=cheapest,
    )
    return Tco(found, {name: tuple(entries_of(whole.case, name)) for name in whole.case.options})


@dataclass(frozen=True, slots=True)
class Curve:
    """Present cost of every option over one figure of a case: a row a value of it."""

    over: str
    values: tuple[float, ...]
    present_cost: Mapping[str, tuple[float, ...]]


def tco_at(
    document: Document,
    values: Mapping[str, Any],
    over: str = "",
    points: Sequence[float] = (),
    catalog: Catalog | None = None,
) -> tuple[TcoAnswer, Curve]:
    """The answer to a case with other values at these paths, without variants, tornado and draws;
    and what its options cost at `points`, ascending, of the figure at the path `over`.

    Raises: InputError for a path that leads nowhere, and for values that make no case.
    """
    laid = _moved(document, values, catalog)
    found = _answer(laid, _break_evens(laid))
    for end in {*points[:1], *points[-1:]}:
        laid.at({over: end}, over)
    steps = steps_of(laid.tree, over) if points else ()
    costs = [_all_present(laid.at_figures({steps: value})) for value in points]
    drawn = {name: tuple(cost[name] for cost in costs) for name in found.options}
    return found, Curve(over, tuple(points), drawn)


def tco_by_volume(
    document: Document, values: Mapping[str, Any], catalog: Catalog | None = None
) -> tuple[TcoAnswer, ByVolume]:
    """As `tco_at`, and what the options cost as the case's work grows.

    Raises: InputError, also where the case's costs do not follow its work.
    """
    laid = _moved(document, values, catalog)
    if why := may_grow(laid.case):
        raise InputError(Problem("over", f"costs by volume are not known: {why}", "over=busy"))
    known: dict[tuple[float, ...], Case] = {}

    def with_servers(servers: Mapping[str, float]) -> Case:
        key = tuple(servers.values())
        if key not in known:
            counts = {f"options.{name}.servers": count for name, count in servers.items()}
            known[key] = _moved(document, {**values, **counts}, catalog).case
        return known[key]

    return _answer(laid, _break_evens(laid)), by_volume(laid.case, with_servers)


def grows(document: Document, catalog: Catalog | None = None) -> bool:
    """Whether the costs of a case follow the volume of its work."""
    return not may_grow(_moved(document, {}, catalog).case)


def _moved(document: Document, values: Mapping[str, Any], catalog: Catalog | None) -> _Laid:
    """A case with other values at these paths, and its defaults; without variants."""
    tree = with_values(document.data, values)
    tree.pop("variants", None)
    return _laid(tree, document, date.today(), catalog or load(), "")


def entries_of(case: Case, name: str) -> Iterator[Entry]:
    """Entries of an option of a case, in order of time."""
    streams = count(case.options[name], case, Clock(case)).streams
    entries = [entry for stream in streams for entry in stream.entries(name)]
    yield from sorted(entries, key=lambda e: (e.month, e.category, e.item))


def _within(problem: Problem, part: str) -> Problem:
    if problem.place.startswith(part):
        return problem
    return Problem(f"{part}: {problem.place}", problem.message, problem.fix)


def _laid(
    tree: Mapping[str, Any], document: Document, today: date, catalog: Catalog, part: str
) -> _Laid:
    full, defaults = with_defaults(tree, catalog)
    return _Laid(document, today, full, parse_case(full, document, today, part), defaults)


def _answer(laid: _Laid, break_evens: Mapping[str, Crossing]) -> TcoAnswer:
    """The answer of one case, without variants, tornado and distribution."""
    case, clock = laid.case, Clock(laid.case)
    counted = {name: count(option, case, clock) for name, option in case.options.items()}
    options = {name: answer(one, case) for name, one in counted.items()}
    return TcoAnswer(
        tco=case.tco,
        name=case.name,
        currency=case.finance.currency,
        start=case.horizon.start,
        months=case.months,
        cost_of_capital=case.finance.cost_of_capital,
        options=options,
        comparisons={f"{a} against {b}": against(case, a, b) for a, b in case.compare},
        break_evens=break_evens,
        variants={},
        tornado={},
        distribution={},
        share_cheapest={},
        assumptions=laid.defaults,
        left_out=tuple(_left_out(laid, {n: set(o.by_category) for n, o in options.items()})),
        warnings=tuple(_warnings(laid)),
        source=case.source,
        costs=case.costs,
    )


def _unsourced(laid: _Laid) -> Iterator[Problem]:
    if not laid.case.require_sourced:
        return
    for default in laid.defaults:
        if not default.sourced:
            what = f"rests on a default without a source: {default.value:g} {default.unit}"
            yield Problem(default.path, what, "state it, or drop `require_sourced`")


def _left_out(laid: _Laid, counted: Mapping[str, set[str]]) -> Iterator[str]:
    """Categories that something owned has no line of, where nothing is laid for them."""
    for name, option in laid.case.options.items():
        if option.kind == "own" and option.lines:
            usual = _RUNNING_ON if laid.case.costs == "marginal" else _USUALLY_COUNTED
            missing = [c for c in usual if c not in counted[name]]
            if missing:
                yield f"{name}: no {', '.join(missing)}"


def _warnings(laid: _Laid) -> Iterator[str]:
    case = laid.case
    for name, option in case.options.items():
        for line in option.lines:
            age = None if line.as_of is None else (laid.today - line.as_of).days
            if age is not None and age > HARDWARE_DAYS and line.category == "hardware":
                yield f"{name}, {line.item}: its price is {age} days old, of {line.as_of}"
        late = [t for t in case.site.taxes.values() for one in t if one.lag_months > case.months]
        if late and option.kind == "own":
            yield f"{name}: taxes come back after the horizon; they count at their own date"
        unpowered = option.power is None and option.metered is None and bool(option.lines)
        if option.kind == "own" and unpowered and case.defaults != "none":
            yield f"{name}: no power is stated, so electricity is not counted"


def _break_evens(laid: _Laid) -> dict[str, Crossing]:
    found: dict[str, Crossing] = {}
    wrong: list[Problem] = []
    counted: _Counted = {}
    for name, asked in laid.case.break_even.items():
        try:
            found[name] = _break_even(laid, name, asked, counted)
        except InputError as error:
            wrong += error.problems
    if wrong:
        raise InputError(wrong)
    return found


def _break_even(laid: _Laid, name: str, asked: BreakEven, counted: _Counted) -> Crossing:
    """Where two options cost the same; `counted` keeps present costs for the next pair."""
    if asked.over in ("hours", "months"):
        return payback(laid.case, asked)
    path = "load.busy" if asked.over == "busy" else asked.over
    part = f"break_even.{name}.over"
    now = value_at(laid.tree, path)
    if now is not None and (isinstance(now, bool) or not isinstance(now, int | float)):
        fix = "name one figure, such as options.own.lines.0.price"
        raise InputError(Problem(part, f"{path} is not a number", fix))
    if now is None and path not in ("load.busy", "load.useful"):
        raise InputError(Problem(part, f"nothing stands at {path}", "name a path of the case"))
    low, high = asked.search or _search(laid, path, now, part)
    a, b = asked.between
    for end in (low, high):
        laid.at({path: end}, part)
    steps = steps_of(laid.tree, path)

    def cost(value: float, option: str) -> float:
        key = steps, value, option
        if key not in counted:
            counted[key] = _present(laid.at_figures({steps: value}), option)
        return counted[key]

    def costs(value: float) -> tuple[float, float]:
        return cost(value, a), cost(value, b)

    return crossing(asked.between, asked.over, (float(low), float(high)), costs)


def _search(laid: _Laid, path: str, now: float | None, part: str) -> tuple[float, float]:
    """Where a crossing is looked for: from nothing to ten times the figure, or to 1 for a share."""
    figure = 1.0 if now is None else now
    away = 10.0 * figure or 1.0
    return _allowed(laid, path, (0.0, figure / 1000.0), part), _allowed(
        laid, path, (away, 1.0), part
    )


def _allowed(laid: _Laid, path: str, ends: tuple[float, float], part: str) -> float:
    """The first of two ends, or the second where the case refuses the first."""
    try:
        laid.at({path: ends[0]}, part)
    except InputError:
        return ends[1]
    return ends[0]


def _present(case: Case, name: str) -> float:
    streams = count(case.options[name], case, Clock(case)).streams
    return present_cost_of(streams, case.finance.cost_of_capital)


def _all_present(case: Case) -> dict[str, float]:
    return {name: _present(case, name) for name in case.options}


def _ranges(laid: _Laid) -> dict[str, tuple[float, ...]]:
    """The file's ranges, else those of the defaults it rests on."""
    if laid.case.ranges:
        return {path: tuple(ends) for path, ends in laid.case.ranges.items()}
    return {
        d.path: (d.low, d.value, d.high)
        for d in laid.defaults
        if d.low is not None and d.high is not None and d.low <= d.value <= d.high
        if d.low < d.high
    }


def _tornado(laid: _Laid, ranges: Mapping[str, tuple[float, ...]]) -> dict[str, Ends]:
    """Present cost with one input at its low and high end, the others typical; widest first."""
    typical = {path: ends[1] for path, ends in ranges.items()}
    wrong: list[Problem] = []
    base = _all_present(laid.at(typical, "ranges")) if ranges else {}
    found: dict[str, Ends] = {}
    for path, (low, _, high) in ranges.items():
        try:
            at_low = _all_present(laid.at({**typical, path: low}, f"ranges.{path}"))
            at_high = _all_present(laid.at({**typical, path: high}, f"ranges.{path}"))
        except InputError as error:
            wrong += error.problems
            continue
        winners = {min(costs, key=costs.__getitem__) for costs in (base, at_low, at_high)}
        found[path] = Ends(at_low, at_high, len(winners) > 1)
    if wrong:
        raise InputError(wrong)

    def width(ends: Ends) -> float:
        return max(abs(ends.high[name] - ends.low[name]) for name in ends.low)

    return dict(sorted(found.items(), key=lambda item: -width(item[1])))


def _draws(
    laid: _Laid, ranges: Mapping[str, tuple[float, ...]], progress: Callable[[float], None]
) -> tuple[dict[str, Spread], dict[str, float]]:
    """Present cost over triangular draws of all ranges together, and who is cheapest how often."""
    drawn = {path: ends for path, ends in ranges.items() if ends[0] < ends[2]}
    if not drawn:
        return {}, {}
    rng, n = np.random.default_rng(laid.case.draws.seed), laid.case.draws.n
    values = np.column_stack(
        [rng.triangular(low, mode, high, size=n) for low, mode, high in drawn.values()]
    )
    names = list(laid.case.options)
    steps = [steps_of(laid.tree, path) for path in drawn]
    costs = np.empty((n, len(names)))
    for column, name in enumerate(names):
        costs[:, column] = _costs(laid, name, steps, values, list(drawn.values()))
        progress((column + 1) / len(names))
    tenths = np.percentile(costs, (10, 50, 90), axis=0)
    wins = np.bincount(np.argmin(costs, axis=1), minlength=len(names)) / n
    spread = {name: Spread(*map(float, tenths[:, i])) for i, name in enumerate(names)}
    return spread, {name: float(wins[i]) for i, name in enumerate(names)}


def _costs(
    laid: _Laid,
    name: str,
    steps: Sequence[tuple[str | int, ...]],
    values: FloatArray,
    ends: Sequence[tuple[float, ...]],
) -> FloatArray:
    """Present cost of an option at each draw [n]: out of corners where it is linear in each input,
    else counted draw by draw."""

    typical = np.array([mode for _, mode, _ in ends])
    other = np.array([high if high > mode else low for low, mode, high in ends])
    base = laid.at_figures(dict(zip(steps, map(float, typical), strict=True)))

    def at(row: FloatArray) -> Case:
        case = base
        for index in map(int, np.flatnonzero(row != typical)):
            case = with_figure(case, steps[index], float(row[index]))
        return case

    def counted(row: FloatArray) -> Sequence[Stream]:
        case = at(row)
        return count(case.options[name], case, Clock(case)).streams

    capital = steps.index(_CAPITAL) if _CAPITAL in steps else None
    stated = np.full(len(values), laid.case.finance.cost_of_capital)
    rates = stated if capital is None else values[:, capital]
    found = present_costs(counted, typical, other, values, rates)
    if found is not None:
        return found
    return np.array([_present(at(row), name) for row in values])
