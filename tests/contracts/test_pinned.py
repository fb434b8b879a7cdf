"""No version that constraints.txt pins is known to be unsafe: a check that needs no network."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
KNOWN_BAD = ROOT / "tools" / "known_bad.csv"


def pinned() -> dict[str, Version]:
    """Versions of constraints.txt by package."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("#")[0].strip().split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def known_bad() -> list[dict[str, str]]:
    """Advisories: versions of `package` `before` that one are unsafe."""
    with KNOWN_BAD.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def unsafe(versions: dict[str, Version]) -> list[str]:
    """Advisories that hold for some of the versions."""
    return [
        f"{row['package']} {versions[name]} is before {row['before']}: {row['advisory']}"
        for row in known_bad()
        if (name := canonicalize_name(row["package"])) in versions
        and versions[name] < Version(row["before"])
    ]


def test_nothing_pinned_is_known_to_be_unsafe() -> None:
    assert unsafe(pinned()) == []


@pytest.mark.parametrize(("package", "version"), [("starlette", "0.48.0"), ("pyyaml", "5.3.1")])
def test_what_is_unsafe_would_be_told(package: str, version: str) -> None:
    assert unsafe({package: Version(version)})


def test_every_advisory_is_of_a_pinned_package_with_source_and_date() -> None:
    for row in known_bad():
        assert canonicalize_name(row["package"]) in pinned(), row
        assert row["source"].startswith("https://")
        assert date.fromisoformat(row["as_of"]) <= date.today()
