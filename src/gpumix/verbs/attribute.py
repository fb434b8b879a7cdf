"""`gpumix attribute`: a fleet's time and its bill, given to their owners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpumix.catalog import Catalog, load
from gpumix.domain.fleet import Attribution, Basis
from gpumix.errors import InputError, Problem
from gpumix.telemetry.answer import KEYS, answer
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.price_book import Price, read_price_book
from gpumix.telemetry.shares import Shares, keep
from gpumix.telemetry.sql import Where
from gpumix.verbs.observe import Opened, opened


def attribute_fleet(
    folder: Path,
    bills: Sequence[Path] = (),
    prices: Path | None = None,
    by: Sequence[str] = (),
    basis: Basis = "allocation",
    on: Where = "duckdb",
    catalog: Catalog | None = None,
) -> Attribution:
    """The answer for a fleet's folder or a folder of raw sources; kept in a fleet's folder.

    The heavy steps run `on` DuckDB or Spark.

    Raises: InputError with the problems of the folder, the bills and the prices.
    """
    keys = _keys(by)
    return answer(shares_of(folder, bills, prices, catalog, on).attributed, keys, basis)


def shares_of(
    folder: Path,
    bills: Sequence[Path] = (),
    prices: Path | None = None,
    catalog: Catalog | None = None,
    on: Where = "duckdb",
) -> Shares:
    """A fleet's hours with their shares of the bills, and what they were made from.

    Raises: InputError, as `attribute_fleet`.
    """
    with opened(folder) as found:
        return shares_in(found, bills, prices, catalog or load(), on)


def shares_in(
    found: Opened,
    bills: Sequence[Path],
    prices: Path | None,
    catalog: Catalog,
    on: Where = "duckdb",
) -> Shares:
    """The same of a folder that is open.

    Raises: InputError with the problems of the bills and the prices.
    """
    paths = [*bills] or [*found.bills]
    bill = read_bills(paths) if paths else None
    books = [prices] if prices else [*found.prices]
    book: tuple[Price, ...] = ()
    for path in books:
        book += read_price_book(path, catalog)
    attributed = attribute(found.fleet, bill, catalog, book, on)
    if found.is_kept:
        keep(found.fleet.folder, attributed, bill, book)
    return Shares(attributed, bill, book)


def _keys(by: Sequence[str]) -> tuple[str, ...]:
    """What rows are folded by; every key where none is named. Raises: InputError."""
    wanted = [name.strip() for text in by for name in text.split(",") if name.strip()]
    known = (*KEYS, "class")
    wrong = [name for name in wanted if name not in known]
    if wrong:
        fix = f"known: {', '.join(known)}"
        raise InputError([Problem("--by", f"unknown key {name[:40]!r}", fix) for name in wrong])
    return tuple(name for name in wanted if name in KEYS) if wanted else KEYS
