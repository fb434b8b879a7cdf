"""Where users and machines are, and how long messages between them take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpumix.domain.evidence import Basis


@dataclass(frozen=True, slots=True)
class Place:
    """A town and where it lies [degrees], north and east positive."""

    city: str
    country: str
    latitude: float
    longitude: float
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Places:
    """Towns by (provider, region), and the largest one of each country (ISO 3166 alpha-2)."""

    regions: Mapping[tuple[str, str], Place]
    countries: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class StatedTrip:
    """The network round trip to a place that a team states [s].

    `place` is a site, a provider, a region with or without its provider, or a country; empty =
    every place.
    """

    place: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The network round trip between a workload's users and a place [s].

    `planned_s` is what the plan counts: the same for places nearly as far away, never less, but no
    more than the promise's own limit.
    """

    workload: str
    seconds: float
    planned_s: float
    basis: Basis
    source: str
