"""`gpumix prices import`: price files of other tools into a sheet of gpumix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gpumix.catalog import Catalog, load, price_summary
from gpumix.catalog.bands import load_bands
from gpumix.catalog.gate import Judged
from gpumix.catalog.importers.formats import AUTO, FORMATS, Format, read_files
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.reading import Reading, Source
from gpumix.catalog.importers.settle import Context, named, settle
from gpumix.catalog.importers.sheet import write_sheet
from gpumix.catalog.supersede import current
from gpumix.domain.offer import OLD, Offer, Purchase
from gpumix.domain.price_check import Finding
from gpumix.domain.price_import import (
    FileRead,
    ImportedPrices,
    MedianMove,
    RefusedPrice,
    SupersededPrice,
)
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.publish import check_file

Read = tuple[Source, Format, Reading]
Settled = tuple[tuple[Offer, ...], tuple[SupersededPrice, ...]]


def import_prices(
    files: Sequence[Path],
    out: Path,
    format_name: str = AUTO,
    provider: str = "",
    as_of: str = "",
    today: date | None = None,
) -> ImportedPrices:
    """Read files, map what they hold to offers, and write these into the sheet `out`.

    A sheet that exists keeps its rows; of two rows of one machine the newer stays. Where no row
    can be used nothing is written.

    Raises: InputError for a file that cannot be read or is in no known format, for one without
    dates where `as_of` is not given, and where `out` cannot be written.
    """
    now = today or date.today()
    day = _checked(format_name, as_of, now)
    check_file(out)
    catalog = load()
    names = Names(catalog.gpus)
    read = read_files(files, format_name, names, now)
    if day is None:
        _refuse_undated(read)
    settled = [
        settle(reading, _context(catalog, names, s, provider, day, now)) for s, _, reading in read
    ]
    return published(read, settled, catalog, out, now)


def published(
    read: Sequence[Read], settled: Sequence[Settled], catalog: Catalog, out: Path, today: date
) -> ImportedPrices:
    """Write settled offers into a sheet and sum up what became of every row.

    Raises: InputError where the sheet is not one of gpumix or cannot be written.
    """
    found, doubled = _newest_of_files([offer for offers, _ in settled for offer in offers])
    judged = catalog.judge(found)
    whole = [offer for offer in judged.accepted if not _has_open_term(offer)]
    rows, kept, older = write_sheet(out, whole) if whole else (0, (), ())
    without_term = tuple(offer for offer in judged.accepted if _has_open_term(offer))
    superseded = (*(s for _, replaced in settled for s in replaced), *doubled, *older)
    readings = [reading for _, _, reading in read]
    told = [warning for reading in readings for warning in reading.warnings]
    told += [*_marked(judged, found), *_older_than_listed(kept, catalog)]
    told += [
        f"{offer.source}: the term of this commitment is not stated, so the sheet leaves it out;"
        " add it by hand with purchase reserved and term_months"
        for offer in without_term
    ]
    return ImportedPrices(
        sheet=str(out) if whole else "",
        sheet_rows=rows,
        files=tuple(map(_file_read, read, settled)),
        offers=(*kept, *without_term),
        superseded=superseded,
        refused=(*(one for r in readings for one in r.refused), *_refused(judged, found)),
        warnings=tuple(dict.fromkeys(told)),
        discounts=tuple(one for reading in readings for one in reading.discounts),
        credits=tuple(one for reading in readings for one in reading.credits),
        commitments=tuple(one for reading in readings for one in reading.commitments),
        medians=_medians(kept, catalog),
    )


def _checked(format_name: str, as_of: str, today: date) -> date | None:
    problems = []
    if format_name != AUTO and format_name not in FORMATS:
        problems.append(unknown_name("--format", "format", format_name, (AUTO, *FORMATS)))
    day = None
    if as_of:
        try:
            day = date.fromisoformat(as_of)
        except ValueError:
            problems.append(Problem("--as-of", f"is {as_of!r}", "write a day as 2026-11-01"))
    if day is not None and day > today:
        problems.append(Problem("--as-of", f"{day} is in the future", "name the day of the prices"))
    if problems:
        raise InputError(problems)
    return day


def _refuse_undated(read: Sequence[Read]) -> None:
    fix = "add --as-of, the day the prices were true: not that of the file or of a package"
    problems = [
        Problem(source.name, f"{kind.what} whose rows carry no date", fix)
        for source, kind, reading in read
        if reading.quotes and all(quote.as_of is None for quote in reading.quotes)
    ]
    if problems:
        raise InputError(problems)


def _context(
    catalog: Catalog, names: Names, source: Source, provider: str, day: date | None, today: date
) -> Context:
    return Context(
        names=names,
        tiers=load_bands().tiers,
        exchange_rate=catalog.exchange_rate,
        today=today,
        provider=provider,
        provider_hint=names.provider_in_path(source.path),
        as_of=day,
    )


def _newest_of_files(
    offers: Sequence[Offer],
) -> tuple[tuple[Offer, ...], tuple[SupersededPrice, ...]]:
    """Of offers of one product in several files the newest, and those that it replaces."""
    kept, replaced = current(offers)
    return kept, tuple(
        SupersededPrice(old.source, old, newer.source, "a newer file has it")
        for old, newer in replaced
    )


def _file_read(read: Read, settled: Settled) -> FileRead:
    source, kind, reading = read
    offers, replaced = settled
    total = len(offers) + len(replaced) + len(reading.refused)
    return FileRead(source.name, kind.name, total, len(offers), len(replaced), len(reading.refused))


def _has_open_term(offer: Offer) -> bool:
    return offer.purchase is Purchase.RESERVED and not offer.term_months


def _refused(judged: Judged, found: Sequence[Offer]) -> tuple[RefusedPrice, ...]:
    """What the gate refuses, by the place in its file."""
    return tuple(
        RefusedPrice(found[one.line].source, f"gate: {one.rule}", one.what)
        for one in judged.refused
    )


def _marked(judged: Judged, found: Sequence[Offer]) -> tuple[str, ...]:
    """A line on each rule of the gate that marks rows, with the first of them."""
    first: dict[str, Finding] = {}
    for one in judged.marked:
        if one.rule != OLD:
            first.setdefault(one.rule, one)
    counts = Counter(one.rule for one in judged.marked)
    return tuple(
        f"marked {rule}: {found[one.line].source}: {one.what}{_more(counts[rule] - 1)}"
        for rule, one in first.items()
    )


def _older_than_listed(offers: Sequence[Offer], catalog: Catalog) -> tuple[str, ...]:
    """A line on imported rows that the catalogue has newer prices for: those price a plan."""
    mine = set(map(id, offers))
    older = [old for old, _ in current([*catalog.listed, *offers])[1] if id(old) in mine]
    if not older:
        return ()
    first = f"{named(older[0])} of {older[0].as_of}"
    return (
        f"older than the catalogue's price of the same product: {first}{_more(len(older) - 1)}",
    )


def _more(count: int) -> str:
    return f" and {count} more" if count else ""


def _medians(offers: Sequence[Offer], catalog: Catalog) -> tuple[MedianMove, ...]:
    kinds = sorted({(offer.gpu, offer.purchase) for offer in offers})
    together = current([*catalog.listed, *offers])[0]
    return tuple(_median(gpu, kind, offers, catalog, together) for gpu, kind in kinds)


def _median(
    gpu: str,
    purchase: Purchase,
    offers: Sequence[Offer],
    catalog: Catalog,
    together: Sequence[Offer],
) -> MedianMove:
    before = price_summary(catalog.listed, gpu, purchase)
    after = price_summary(together, gpu, purchase)
    rows = sum(offer.gpu == gpu and offer.purchase is purchase for offer in offers)
    return MedianMove(
        gpu,
        purchase.value,
        rows,
        before.usd_per_gpu_hour if before else None,
        after.usd_per_gpu_hour if after else 0.0,
    )
