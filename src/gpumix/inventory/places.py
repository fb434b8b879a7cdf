"""A place that a quota holds in, as it is written: `aws`, `aws us-east-1`, `aws us-east-1 h100`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from gpumix.domain.offer import Offer
from gpumix.domain.workload import Quota
from gpumix.errors import UnknownName

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def quota_of(text: str, instances: int, offers: Iterable[Offer], catalog: Catalog) -> Quota:
    """The quota of a provider, of one of its regions, of one GPU there.

    Names of regions may hold blanks. Raises: UnknownName for the part that nothing on offer has.
    """
    regions: dict[str, set[str]] = {}
    for offer in offers:
        regions.setdefault(offer.provider, set()).add(offer.region)
    words = " ".join(text.split())
    provider, rest = _known_start(words, regions)
    if not provider:
        raise UnknownName("", "provider", words.partition(" ")[0], sorted(regions))
    known = sorted(filter(None, regions[provider]))
    region, name = _known_start(rest, known)
    gpu = _gpu(name, catalog) if name else None
    if name and gpu is None:
        if region:
            raise UnknownName("", "GPU", name, sorted(catalog.gpus))
        raise _unknown(name, provider, known, catalog)
    return Quota(provider, region or None, gpu, instances)


def _known_start(text: str, names: Collection[str]) -> tuple[str, str]:
    """The longest name that the text begins with, and the rest of it."""
    found = max((n for n in names if n and f"{text} ".startswith(f"{n} ")), key=len, default="")
    return found, text[len(found) :].strip()


def _gpu(name: str, catalog: Catalog) -> str | None:
    try:
        return catalog.gpu(name).id
    except UnknownName:
        return None


def _unknown(text: str, provider: str, regions: Collection[str], catalog: Catalog) -> UnknownName:
    """What is neither a region nor a GPU; before a GPU only the region is wrong."""
    words = text.split(" ")
    for end in range(1, len(words)):
        if _gpu(" ".join(words[end:]), catalog):
            return UnknownName("", f"region of {provider}", " ".join(words[:end]), regions)
    known = [*regions, *sorted(catalog.gpus)]
    return UnknownName("", f"region of {provider} or GPU", text, known)
