"""`gpumix drift`: whether a fleet still is what its plan says, since when, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpumix.catalog import Catalog
from gpumix.domain.drift import DriftAnswer
from gpumix.domain.fleet import Note
from gpumix.errors import InputError, Problem
from gpumix.loop.again import costed
from gpumix.loop.drift import hold
from gpumix.loop.facts import Facts, groups_of, hours_in
from gpumix.loop.rules import read_rules
from gpumix.loop.seen import look
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.bill import Bill, read_bills
from gpumix.telemetry.price_book import Price, read_price_book
from gpumix.telemetry.shares import ABOUT_FILE, kept
from gpumix.verbs.calibrate import find_store
from gpumix.verbs.launches import read_launches
from gpumix.verbs.observe import Opened, opened


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts of a fleet and its plan, the bill's currency, and notes on the telemetry."""

    facts: Facts
    currency: str
    notes: tuple[Note, ...]


def drift(
    folder: Path,
    plan: Path,
    bills: Sequence[Path] = (),
    prices: Path | None = None,
    rules: Path | None = None,
    measured: Path | None = None,
    solve: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> DriftAnswer:
    """A fleet's folder, or a folder of raw sources, held to a plan.

    Predictions are the plan's own, or those with the measurements of the folder `measured`. Unless
    `solve` is off, the plan's inventory is planned again with what drifted, to tell its cost.

    Raises: InputError with the problems of the files, or for a fleet without samples.
    """
    gathered = gather(folder, plan, bills, prices, rules, measured, progress)
    answer = hold(gathered.facts, gathered.currency, gathered.notes)
    return costed(answer, gathered.facts, progress=progress) if solve else answer


def gather(
    folder: Path,
    plan: Path,
    bills: Sequence[Path] = (),
    prices: Path | None = None,
    rules: Path | None = None,
    measured: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Gathered:
    """What is known of a fleet and its plan. Raises: InputError, as `drift`."""
    thresholds = read_rules(rules)
    progress(f"reading {plan}")
    read = read_launches(plan)
    store = None if measured is None else find_store(measured)
    catalog = read.catalog if store is None else read.catalog.with_measured(store)
    with opened(folder) as found:
        if not found.fleet.has_samples:
            fix = "gpumix observe SOURCE... --out FLEET"
            raise InputError(Problem(str(folder), "holds no samples of GPUs", fix))
        bill, book = _paid(found, folder, bills, prices, read.catalog)
        progress("hours of every GPU and owner")
        whole = attribute(found.fleet, None, catalog)
        billed = attribute(found.fleet, bill, catalog) if bill else None
        declared = found.fleet.declared
        facts = Facts(
            plan=read.plan,
            groups=groups_of(read.plan, read.launches),
            launches=read.launches,
            hours=hours_in(whole.hours),
            seen=look(found.fleet, thresholds.of("burstiness", "least_samples")),
            rules=thresholds,
            catalog=catalog,
            names=declared.plan_workloads,
            billed=hours_in(billed.hours) if billed else None,
            bill=bill,
            book=book,
            holidays=frozenset(declared.holidays),
        )
    notes = tuple(note for note in whole.notes if note.code != "no_bill")
    return Gathered(facts, bill.currency if bill else "USD", notes)


def _paid(
    found: Opened, folder: Path, bills: Sequence[Path], prices: Path | None, catalog: Catalog
) -> tuple[Bill | None, tuple[Price, ...]]:
    """The bill and the price book that are given, else those that lie in the folder."""
    is_attributed = found.is_kept and (folder / ABOUT_FILE).is_file()
    before = kept(folder) if is_attributed else None
    paths = [*bills] or [*found.bills]
    bill = read_bills(paths) if paths else before.bill if before else None
    books = [prices] if prices else [*found.prices]
    book: tuple[Price, ...] = ()
    for path in books:
        book += read_price_book(path, catalog)
    return bill, book or (before.prices if before else ())
