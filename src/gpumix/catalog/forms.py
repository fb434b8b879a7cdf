"""GPUs as buyers name them: `8xH100` is a size and a family, which is sold in several forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Final

from gpumix.catalog.machines import squeezed
from gpumix.domain.gpu import Gpu, family_of
from gpumix.domain.offer import Offer, Purchase
from gpumix.errors import InputError, Problem, UnknownName

_SIZED: Final = re.compile(r"(\d{1,4})\s*[x×]\s*(\S.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name means: GPU ids, and GPUs per instance where it begins with a count."""

    forms: tuple[str, ...]
    size: int | None


def named_gpus(
    name: str,
    gpus: Mapping[str, Gpu],
    aliases: Mapping[str, str],
    place: str = "",
    machines: Mapping[str, tuple[str, int]] = MappingProxyType({}),
) -> Named:
    """The GPUs and the size that `name` means.

    An id or an alias means one GPU. A family with any of its form factor and memory (`h100`,
    `H100 SXM`, `a100-80gb`) means every GPU of that description, a rented machine
    (`p5.48xlarge`) its own GPU and their number. Case and separators do not count.

    Raises: UnknownName with did-you-mean; InputError for a size of 0.
    """
    if (machine := machines.get(squeezed(name))) is not None:
        return Named((machine[0],), machine[1])
    sized = _SIZED.fullmatch(name.strip())
    size, words = (int(sized[1]), sized[2]) if sized else (None, name)
    if size == 0:
        raise InputError(Problem(place, f"{name!r} has no GPU", "write a size as in 8xH100"))
    wanted = _compact(words)
    exact = {_compact(id): id for id in gpus}
    exact |= {_compact(alias): id for alias, id in aliases.items() if id in gpus} | exact
    forms = (
        (exact[wanted],)
        if wanted in exact
        else tuple(id for id in gpus if wanted in _descriptions(id))
    )
    if not forms:
        families = dict.fromkeys(family_of(id).lower() for id in gpus)
        raise UnknownName(place, "GPU", words, [*families, *gpus])
    return Named(forms, size)


def main_form(forms: Iterable[str], offers: Iterable[Offer], gpus: Mapping[str, Gpu]) -> str:
    """The form that a buyer of the family mostly meets: most providers list it by the hour.

    Of equals the one with more memory, then the first by id.
    """
    lists: dict[str, set[str]] = {form: set() for form in forms}
    for offer in offers:
        if offer.purchase is Purchase.ON_DEMAND and offer.gpu in lists:
            lists[offer.gpu].add(offer.provider)
    return min(lists, key=lambda form: (-len(lists[form]), -gpus[form].mem_gib, form))


def _descriptions(id: str) -> set[str]:
    """Every way to name a GPU by its family and some of the other parts of its id.

    >>> sorted(_descriptions("h100-sxm-80gb"))
    ['h100', 'h10080gb', 'h100sxm', 'h100sxm80gb']
    """
    family, *parts = id.split("-")
    return {
        "".join((family, *kept)) for n in range(len(parts) + 1) for kept in combinations(parts, n)
    }


def _compact(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()
