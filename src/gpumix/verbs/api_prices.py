"""`gpumix prices import-api`: the public price map of hosted models as a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gpumix.catalog import load
from gpumix.catalog.api_prices import COLUMNS, OLDEST
from gpumix.catalog.importers.api_price_map import Left, read_price_map
from gpumix.catalog.offers import load_regions
from gpumix.domain.api import ApiKind, ApiPrice
from gpumix.errors import InputError, Problem
from gpumix.files import write_columns
from gpumix.publish import check_file


@dataclass(frozen=True, slots=True)
class ApiImport:
    """What an import wrote: rows by kind, and the entries left out with reasons."""

    out: str
    rows: int
    same_model: int
    substitutes: int
    left: tuple[Left, ...]

    def left_by_reason(self) -> dict[str, list[str]]:
        """Names of the entries left out, by reason, the commonest first."""
        found: dict[str, list[str]] = {}
        for one in self.left:
            found.setdefault(one.reason, []).append(one.name)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def import_api_prices(source: Path, as_of: str, out: Path) -> ApiImport:
    """Write the prices in a price map as a sheet for `supply.api.prices`.

    Raises: InputError where the map or the date cannot be used, or no entry is a price.
    """
    day = _day(as_of)
    check_file(out)
    catalog = load()
    sellers = {p.provider for p in catalog.api_prices if p.kind is ApiKind.SUBSTITUTE}
    found = read_price_map(
        source, day, catalog.models, catalog.model_aliases, sellers, load_regions()
    )
    if not found.prices:
        reasons = "; ".join(dict.fromkeys(one.reason for one in found.left))
        raise InputError(Problem(str(source), f"holds no price of a known model: {reasons}"))
    write_columns(out, {name: [_cell(p, name) for p in found.prices] for name in COLUMNS})
    same = sum(p.kind is ApiKind.SAME for p in found.prices)
    return ApiImport(str(out), len(found.prices), same, len(found.prices) - same, found.left)


def _day(as_of: str) -> date:
    fix = "the day the prices were true, such as 2026-11-24"
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise InputError(Problem("--as-of", f"{as_of!r} is not a date", fix)) from None
    if not OLDEST <= day <= date.today():
        raise InputError(Problem("--as-of", f"{day} is not between {OLDEST} and today", fix))
    return day


def _cell(price: ApiPrice, column: str) -> object:
    value = getattr(price, "model" if column == "hf_id" else column)
    return value.value if isinstance(value, ApiKind) else value
