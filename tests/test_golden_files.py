"""What golden files call a difference."""

from __future__ import annotations

import pytest

from golden_files import differences


@pytest.mark.parametrize(
    ("kept", "now", "lines"),
    [
        ({"a": 1.0}, {"a": 1.0 + 5e-7}, []),
        ({"a": 1.0}, {"a": 1.0 + 2e-6}, ["a: 1.0 -> 1.000002"]),
        ({"a": 2.0}, {"a": 2}, []),
        ({"a": 1_000_000_000}, {"a": 1_000_000_001}, ["a: 1000000000 -> 1000000001"]),
        ({"a": True}, {"a": 1}, ["a: True -> 1"]),
        ({"a": None}, {}, ["a: None -> 'absent'"]),
        ({}, {"a": [1]}, ["a: 'absent' -> [1]"]),
        ({"a": [{"b": "x"}, 2]}, {"a": [{"b": "y"}]}, ["a: 2 entries -> 1", "a[0].b: 'x' -> 'y'"]),
    ],
)
def test_differences(kept: object, now: object, lines: list[str]) -> None:
    assert list(differences(kept, now)) == lines
