"""NOTICE names every repository and package that the packaged tables take rows from."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
TABLES = [
    path
    for path in sorted((ROOT / "src" / "gpumix" / "data").glob("*.csv"))
    if "source" in path.read_text(encoding="utf-8").partition("\n")[0].split(",")
]
REPOSITORY = re.compile(r"(?:^|github\.com/)((?!docs/)[A-Za-z][\w-]+/[A-Za-z][\w.-]+)(?=[ @,;:]|$)")
PACKAGE = re.compile(r"^PyPI ([\w.-]+)")


def _sources(path: Path) -> set[str]:
    """Repositories and packages that a table's rows begin their source with, or link to."""
    found: set[str] = set()
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found |= {*REPOSITORY.findall(row["source"]), *PACKAGE.findall(row["source"])}
    return found


@pytest.mark.parametrize("path", TABLES, ids=lambda p: p.stem)
def test_every_source_is_named(path: Path) -> None:
    unnamed = {s for s in _sources(path) if not re.search(rf"(?<![\w/]){re.escape(s)}\b", NOTICE)}
    assert unnamed == set()


def test_sources_are_found(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(
        "gpu,source\n"
        "a,NVIDIA/NeMo docs/x.md@0a1b\n"
        "b,github.com/some-one/prices catalogs/v9/aws.csv@2c3d\n"
        "c,PyPI gpuhunt 0.1.34 gpuhunt/providers/x.py\n"
        "d,page of a shop (2026)\n",
        encoding="utf-8",
    )
    assert _sources(table) == {"NVIDIA/NeMo", "some-one/prices", "gpuhunt"}
    assert {path.stem for path in TABLES} >= {"prices", "gpus", "evidence_inference"}


def test_the_citation_is_one_and_keeps_no_version_of_its_own() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= cited.keys()
    assert cited["license"] == "Apache-2.0"
    assert all(author.keys() & {"name", "family-names"} for author in cited["authors"])
    assert "version" not in cited
