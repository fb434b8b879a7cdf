"""`gpumix prices refresh`: today's prices of public sources into a sheet of gpumix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from gpumix.cache import VARIABLE, cache_folder
from gpumix.catalog import load
from gpumix.catalog.bands import load_bands
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.settle import Context, settle
from gpumix.catalog.importers.sheet import newest_days
from gpumix.catalog.refresh import NoAnswer, ask, load_sources
from gpumix.domain.price_import import AskedSource, RefreshedPrices
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.publish import check_file
from gpumix.verbs.import_prices import Read, Settled, published

SHEET = "prices.csv"


def refresh_prices(
    out: Path | None = None,
    wanted: Sequence[str] = (),
    folder: Path | None = None,
    progress: Callable[[str], None] = lambda step: None,
    today: date | None = None,
) -> RefreshedPrices:
    """Ask each source by itself and write what it gives into the sheet `out`.

    A source that fails leaves the others, and its last good rows, as they are. `folder` holds a
    `price_sources.csv` of other addresses.

    Raises: InputError for unknown sources and where `out` cannot be written.
    """
    now = today or date.today()
    sources = load_sources(folder)
    unknown = [unknown_name("--source", "source", n, sources) for n in wanted if n not in sources]
    if unknown:
        raise InputError(unknown)
    sheet = check_file(out or default_sheet())
    catalog = load()
    names = Names(catalog.gpus)
    context = Context(names, load_bands().tiers, catalog.exchange_rate, now)
    read: list[Read] = []
    settled: list[Settled] = []
    failures: dict[str, str] = {}
    for name in wanted or sources:
        progress(f"asking {name}")
        try:
            answer = ask(sources[name], names, now)
        except NoAnswer as error:
            failures[name] = str(error)
            continue
        read.append(answer)
        settled.append(settle(answer[2], context))
    found = published(read, settled, catalog, sheet, now)
    offers = {file.name: file.kept for file in found.files}
    days = newest_days(sheet)
    return RefreshedPrices(
        tuple(
            AskedSource(name, offers.get(name, 0), days.get(name), failures.get(name, ""))
            for name in wanted or sources
        ),
        found,
    )


def default_sheet() -> Path:
    """The sheet in the user's cache. Raises: InputError where nothing can be kept there."""
    kept = cache_folder("prices")
    if kept is None:
        fix = f"name one with --out, or a folder in {VARIABLE}"
        raise InputError(Problem("--out", "the user's cache cannot be written", fix))
    return kept / SHEET
