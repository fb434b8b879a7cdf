"""What the cost rests on: known prices, assumed ones that somebody confirmed, and all others.

An amount whose price is assumed counts as confirmed where every assumed figure that makes it is.
How much is needed (traffic, growth, speed) is no price: whoever owns that answers for the mix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gpumix.cost.case.streams import Stream, present_cost_of
from gpumix.cost.hardware import RESALE_OF_KEPT, SALE
from gpumix.cost.site_charges import FIT_OUT, SiteCharges
from gpumix.cost.staff import SiteStaff
from gpumix.domain.evidence import Assumption, Basis, RestsOn
from gpumix.domain.workload import Inventory
from gpumix.errors import Problem, unknown_name
from gpumix.plan.accounts import ENERGY, Line
from gpumix.plan.api_supply import api_id, quoted
from gpumix.plan.assumptions import figures, noted, of_site, price_of, with_owner
from gpumix.plan.choose import supply as supplies_of
from gpumix.plan.interpret import Answer
from gpumix.supply.supply import Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

RULE: Final = "rule: "

_PRICE = "purchase price"
_HARDWARE = (_PRICE, "network", "storage")
_IMPORTED = (*_HARDWARE, "spares", "import tax")
_ENERGY = ("at the wall", "PUE", "electricity", "outages", "generator", "diesel")
_OF_A_SITE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "server": (_PRICE,),
        "network": (_PRICE, "network"),
        "storage": (_PRICE, "storage"),
        "spares": (_PRICE, "spares"),
        "installation": (_PRICE, "installation"),
        "import duty": _IMPORTED,
        "advance taxes": _IMPORTED,
        "advance taxes back": _IMPORTED,
        "resale": (_PRICE, "resale value"),
        RESALE_OF_KEPT: (_PRICE, "resale value"),
        SALE: (_PRICE, "resale value"),
        "support": (*_HARDWARE, "support"),
        "insurance": (*_HARDWARE, "insurance"),
        "licence": ("licence",),
        "facility": ("room",),
        "idle energy": _ENERGY,
        ENERGY: _ENERGY,
        "staff": ("salary of a post", "least posts of the site", "posts of a server"),
        "standing charge": ("standing charge",),
        "demand charge": ("demand charge", "at the wall", "PUE"),
        FIT_OUT: (FIT_OUT,),
        "room below its minimum": ("room",),
        "generator, running idle": ("generator", "outages"),
    }
)
"""Item of the ledger -> words of the assumptions that make it, on a site of one's own."""
_RENTED = ("price", "today", "terms")
_OF_DATA: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"egress": (*_RENTED, "egress"), "storage": (*_RENTED, "storage")}
)


def rests_on(answer: Answer) -> RestsOn:
    """The plan's present cost by what its prices rest on."""
    parts: dict[bool | None, list[float]] = {None: [], True: [], False: []}
    for line in answer.lines:
        found = _figures_of(line, answer)
        for stream in line.streams:
            usd = present_cost_of([stream], line.rate_per_year)
            parts[_is_confirmed(stream, line.supply, found)].append(usd)
    return RestsOn(*(math.fsum(parts[kind]) for kind in (None, True, False)))


def _figures_of(line: Line, answer: Answer) -> list[Assumption]:
    """What the amounts of a line are made of, each with its owner."""
    choice, supply = answer.choice, line.supply
    found = (
        *((price_of(supply),) if supply.purchase.is_cloud else ()),
        *supply.assumptions,
        *of_site(supply.site, (*choice.staff, *choice.sites)),
    )
    return [with_owner(a, choice.inventory.confirmations) for a in found]


def _is_confirmed(stream: Stream, supply: Supply, found: Iterable[Assumption]) -> bool | None:
    """Whether all that is assumed in an amount is confirmed; None where its price is not
    assumed."""
    if stream.basis != Basis.ASSUMED:
        return None
    needed = [a for a in found if a.basis is Basis.ASSUMED and _makes(a, stream.item, supply)]
    return bool(needed) and all(a.confirmed_on is not None for a in needed)


def _makes(found: Assumption, item: str, supply: Supply) -> bool:
    """Whether an assumption is among those that make an item of the ledger."""
    kind, _, what = found.subject.partition(": ")
    if supply.site is None:
        return kind in _OF_DATA.get(item, _RENTED)
    return any(word in what for word in _OF_A_SITE.get(item, ()))


def unknown_assumptions(inventory: Inventory, catalog: Catalog) -> list[Problem]:
    """Names in the inventory's `assumptions` that no plan of it can have."""
    if not inventory.confirmations:
        return []
    known = list(dict.fromkeys(_nameable(inventory, catalog)))
    problems = []
    for one in inventory.confirmations:
        place = f"assumptions.{one.subject}"
        if one.subject.startswith(RULE):
            what = "is a rule of gpumix, not a figure of yours"
            problems.append(Problem(place, what, "leave it out"))
        elif not any(map(one.names, known)):
            problems.append(unknown_name(place, "assumption", one.subject, known))
    return problems


def _nameable(inventory: Inventory, catalog: Catalog) -> Iterator[str]:
    """What plans of an inventory may assume, whichever mix they choose; gpumix's own rules left
    out."""
    supplies = supplies_of(inventory, catalog)
    sites: list[SiteStaff | SiteCharges] = [*supplies.staff, *supplies.sites]
    for found in figures(inventory, supplies.of, sites, catalog, lambda *_: True):
        yield found.subject
    for workload, quote in quoted(inventory, catalog.api_prices):
        yield f"price: {api_id(workload, quote)}"
    for found in noted((*inventory.notes, *supplies.notes)):
        yield found.subject
