"""Changes of an inventory that give it a plan: each is made, and the inventory solved again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.domain.workload import Inventory
from gpumix.errors import Change, GpumixError, WayOut
from gpumix.plan.formulate import Formulation
from gpumix.plan.infeasible.again import Again
from gpumix.plan.infeasible.amounts import Amount, amounts
from gpumix.plan.infeasible.conflict import Conflict, conflict_of, minimal, opened, possible
from gpumix.plan.infeasible.narrowings import Narrowing
from gpumix.plan.interpret import usd_of
from gpumix.plan.search import Found

MOST_TOGETHER = 4
"""Keys that one way out changes, at the most."""

EASED = 0.7
"""A promise is loosened further while the plan's cost falls to this share with every step."""

FIRST = ("on_prem", "limits", "cloud", "owned")
"""Where keys stand that are moved before others: the racks before what is to stand in them."""


@dataclass(frozen=True, slots=True)
class Way:
    """An inventory that has a plan, how it differs from the one at hand, and its mix."""

    inventory: Inventory
    changes: tuple[Change, ...]
    found: Found
    gives_up: bool


def ways_out(
    inventory: Inventory, conflict: Conflict, formulation: Formulation, again: Again
) -> list[WayOut]:
    """A way out for each key in conflict that can be one, its cost with it."""
    ways = {way.changes: way for way in _ways(inventory, conflict, formulation, again, 1)}
    return [WayOut(w.changes, _usd(w), w.gives_up) for w in ways.values()]


def _usd(way: Way) -> float | None:
    """What its plan costs [USD]; None where it needs GPUs of one's own that nobody prices."""
    has_more = any(change.stated.path[:2] == ("supply", "owned") for change in way.changes)
    return None if has_more else usd_of(way.found)


def _ways(
    inventory: Inventory, conflict: Conflict, formulation: Formulation, again: Again, depth: int
) -> Iterator[Way]:
    """Those that give nothing up before those that do."""
    keys: list[Amount | Narrowing] = [
        *(() if conflict.homeless is not None else conflict.amounts),
        *conflict.narrowings,
    ]
    for key in sorted(keys, key=lambda one: one.gives_up):
        if isinstance(key, Narrowing):
            way = _without(inventory, key, again, depth)
        else:
            way = _with_more(inventory, key, formulation, again)
        if way is not None:
            yield way


# -- a list or a promise ---------------------------------------------------------------------


def _without(inventory: Inventory, key: Narrowing, again: Again, depth: int) -> Way | None:
    """A way that widens one key; what else is in conflict without it is moved, too."""
    wide = _reached(key.opened(inventory), again, depth)
    if wide is None:
        return None
    best: Way | None = None
    for tried, change in key.tries(wide.inventory, wide.found):
        found = again.found(tried)
        if found is None or (best and usd_of(found) > EASED * usd_of(best.found)):
            if best:
                break
            continue
        gives_up = key.gives_up or wide.gives_up
        best = Way(tried, (change, *wide.changes), found, gives_up)
        if not key.eases:
            break
    return best


def _reached(inventory: Inventory, again: Again, depth: int) -> Way | None:
    """An inventory with a plan: itself, or with the first way out of its own conflict."""
    found = again.found(inventory, rough=True)
    if found is not None:
        return Way(inventory, (), found, gives_up=False)
    if depth == MOST_TOGETHER:
        return None
    try:
        formulation = again.formulation(inventory)
        conflict = conflict_of(inventory, formulation, again)
    except GpumixError:
        return None
    return next(_ways(inventory, conflict, formulation, again, depth + 1), None)


# -- an amount -------------------------------------------------------------------------------


def _with_more(
    inventory: Inventory, key: Amount, formulation: Formulation, again: Again
) -> Way | None:
    """A way that moves an amount, and others with it where it alone does not help."""
    together = _together(inventory, key, formulation)
    paths = [a.stated.path for a in sorted(together, key=_rank)]
    return _moved(inventory, formulation, paths, again) if paths else None


def _rank(amount: Amount) -> int:
    names = [name for name in FIRST if name in amount.stated.path[:2]]
    return FIRST.index(names[0]) if names else len(FIRST)


def _together(inventory: Inventory, key: Amount, formulation: Formulation) -> list[Amount]:
    """Amounts that must move for a mix to exist, the key among them; none where too many must."""
    known, freed = amounts(formulation, inventory), [key]
    while not possible(formulation, freed):
        conflict = minimal(formulation, known, freed)
        movable = [a for a in conflict if a.gives_up == key.gives_up]
        if not movable or len(freed) == MOST_TOGETHER:
            return []
        freed.append(min(movable, key=_rank))
    return freed


def _moved(
    inventory: Inventory, formulation: Formulation, paths: Sequence[tuple[str, ...]], again: Again
) -> Way | None:
    """The amounts of these keys moved one after the other, each as far as the others need it."""
    known = {a.stated.path: a for a in amounts(formulation, inventory)}
    if paths[0] not in known:
        return None
    amount, rest = known[paths[0]], [known[p] for p in paths[1:] if p in known]
    needed: float | None = 0.0
    if amount.slack:
        loose = [limit for other in rest for limit in other.limits]
        needed = mix.needed(opened(formulation, rest), amount.slack, loose)
    for value in amount.tries(needed) if needed is not None else ():
        moved, change = amount.moved(inventory, value), amount.change(value)
        way = _rest(moved, [a.stated.path for a in rest], again)
        if way is not None:
            gives_up = amount.gives_up or way.gives_up
            return replace(way, changes=(change, *way.changes), gives_up=gives_up)
    return None


def _rest(inventory: Inventory, paths: Sequence[tuple[str, ...]], again: Again) -> Way | None:
    """The inventory with the other keys moved, too."""
    if not paths:
        found = again.found(inventory)
        return None if found is None else Way(inventory, (), found, gives_up=False)
    try:
        formulation = again.formulation(inventory)
    except GpumixError:
        return None
    return _moved(inventory, formulation, paths, again)
