"""What a plan is held against: the other mixes that people ask for, each as one restriction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gpumix.domain.gpu import family_of
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import LISTED, WITHOUT_LOSS
from gpumix.domain.workload import Tier
from gpumix.options.option import Option
from gpumix.plan.accounts import Line
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply

MOST_FAMILIES = 4
"""GPU families a plan is held against: its own, and the most widely offered others."""

LONGEST_TERM_MONTHS = 12
"""Months of the longest commitment in the mix of one-year terms at most."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A name, which supplies may work under it, and which options suit it.

    `breaks` says what it leaves undone, in words. One that does not ask premium work to survive
    the loss of an instance keeps less than the plan does.
    """

    name: str
    allows: Callable[[Supply], bool]
    suits: Callable[[Option], bool] = lambda _: True
    survives_loss: bool = True
    breaks: tuple[str, ...] = ()

    def is_kept_by(self, lines: Sequence[Line]) -> bool:
        """Whether a mix that keeps all the plan must keep is one of this restriction too."""
        return self.survives_loss and all(
            self.allows(line.supply) and all(self.suits(use.cell.option) for use in line.uses)
            for line in lines
        )

    def applied(self, choice: Choice, offered: Sequence[Supply]) -> Choice:
        """The choice that it leaves of what is on offer."""
        options = {w: [o for o in found if self.suits(o)] for w, found in choice.options.items()}
        changed = replace(choice, options=options, survives_loss=self.survives_loss)
        return narrow(changed, offered, self.allows)


def restrictions(answer: Answer, choice: Choice, offered: Sequence[Supply]) -> list[Restriction]:
    """What this plan is held against, of what is on offer."""
    found = [_only_family(name) for name in families(answer, choice, offered)]
    if any(s.purchase.is_cloud for s in offered):
        found.append(Restriction("all cloud", lambda s: s.purchase.is_cloud))
    if any(not s.purchase.is_cloud for s in offered):
        found.append(Restriction("all on-prem", lambda s: not s.purchase.is_cloud))
    found += [*_by_tier(offered), *_by_purchase(offered)]
    if any(s.is_derived for s in offered):
        found.append(Restriction(LISTED, lambda s: not s.is_derived))
    if any(w.tier is Tier.PREMIUM and not w.is_deferrable for w in choice.inventory.workloads):
        found.append(without_surviving_a_loss(choice))
    main = max(answer.lines, key=lambda line: line.usd, default=None)
    if main is not None and len({s.gpu for s in offered}) > 1:
        gpu = main.supply.gpu
        found.append(Restriction(f"without {gpu}", lambda s: s.gpu != gpu))
    return found


def without_surviving_a_loss(choice: Choice) -> Restriction:
    """The same work on no more replicas than its peak asks for."""
    premium = [
        w.id for w in choice.inventory.workloads if w.tier is Tier.PREMIUM and not w.is_deferrable
    ]
    return Restriction(
        WITHOUT_LOSS,
        lambda _: True,
        survives_loss=False,
        breaks=tuple(f"{name} is slow or down while an instance is lost" for name in premium),
    )


def _by_purchase(offered: Sequence[Supply]) -> list[Restriction]:
    """No promise to pay, none of over a year, none of what may be taken back: where each leaves
    anything out. What stands already is no new promise."""
    found = (
        Restriction("on demand only", _is_by_use),
        Restriction("one-year terms at most", _is_short),
        Restriction("without spot", lambda s: s.purchase is not Purchase.SPOT),
    )
    return [r for r in found if not all(map(r.allows, offered)) and any(map(r.allows, offered))]


def _is_by_use(supply: Supply) -> bool:
    by_use = supply.purchase in (Purchase.ON_DEMAND, Purchase.API)
    return by_use or supply.purchase is Purchase.OWNED or _runs_already(supply)


def _runs_already(supply: Supply) -> bool:
    """A commitment that is paid in every plan: to use it is no new promise."""
    return supply.until_month is not None


def _is_short(supply: Supply) -> bool:
    months = supply.offer.term_months if supply.offer else supply.purchase.term_months
    return months <= LONGEST_TERM_MONTHS or _runs_already(supply)


def _by_tier(offered: Sequence[Supply]) -> list[Restriction]:
    """Rentals of one tier only, where several are on offer."""
    tiers = sorted({s.tier for s in offered if s.tier})
    return [_only_tier(tier) for tier in tiers] if len(tiers) > 1 else []


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


def provider_of(supply: Supply) -> str:
    """Whom a supply is rented from; sites of one's own are no provider."""
    return supply.provider if supply.purchase.is_cloud else ""


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
