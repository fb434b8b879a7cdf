"""The gate: every rule that a price must keep before it may price a plan.

A rule refuses a row, or marks it: a marked price is used and says so. Rows are judged one by one,
then those that are left among themselves and beside the prices known from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gpumix.catalog import marks, refusals
from gpumix.catalog.findings import Known, Placed
from gpumix.catalog.machines import Machines, Names
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import OLD, Offer
from gpumix.domain.price_check import Finding

__all__ = ["Finding", "Judged", "Known", "Placed", "judge"]


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that may be used, with the names of the rules that marked them in `Offer.marks`;
    findings that refused a row; findings that mark one and leave it in."""

    accepted: tuple[Offer, ...]
    refused: tuple[Finding, ...]
    marked: tuple[Finding, ...]


def judge(placed: Sequence[Placed], known: Known) -> Judged:
    """Rows with their lines, against every rule at once.

    `old` is found and not kept with the offer: it depends on the day on which a price is used.
    """
    machines = Machines.of(known.offers or (o for o, _ in placed), Names.of(known.gpus))
    refused = [
        finding
        for rule in refusals.SINGLE
        for offer, line in placed
        for finding in rule(offer, line, known, machines)
    ]
    left = _left(placed, refused)
    refused += [*refusals.duplicates(left), *refusals.wrong_order(left, known)]
    left = _left(left, refused)
    marked = [finding for mark in marks.ALL for finding in mark(left, known)]
    return Judged(_marked(left, marked), _by_line(refused), _by_line(marked))


def _left(placed: Sequence[Placed], refused: Iterable[Finding]) -> list[Placed]:
    lines = {finding.line for finding in refused}
    return [(offer, line) for offer, line in placed if line not in lines]


def _marked(placed: Sequence[Placed], marked: Iterable[Finding]) -> tuple[Offer, ...]:
    rules: dict[int, list[str]] = {}
    for finding in marked:
        if finding.rule != OLD:
            rules.setdefault(finding.line, []).append(finding.rule)
    return tuple(
        replace(
            offer,
            marks=tuple(dict.fromkeys((*offer.marks, *rules.get(line, ())))),
            basis=Basis.ASSUMED if offer.estimated else offer.basis,
        )
        for offer, line in placed
    )


def _by_line(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.line))
