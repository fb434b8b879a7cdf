"""Where users are and how far from places, as an inventory states it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gpumix.domain.places import StatedTrip
from gpumix.domain.workload import Inventory

Read = Callable[[str], Inventory]
TEAM = """
name: team
horizon: {{start: 2027-01, years: 1}}
workloads:
  one: {{{0}}}
supply: {{cloud: {{}}, on_prem: {{dhaka: {{country: BD, racks: 1, kw_per_rack: 20}}}}}}
"""
CHAT = "kind: chat, model: Qwen/Qwen3-8B, traffic: {users: 9, input_tokens: 9, output_tokens: 9}"
IMAGES = "kind: media, model: black-forest-labs/FLUX.1-dev, images_per_day: 10"


def test_users_and_round_trips(read: Read) -> None:
    keys = f"{CHAT}, users_at: [BD, IN, BD], rtt_ms: {{dhaka: 3, IN: 40, aws us-east-1: 250}}"
    one = read(TEAM.format(keys)).workloads[0]
    assert one.users_at == ("BD", "IN")
    assert one.stated_trips == (
        StatedTrip("dhaka", 0.003),
        StatedTrip("IN", 0.04),
        StatedTrip("aws us-east-1", 0.25),
    )


def test_one_round_trip_for_every_place_needs_no_country(read: Read) -> None:
    one = read(TEAM.format(f"{IMAGES}, latency: 20 s, rtt_ms: 80")).workloads[0]
    assert (one.users_at, one.stated_trips) == ((), (StatedTrip("", 0.08),))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (f"{CHAT}, users_at: [Bangladesh]", "write BD"),
        (f"{CHAT}, users_at: [XX]", "unknown country 'XX'"),
        (f"{CHAT}, users_at: BD, rtt_ms: {{us-east-11: 80}}", "did you mean us-east-1"),
        (f"{CHAT}, rtt_ms: {{IN: 80}}", "add users_at"),
        (f"{CHAT}, users_at: BD, rtt_ms: -1", "must be at least 0"),
        (f"{IMAGES}, users_at: BD", "add latency"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    refused: Callable[[str], str], keys: str, says: str
) -> None:
    assert says in refused(TEAM.format(keys))


def test_every_country_has_a_place(read: Read) -> None:
    codes = ["AD", "AQ", "BV", "CI", "KP", "NO", "PS", "SH", "SS", "TW", "UM", "VA", "ZW"]
    one = read(TEAM.format(f"{CHAT}, users_at: [{', '.join(f'{c!r}' for c in codes)}]")).workloads[
        0
    ]
    assert one.users_at == tuple(codes)
