"""`gpumix prices import`: price files of other tools into a sheet of gpumix."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gpumix.catalog import Catalog, load, price_summary
from gpumix.catalog.bands import load_bands
from gpumix.catalog.importers.formats import AUTO, FORMATS, Format, read_files
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.reading import Reading, Source
from gpumix.catalog.importers.settle import Context, named, settle
from gpumix.catalog.importers.sheet import write_sheet
from gpumix.catalog.offers import key, newest
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.price_import import (
    FileRead,
    ImportedPrices,
    MedianMove,
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
    rows, kept, older = write_sheet(out, found) if found else (0, (), ())
    superseded = (*(s for _, replaced in settled for s in replaced), *doubled, *older)
    readings = [reading for _, _, reading in read]
    told = [warning for reading in readings for warning in reading.warnings]
    return ImportedPrices(
        sheet=str(out) if found else "",
        sheet_rows=rows,
        files=tuple(map(_file_read, read, settled)),
        offers=kept,
        superseded=superseded,
        refused=tuple(one for reading in readings for one in reading.refused),
        warnings=tuple(dict.fromkeys([*told, *_older_than_listed(kept, catalog)])),
        discounts=tuple(one for reading in readings for one in reading.discounts),
        credits=tuple(one for reading in readings for one in reading.credits),
        commitments=tuple(one for reading in readings for one in reading.commitments),
        medians=_medians(kept, catalog, today),
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
        bands=load_bands(),
        exchange_rate=catalog.exchange_rate,
        today=today,
        provider=provider,
        provider_hint=names.provider_in_path(source.path),
        as_of=day,
    )


def _newest_of_files(
    offers: Sequence[Offer],
) -> tuple[tuple[Offer, ...], tuple[SupersededPrice, ...]]:
    """Of offers of one machine in several files the newest, and those that it replaces."""
    kept: dict[tuple[object, ...], Offer] = {}
    replaced: list[tuple[Offer, tuple[object, ...]]] = []
    for offer in offers:
        same = (*key(offer), offer.term_months, offer.upfront_share)
        known = kept.get(same)
        if known is not None and known.as_of > offer.as_of:
            replaced.append((offer, same))
            continue
        if known is not None:
            replaced.append((known, same))
        kept[same] = offer
    return tuple(kept.values()), tuple(
        SupersededPrice(offer.source, offer, kept[same].source, "a newer file has it")
        for offer, same in replaced
    )


def _file_read(read: Read, settled: Settled) -> FileRead:
    source, kind, reading = read
    offers, replaced = settled
    total = len(offers) + len(replaced) + len(reading.refused)
    return FileRead(source.name, kind.name, total, len(offers), len(replaced), len(reading.refused))


def _older_than_listed(offers: Sequence[Offer], catalog: Catalog) -> tuple[str, ...]:
    """A line on imported rows that the catalogue has newer prices for: those price a plan."""
    listed = {key(offer): offer.as_of for offer in catalog.listed}
    older = [offer for offer in offers if offer.as_of < listed.get(key(offer), date.min)]
    if not older:
        return ()
    first = f"{named(older[0])} of {older[0].as_of}"
    return (
        f"older than the catalogue's price of the same machine: {first}{_more(len(older) - 1)}",
    )


def _more(count: int) -> str:
    return f" and {count} more" if count else ""


def _medians(offers: Sequence[Offer], catalog: Catalog, today: date) -> tuple[MedianMove, ...]:
    kinds = sorted({(offer.gpu, offer.purchase) for offer in offers})
    together = newest([*catalog.listed, *offers])
    return tuple(_median(gpu, kind, offers, catalog, together, today) for gpu, kind in kinds)


def _median(
    gpu: str,
    purchase: Purchase,
    offers: Sequence[Offer],
    catalog: Catalog,
    together: Sequence[Offer],
    today: date,
) -> MedianMove:
    before = price_summary(catalog.listed, gpu, purchase, today)
    after = price_summary(together, gpu, purchase, today)
    rows = sum(offer.gpu == gpu and offer.purchase is purchase for offer in offers)
    return MedianMove(
        gpu,
        purchase.value,
        rows,
        before.median if before else None,
        after.median if after else 0.0,
    )
