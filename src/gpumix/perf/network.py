"""How long a message takes there and back: distance over the earth, and light in fibre."""

from __future__ import annotations

import math

EARTH_RADIUS_KM = 6371.0
"""Mean radius of the earth. Source: IUGG, mean radius R1."""

FIBRE_KM_PER_S = 200_000.0
"""Speed of light in glass: c over a refractive index of 1.5."""

FARTHEST_KM = math.pi * EARTH_RADIUS_KM
"""Half way round the earth: no place is farther from another [km]."""


def great_circle_km(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Shortest distance of two points over the surface of a sphere [km].

    distance = 2 R asin(sqrt(sin^2(dlat / 2) + cos(lat) cos(other lat) sin^2(dlon / 2)))

    Args:
        latitude, longitude: of one point [degrees], north and east positive.
        other_latitude, other_longitude: of the other [degrees].

    Source: haversine formula; Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984) 159.

    >>> round(great_circle_km(51.51, -0.13, 40.71, -74.01))  # London to New York
    5570
    """
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    east = math.radians(other_longitude - longitude)
    chord = (
        math.sin((other_north - north) / 2.0) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin(east / 2.0) ** 2
    )
    return 2.0 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(chord, 1.0)))


def round_trip_s(distance_km: float, route_factor: float) -> float:
    """Network round trip over a distance [s].

    round trip = 2 x distance x route factor / speed of light in fibre

    Args:
        distance_km: great circle [km].
        route_factor: how much longer the way of the packets, their switches included, takes than
            light in a straight fibre [1].

    Source: Bozkurt et al., "Dissecting Latency in the Internet's Fiber Infrastructure",
        arXiv 1811.10737, section 1: the usual estimate, a factor of 2.1.

    >>> round(round_trip_s(5570.0, 2.1), 4)
    0.117
    """
    return 2.0 * distance_km * route_factor / FIBRE_KM_PER_S
