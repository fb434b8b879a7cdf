"""The measured tables beside the repository."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT.parent / "shared" / "data" / "measured"


def read_rows(name: str) -> list[dict[str, str]]:
    """Rows of one measured table."""
    with gzip.open(MEASURED / name, "rt", encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
