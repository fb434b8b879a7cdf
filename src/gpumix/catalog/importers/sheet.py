"""Imported offers -> a price sheet of gpumix, laid into one that exists: the newest row stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.importers.cells import Line, day_in, read_grid
from gpumix.catalog.importers.names import machine_key
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.price_import import SupersededPrice
from gpumix.publish import atomic
from gpumix.reading import read_text

COLUMNS: Final = (
    "provider",
    "instance",
    "region",
    "country",
    "gpu",
    "gpus_per_instance",
    "purchase",
    "term_months",
    "upfront_share",
    "usd_per_instance_hour",
    "usd_per_gpu_hour",
    "currency",
    "as_of",
    "layer",
    "source",
    "note",
)
_NEEDED: Final = frozenset({"provider", "gpu", "gpus_per_instance"})
_TERMS: Final = {Purchase.RESERVED_1Y: 12, Purchase.RESERVED_3Y: 36}
_Key = tuple[str, ...]


def write_sheet(
    path: Path, offers: Sequence[Offer]
) -> tuple[int, tuple[Offer, ...], tuple[SupersededPrice, ...]]:
    """Write offers into a sheet: rows in it, offers that are in it, and offers that are not,
    because the sheet held a newer row of the same machine.

    Raises: InputError where the sheet is none of gpumix or cannot be written; it is then as before.
    """
    columns, rows = _existing(path)
    taken: list[Offer] = []
    older: list[SupersededPrice] = []
    for offer in offers:
        known = rows.get(_key_of_offer(offer))
        day = day_in(known.cells.get("as_of", "")) if known else None
        if known and (day is None or day > offer.as_of):
            older.append(
                SupersededPrice(offer.source, offer, known.place, "older than the sheet's row")
            )
        else:
            taken.append(offer)
            rows[_key_of_offer(offer)] = Line(_cells(offer), str(path))
    names = list(dict.fromkeys([*columns, *COLUMNS]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.cells.get(name, "") for name in names] for row in rows.values())
    with atomic(path) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")
    return len(rows), tuple(taken), tuple(older)


def _existing(path: Path) -> tuple[tuple[str, ...], dict[_Key, Line]]:
    if not path.exists() or path.stat().st_size == 0:
        return (), {}
    grid = read_grid(read_text(path, "name a file"), str(path), _NEEDED)
    return grid.columns, {_key_of_cells(line.cells): line for line in grid.lines}


def _cells(offer: Offer) -> dict[str, str]:
    whole = offer.usd_per_instance_hour
    return {
        "provider": offer.provider,
        "instance": offer.instance,
        "region": offer.region,
        "country": offer.country or "",
        "gpu": offer.gpu,
        "gpus_per_instance": str(offer.gpus_per_instance),
        "purchase": offer.purchase.value,
        "term_months": str(offer.term_months or ""),
        "upfront_share": f"{offer.upfront_share:.4g}" if offer.term_months else "",
        "usd_per_instance_hour": f"{whole:.10g}",
        "usd_per_gpu_hour": f"{offer.usd_per_gpu_hour:.10g}",
        "currency": "USD",
        "as_of": offer.as_of.isoformat(),
        "layer": offer.layer.value,
        "source": offer.source,
        "note": offer.note,
    }


def _key_of_offer(offer: Offer) -> _Key:
    return _key_of_cells(_cells(offer))


def _key_of_cells(cells: Mapping[str, str]) -> _Key:
    """What makes two rows one offer: provider, machine, region, GPUs and kind of purchase."""
    purchase = cells.get("purchase", "").strip() or cells.get("price_model", "").strip()
    term = cells.get("term_months", "").strip()
    if not term and purchase in Purchase._value2member_map_:
        term = str(_TERMS.get(Purchase(purchase), ""))
    share = cells.get("upfront_share", "").strip() or "0"
    return (
        cells.get("provider", "").strip().lower(),
        machine_key(cells.get("instance", "")),
        cells.get("region", "").strip(),
        cells.get("gpu", "").strip().lower(),
        cells.get("gpus_per_instance", "").strip(),
        purchase,
        term,
        share,
    )


def newest_days(path: Path) -> dict[str, date]:
    """The newest day of each source's rows in a sheet, by the first word of their source."""
    found: dict[str, date] = {}
    for row in _existing(path)[1].values():
        source = row.cells.get("source", "").partition(" ")[0]
        day = day_in(row.cells.get("as_of", ""))
        if source and day:
            found[source] = max(day, found.get(source, day))
    return found
