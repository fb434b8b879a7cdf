"""GPUs that stand on a site already -> how many of each, how old, and what they would fetch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gpumix.domain.site import OwnedTerms
from gpumix.inventory.schema import OwnedSpec, SiteSpec
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


def site_fields(
    path: KeyPath, spec: SiteSpec, say: Callable[[KeyPath, str, str], None]
) -> dict[str, Any]:
    """A site's own figures under the names of its record; `staff` and its short forms are one."""
    fields = {k: getattr(spec, k) for k in SiteSpec.model_fields if k not in ("gpus", "staff")}
    if spec.staff is None:
        return fields
    for key in ("staff_fte", "fte_usd_per_year"):
        if fields[key] is not None:
            say((*path, key), "is stated beside staff", "state it within staff")
    return {
        **fields,
        "staff_fte": spec.staff.least,
        "fte_usd_per_year": spec.staff.salary,
        "staff_per_server": spec.staff.per_server,
        "staff_whole": spec.staff.whole,
    }
