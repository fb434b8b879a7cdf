"""`gpumix audit`: what a fleet wastes, by class, each finding with its evidence and its saving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from gpumix.audit.around import hours_of
from gpumix.audit.audit import audit, check_classes, read_rules
from gpumix.audit.dismiss import dismiss
from gpumix.audit.gather import gather
from gpumix.catalog import Catalog, load
from gpumix.domain.fleet import DISMISSED_FILE, Attribution, AuditAnswer, FindingHours
from gpumix.errors import InputError, Problem
from gpumix.inventory.dismissals import read_dismissals
from gpumix.report.export import read_plan
from gpumix.telemetry.answer import answer
from gpumix.telemetry.price_book import read_price_book
from gpumix.telemetry.shares import ABOUT_FILE, Shares, kept
from gpumix.verbs.attribute import shares_in
from gpumix.verbs.observe import Opened, opened
from gpumix.verbs.words import names_of

PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit, the attribution that it looked at, and what the GPUs of its first findings did."""

    answer: AuditAnswer
    attribution: Attribution
    hours: tuple[FindingHours, ...] = ()


def audit_fleet(
    folder: Path,
    bills: Sequence[Path] = (),
    prices: Path | None = None,
    plan: Path | None = None,
    off: str | None = None,
    rules: Path | None = None,
    catalog: Catalog | None = None,
    today: date | None = None,
) -> Audit:
    """The audit of a fleet's folder, or of a folder of raw source files.

    `off` are classes separated by commas. Bills and prices that are given are attributed first.
    What the folder's dismissed.yaml names stands apart while it holds on the day `today`.

    Raises: InputError with the problems of the files, and where there is no bill to look at.
    """
    thresholds, classes = read_rules(rules), names_of("--off", off) or ()
    check_classes(classes)
    said = read_dismissals(folder / DISMISSED_FILE)
    planned = None if plan is None else read_plan(plan / PLAN_FILE if plan.is_dir() else plan)
    with opened(folder) as found:
        catalog = catalog or load()
        shares = _shares(found, folder, bills, prices, catalog)
        facts = gather(
            found.fleet, shares.attributed, shares.bill, shares.prices, thresholds, planned, catalog
        )
        told = audit(facts, shares.attributed.notes, classes)
        told = dismiss(told, said, today or date.today())
    return Audit(told, answer(shares.attributed), tuple(hours_of(facts, told.findings)))


def _shares(
    found: Opened, folder: Path, bills: Sequence[Path], prices: Path | None, catalog: Catalog
) -> Shares:
    """What was attributed, now or before."""
    if found.is_kept and not bills and (prices is None or (folder / ABOUT_FILE).is_file()):
        before = kept(folder)
        if prices is None and (before.bill or before.prices):
            return before
        if prices is not None and before.bill:
            return replace(before, prices=read_price_book(prices, catalog))
    if not (bills or found.bills or prices or found.prices):
        fix = f"gpumix audit {folder} --bill FILE, or --prices CSV"
        raise InputError(Problem(str(folder), "has no bill and no prices", fix))
    return shares_in(found, bills, prices, catalog)
