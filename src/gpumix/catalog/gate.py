"""The gate: every rule that a price must pass before it may price a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gpumix.catalog.bands import Bands
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Offer


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one row: its line, the rule's name, what is wrong and the fix."""

    line: int
    rule: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that may be used, with the names of the rules that marked them in `Offer.marks`;
    findings that refused a row; findings that mark one and leave it in."""

    accepted: tuple[Offer, ...]
    refused: tuple[Finding, ...]
    marked: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What rows are held against: GPUs by id, bands, offers of the other layers, the day."""

    gpus: Mapping[str, Gpu]
    bands: Bands
    offers: Sequence[Offer]
    today: date


def judge(placed: Sequence[tuple[Offer, int]], known: Known) -> Judged:
    """Rows with their lines, held to every rule at once."""
    refused = tuple(
        Finding(line, "gpu", f"GPU {offer.gpu!r} is in no catalogue", "name a GPU of `gpumix gpus`")
        for offer, line in placed
        if offer.gpu not in known.gpus
    )
    lines = {finding.line for finding in refused}
    return Judged(tuple(o for o, line in placed if line not in lines), refused, ())
