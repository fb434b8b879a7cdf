"""What GPU-hours cost by a team's own book: the prices of machines that no bill has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.catalog import Catalog
from gpumix.catalog.importers.names import Names
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.files import read_numbered_columns
from gpumix.telemetry.machines import gpu_id

_REQUIRED: Final = ("gpu", "purchase", "usd_per_gpu_hour")
PURCHASES: Final[Mapping[str, str]] = {
    "on_demand": "on_demand",
    "spot": "spot",
    "commit_1y": "commit_1y",
    "commit_3y": "commit_3y",
    "reserved_1y": "commit_1y",
    "reserved_3y": "commit_3y",
}
"""How a book may name a way of buying -> the one name for it."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price per GPU-hour; `node`, `provider` and `region` are None where it holds for any."""

    gpu: str
    purchase: str
    usd_per_gpu_hour: float
    provider: str | None = None
    node: str | None = None
    region: str | None = None


def read_price_book(path: Path, catalog: Catalog) -> tuple[Price, ...]:
    """The prices of a book, or the rates of a price sheet.

    Raises: InputError with every row that cannot be used.
    """
    columns, lines = read_numbered_columns(path)
    if "purchase" not in columns and "usd_per_gpu_hour" not in columns:
        return _of_sheet(path, catalog)
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise InputError([Problem(str(path), f"has no column {name!r}") for name in missing])
    problems: list[Problem] = []
    found = []
    for i, line in enumerate(lines):
        cells = {name: values[i].strip() for name, values in columns.items()}
        place = f"{path} line {line}"
        gpu = gpu_id(cells["gpu"], catalog)
        purchase = PURCHASES.get(cells["purchase"])
        rate = _rate(cells["usd_per_gpu_hour"])
        if gpu is None:
            problems.append(unknown_name(place, "GPU", cells["gpu"], catalog.gpus))
        if purchase is None:
            problems.append(unknown_name(place, "purchase", cells["purchase"], PURCHASES))
        if rate is None:
            what = f"{cells['usd_per_gpu_hour'][:40]!r} is no price of a GPU-hour"
            problems.append(Problem(place, what, "a number, 0 or above"))
        if gpu is not None and purchase is not None and rate is not None:
            provider = named_provider(cells.get("provider"), catalog)
            other = (cells.get(name) or None for name in ("node", "region"))
            found.append(Price(gpu, purchase, rate, provider, *other))
    if problems:
        raise InputError(problems)
    return tuple(found)


def rate_of(node: str, gpu: str | None, prices: Sequence[Price]) -> float | None:
    """The on-demand price of a GPU-hour of a node; its own comes before that of its GPU, and one
    that holds anywhere before one of a provider or region, which nothing but a bill tells."""
    fitting = [p for p in prices if p.gpu == gpu and p.node in (None, node)]
    fitting = [p for p in fitting if p.purchase == "on_demand"] or fitting
    anywhere = [p for p in fitting if p.provider is None and p.region is None] or fitting
    own = [p for p in fitting if p.node == node] or anywhere
    return min((p.usd_per_gpu_hour for p in own), default=None)


def named_provider(name: str | None, catalog: Catalog) -> str | None:
    """A provider by the catalogue's name, as bills and books spell it in many ways."""
    return Names(catalog.gpus).provider(name) or None if name else None


def _of_sheet(path: Path, catalog: Catalog) -> tuple[Price, ...]:
    return tuple(
        Price(
            offer.gpu,
            _purchase(offer.purchase.value, offer.term_months),
            offer.usd_per_gpu_hour,
            offer.provider,
            None,
            offer.region,
        )
        for offer in catalog.read_rates(path)
    )


def _purchase(name: str, months: int) -> str:
    if name in ("on_demand", "spot"):
        return name
    return "commit_3y" if months >= 36 else "commit_1y"


def _rate(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0.0 else None
