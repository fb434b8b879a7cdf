"""GPUs that stand on a site already -> how many of each, how old, and what they would fetch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gpumix.domain.site import OwnedTerms
from gpumix.inventory.schema import OwnedSpec
from gpumix.inventory.yaml import KeyPath


@dataclass(frozen=True, slots=True)
class Standing:
    """GPUs of a site: id -> count, and what is known of those of which more is stated."""

    owned: tuple[tuple[str, int], ...]
    owned_terms: tuple[OwnedTerms, ...]


def standing(
    site: str,
    stated: Mapping[str, int | OwnedSpec],
    gpus: Callable[[KeyPath, Iterable[str]], list[str]],
    say: Callable[[KeyPath, str, str], None],
) -> Standing:
    """What stands on a site; counts of one GPU under two of its names add up."""
    counts: dict[str, int] = {}
    terms: dict[str, OwnedTerms] = {}
    for name, spec in stated.items():
        path: KeyPath = ("supply", "owned", site, name)
        (id,) = gpus(path, [name])
        count = spec.count if isinstance(spec, OwnedSpec) else spec
        counts[id] = counts.get(id, 0) + count
        if isinstance(spec, OwnedSpec):
            found = OwnedTerms(id, spec.age_months, spec.sell_usd)
            if terms.setdefault(id, found) != found:
                say(path, f"states other terms of {id} than before", "keep one of them")
    return Standing(tuple(counts.items()), tuple(terms.values()))
