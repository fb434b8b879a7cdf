"""The plan made anew from today's fleet, and held against going on with the one that there is.

Both are plans of the same model, at the same prices, for the same months, each with its replays.
Going on wins where it costs no more than the new plan, what going over costs included, or so little
more that it is the simpler of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.plan import Plan
from gpumix.domain.replanned import FleetCount, Replanned, SwitchingCost, Verdict
from gpumix.domain.today_plan import Move
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, InputError, Problem
from gpumix.loop.difference import difference
from gpumix.loop.kept import Ways, ways_to_keep
from gpumix.loop.remaining import remaining, seen_instead
from gpumix.loop.standing import Standing, standing
from gpumix.loop.switching import NOT_COUNTED, switching_costs
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.interpret import Answer
from gpumix.plan.moves import moves_between
from gpumix.plan.plan import Planned, Progress, plan
from gpumix.values import more_by

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Again:
    """The answer, and the plan that it comes to with what it was made of."""

    answer: Replanned
    planned: Planned


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a plan on a day: its inventory, what stands, and how counts differ."""

    inventory: Inventory
    stands: Standing
    counts: tuple[FleetCount, ...]


def left_of(
    before: Plan, as_of: date, seen: Mapping[str, int] | None = None, rates: Sequence[Offer] = ()
) -> Left:
    """What is left of a plan on a day; `seen` are the GPUs of a fleet by kind, `rates` newer
    prices.

    Raises: InputError where the plan carries no inventory or has ended.
    """
    if before.inventory is None:
        fix = "it is of an older gpumix; plan its inventory's YAML file"
        raise InputError(Problem("--plan", "carries no inventory", fix))
    stands = standing(before, before.inventory, as_of)
    counts: tuple[FleetCount, ...] = ()
    if seen is not None:
        stands, counts = seen_instead(stands, seen)
    inventory = remaining(before, before.inventory, stands, as_of, rates)
    return Left(inventory, stands, counts)


def replan(
    before: Plan,
    left: Left,
    catalog: Catalog,
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
) -> Again:
    """A plan made anew from what is left of it; `catalog` has the newer prices.

    Raises: Infeasible where neither going on nor any other mix keeps every promise.
    """
    ways = ways_to_keep(before, left.inventory, catalog, left.stands)
    progress("going on as planned")
    keep, reason = _kept(before, left.inventory, catalog, ways, work)
    progress("the best plan from here")
    try:
        new = plan(left.inventory, catalog, progress, work, ways.beside)
    except Infeasible:
        if keep is None:
            raise
        new = keep
    return _judged(left, keep, reason, new, catalog, ways)


def _kept(
    before: Plan, inventory: Inventory, catalog: Catalog, ways: Ways, work: Work
) -> tuple[Planned | None, str]:
    """Going on as planned; None with the reason where that keeps not every promise."""
    if not any(line.purchase == "api" for line in before.mix):
        inventory = replace(inventory, api=None)
    try:
        return plan(inventory, catalog, work=work, changed=ways.keeping), ""
    except Infeasible as error:
        return None, str(error)


def _judged(
    left: Left, keep: Planned | None, reason: str, new: Planned, catalog: Catalog, ways: Ways
) -> Again:
    switching: tuple[SwitchingCost, ...] = ()
    moves: tuple[Move, ...] = ()
    if keep is not None and keep is not new:
        switching = switching_costs(_answer(keep), _answer(new), catalog.defaults)
    broken = sorted(set(_broken(keep.plan)) - set(_broken(new.plan))) if keep else []
    if broken:
        reason = f"breaks a promise of {', '.join(broken)}"
    switching_usd = sum(one.usd for one in switching)
    simplicity = left.inventory.simplicity
    most_usd = more_by(usd_of(new.plan) + switching_usd, simplicity)
    stays = keep is not None and not broken and usd_of(keep.plan) <= most_usd
    chosen = keep if keep is not None and stays else new
    if keep is not None:
        moves = moves_between(_now(_answer(keep)), _answer(chosen))
    answer = Replanned(
        name=new.plan.name,
        as_of=left.inventory.as_of,
        start=left.inventory.start,
        months=left.inventory.months,
        verdict=Verdict.KEEP if stays else Verdict.CHANGE,
        keep_usd=None if keep is None or broken else usd_of(keep.plan),
        keep_reason=reason,
        new_usd=usd_of(new.plan),
        switching=switching,
        simplicity=simplicity,
        moves=moves,
        steps=chosen.plan.timeline,
        counts=left.counts,
        difference=None if keep is None else difference(keep.plan, chosen.plan),
        notes=ways.notes,
        not_counted=NOT_COUNTED,
    )
    return Again(answer, chosen)


def _now(keep: Answer) -> Answer:
    """Going on, less what it has yet to buy, reserve or rent."""
    first = keep.formulation.cycle.of_year(0)
    lines = tuple(
        line
        for line in keep.lines
        if any(line.at_once[block] for block in first)
        and (line.supply.starts is None or line.supply.purchase is Purchase.OWNED)
    )
    return replace(keep, lines=lines)


def usd_of(made: Plan) -> float:
    """What a plan is judged by: its present cost and the worth of waiting [USD]."""
    return made.horizon_usd + made.wait_usd


def _broken(made: Plan) -> list[str]:
    """Workloads of which the plan breaks a promise."""
    return [w.id for w in made.workloads if not all(check.kept for check in w.slo)]


def _answer(planned: Planned) -> Answer:
    """The accounts that a plan was written from; every plan just made has them."""
    if planned.answer is None:
        raise ValueError("a plan without accounts")
    return planned.answer
