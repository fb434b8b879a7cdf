"""Where an inventory says that users are, and how far from places -> countries and round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpumix.domain.offer import Offer
from gpumix.domain.places import StatedTrip
from gpumix.domain.workload import Kind, Slo
from gpumix.inventory.schema_work import WorkloadSpec
from gpumix.inventory.yaml import KeyPath
from gpumix.units import MS


@dataclass(frozen=True, slots=True)
class Ends:
    """Countries that users may be in, and names of places that work may run in."""

    countries: tuple[str, ...]
    places: tuple[str, ...]

    @classmethod
    def of(cls, countries: Iterable[str], offers: Sequence[Offer], sites: Iterable[str]) -> Ends:
        """What the catalogue and an inventory's sites know."""
        known = dict.fromkeys(countries)
        regions = {f"{o.provider} {o.region}" for o in offers} | {
            o.region for o in offers if o.region
        }
        named = sorted({o.provider for o in offers} | regions)
        return cls(tuple(known), (*dict.fromkeys((*sites, *known, *named)),))


def users_of(
    path: KeyPath,
    spec: WorkloadSpec,
    slos: Sequence[Slo],
    ends: Ends,
    known_countries: Callable[[KeyPath, Iterable[str], Iterable[str]], None],
    say: Callable[..., None],
    known: Callable[[KeyPath, str, str, Iterable[str]], None],
) -> tuple[tuple[str, ...], tuple[StatedTrip, ...]]:
    """The countries of a workload's users, and the round trips that it states."""
    users = tuple(dict.fromkeys(spec.users_at or ()))
    known_countries((*path, "users_at"), users, ends.countries)
    stated = spec.rtt_ms if spec.rtt_ms is not None else {}
    by_place: Mapping[str, float] = stated if isinstance(stated, dict) else {"": stated}
    for place in filter(None, by_place):
        known((*path, "rtt_ms", place), "place", place, ends.places)
    key = "users_at" if users else "rtt_ms"
    if (users or by_place) and not slos:
        promise = "latency" if spec.kind in (Kind.MEDIA, Kind.CUSTOM) else "slo"
        say((*path, key), "goes with a promised latency: other work may wait", f"add {promise}")
    elif by_place and "" not in by_place and not users:
        fix = "add users_at, the users' countries"
        say((*path, "rtt_ms"), "says nothing of places that it does not name", fix)
    return users, tuple(StatedTrip(place, ms * MS) for place, ms in by_place.items())
