"""What a plan is held against: one GPU family alone, cloud or own servers alone, no main GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gpumix.domain.gpu import family_of
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import PUBLISHED
from gpumix.plan.formulate import Choice, may_run, worthwhile
from gpumix.plan.interpret import Answer
from gpumix.supply.supply import Supply

MOST_FAMILIES = 4
"""GPU families a plan is held against: its own, and the most widely offered others."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A name and which supplies may work under it."""

    name: str
    allows: Callable[[Supply], bool]


def restrictions(answer: Answer, choice: Choice, offered: Sequence[Supply]) -> list[Restriction]:
    """What this plan is held against, of what is on offer."""
    found = [_only_family(name) for name in families(answer, choice, offered)]
    if any(s.purchase.is_cloud for s in offered):
        found.append(Restriction("all cloud", lambda s: s.purchase.is_cloud))
    if any(not s.purchase.is_cloud for s in offered):
        found.append(Restriction("all on-prem", lambda s: not s.purchase.is_cloud))
    found += _by_tier(offered)
    main = max(answer.lines, key=lambda line: line.usd, default=None)
    if main is not None and len({s.gpu for s in offered}) > 1:
        gpu = main.supply.gpu
        found.append(Restriction(f"without {gpu}", lambda s: s.gpu != gpu))
    return found


def _by_tier(offered: Sequence[Supply]) -> list[Restriction]:
    """Rentals of one tier only, where several are on offer, and none whose price is derived."""
    tiers = sorted({s.tier for s in offered if s.tier})
    found = [_only_tier(tier) for tier in tiers] if len(tiers) > 1 else []
    if any(s.is_derived for s in offered):
        found.append(Restriction(PUBLISHED, lambda s: not s.is_derived))
    return found


def _only_tier(tier: str) -> Restriction:
    return Restriction(f"{tier}s only", lambda s: not s.purchase.is_cloud or s.tier == tier)


def _only_family(name: str) -> Restriction:
    return Restriction(f"all {name}", lambda s: family_of(s.gpu) == name)


def families(answer: Answer, choice: Choice, offered: Sequence[Supply]) -> list[str]:
    """The plan's own families, dearest first; then others that could do some of the work: those
    that could do all of it first, of these the most widely offered."""
    gpus = [line for line in answer.lines if line.supply.purchase is not Purchase.API]
    own = sorted(gpus, key=lambda line: -line.usd)
    offers = Counter(family_of(s.gpu) for s in offered if s.purchase is not Purchase.API)
    left_out = {name: _homeless(choice, offered, name) for name in offers}
    others = sorted(
        (name for name in offers if len(left_out[name]) < len(choice.inventory.workloads)),
        key=lambda name: (bool(left_out[name]), -offers[name], name),
    )
    found = dict.fromkeys([*(family_of(line.supply.gpu) for line in own), *others])
    return list(found)[:MOST_FAMILIES]


def _homeless(choice: Choice, offered: Sequence[Supply], family: str) -> list[str]:
    return homeless_workloads(choice, [s for s in offered if family_of(s.gpu) == family])


def narrow(choice: Choice, offered: Sequence[Supply], allows: Callable[[Supply], bool]) -> Choice:
    """The choice from only some of what is on offer; what stands already stays, idle where not
    allowed."""
    supplies = tuple(
        s if allows(s) else replace(s, idle=True) for s in offered if allows(s) or s.count
    )
    allowed = replace(choice, supplies=supplies)
    return replace(allowed, supplies=worthwhile(allowed))


def homeless_workloads(choice: Choice, supplies: Sequence[Supply]) -> list[str]:
    """Workloads that none of the supplies can do."""
    return [
        w.id
        for w in choice.inventory.workloads
        if not any(
            o.gpu == s.gpu and may_run(w, s) for o in choice.options.get(w.id, ()) for s in supplies
        )
    ]
