"""gpuhunt catalogues: a CSV a provider, or the items that its library answers with."""

from __future__ import annotations

from datetime import date
from typing import Final

from gpumix.catalog.importers.cells import Line
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading, Source, table_in
from gpumix.domain.offer import Purchase

COLUMNS: Final = frozenset({"instance_name", "price", "gpu_count", "gpu_name"})
CONSTANTS: Final = ("crusoe",)
"""Providers whose prices are written in gpuhunt's code: as old as that, not as the file."""
_YES: Final = ("true", "1", "yes")


def read(source: Source) -> Reading:
    """Quotes on demand and spot; the provider stands in no column, the date neither.

    Raises: InputError where it is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    for line in grid.lines:
        add_line(line, reading)
    return reading


def add_line(line: Line, reading: Reading, provider: str = "", as_of: date | None = None) -> None:
    """Add the quote of one row or item to a reading, or the reason why it has none."""
    instance, flags = line.text("instance_name"), line.text("flags").lower()
    provider = provider or line.text("provider")
    if not line.text("gpu_name") or line.number("gpu_count") == 0.0:
        reading.refuse(line.place, NO_GPU, instance)
        return
    if "community" in flags:
        reading.refuse(line.place, "offer of third-party hosts (community cloud)", instance)
        return
    if line.text("gpu_vendor").lower() in ("google", "tenstorrent"):
        reading.refuse(line.place, NO_GPU, instance)
        return
    spot = line.text("spot").lower() in _YES
    reading.quotes.append(
        Quote(
            place=line.place,
            provider=provider or flags.partition("-")[0] if "runpod" in flags else provider,
            instance=instance,
            gpu=line.text("gpu_name"),
            gpus=line.number("gpu_count"),
            region=line.text("location"),
            purchase=Purchase.SPOT if spot else Purchase.ON_DEMAND,
            price=line.number("price"),
            as_of=as_of,
            memory_gib=line.number("gpu_memory"),
        )
    )
