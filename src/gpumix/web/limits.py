"""What one request may ask of the server: the rows of data/web_limits.csv."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path

from gpumix.errors import DataError
from gpumix.files import read_columns

TABLE = Path(__file__).parent.parent / "data" / "web_limits.csv"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of requests, jobs and what is kept, by the names of the table."""

    inventory_bytes: int
    fleet_bytes: int
    other_bytes: int
    direct_bytes: int
    body_s: int
    queued_jobs: int
    kept_jobs: int
    job_s: int
    job_bytes: int
    kept_answers: int
    listed_offers: int


@functools.cache
def limits() -> Limits:
    """The limits of the table. Raises: DataError where one is missing or unknown."""
    columns = read_columns(TABLE)
    found = dict(zip(columns["name"], map(int, columns["value"]), strict=True))
    wanted = {one.name for one in fields(Limits)}
    if wanted != found.keys():
        raise DataError(f"{TABLE.name}: holds {sorted(wanted ^ found.keys())} or lacks them")
    return Limits(**found)
