"""What is owned: keep it, or sell it and do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gpumix.cost.case.streams import present_cost_of
from gpumix.domain.ledger import Entry
from gpumix.domain.money import KeepOrSell
from gpumix.money.held import Held, Option, streams_of

OWNED = "owned"


def keep_or_sell(
    plan: Option, others: Sequence[Option], held: Mapping[str, Held], rate_per_year: float
) -> tuple[KeepOrSell, ...]:
    """Each owned line that the plan keeps, against the cheapest alternative that does without it.

    Doing without costs what that alternative costs more, what it gets for the line not counted. A
    better plan without the line may not have been looked for, so that it is the most it can be.

    Args:
        plan: the plan.
        others: alternatives that keep the promises.
        held: resource -> facts.
        rate_per_year: cost of capital [1].

    Source: docs/cost.md, "Keep or sell".
    """
    found = []
    for name in dict.fromkeys(entry.option for entry in plan.entries):
        line = held.get(name)
        if line is None or line.purchase != OWNED or not _kept(plan.entries, name):
            continue
        without = [one for one in others if not _kept(one.entries, name)]
        more = {one.name: _more_usd(plan, one, name, rate_per_year) for one in without}
        best = min(more, key=more.__getitem__, default=None)
        own = [entry for entry in plan.entries if entry.option == name]
        gpus = round(max(line.gpus_by_month, default=0.0))
        more_usd = None if best is None else more[best]
        found.append(
            KeepOrSell(
                resource=name,
                gpu=line.gpu,
                gpus=gpus,
                keep_usd=_present(own, rate_per_year),
                sells_for_usd=line.sells_for_usd,
                without_more_usd=more_usd,
                without=best or "",
                sell_above_usd_per_gpu=more_usd / gpus if more_usd is not None and gpus else None,
                reason="" if best else "no alternative that keeps the promises does without it",
            )
        )
    return tuple(found)


def _kept(entries: Sequence[Entry], name: str) -> bool:
    """Whether anything but its sale is paid for a line."""
    return any(entry.option == name and entry.category != "residual" for entry in entries)


def _more_usd(plan: Option, other: Option, name: str, rate_per_year: float) -> float:
    sale = [e for e in other.entries if e.option == name and e.category == "residual"]
    rest = _present(other.entries, rate_per_year) - _present(sale, rate_per_year)
    return rest - _present(plan.entries, rate_per_year)


def _present(entries: Sequence[Entry], rate_per_year: float) -> float:
    return present_cost_of(streams_of(entries), rate_per_year)
