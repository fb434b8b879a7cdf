"""SkyPilot catalogues, `catalogs/v*/<cloud>/vms.csv`: a row a machine and zone, without date."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

from gpumix.catalog.importers.cells import Line, number_of
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading, Source, as_mapping, table_in
from gpumix.domain.offer import Purchase

COLUMNS: Final = frozenset({"instancetype", "acceleratorname", "price"})
_MIB: Final = 1024.0
_OF_HOSTS = re.compile(r"_community\b", re.I)


def read(source: Source) -> Reading:
    """Quotes on demand and spot. Column order and further columns differ by cloud.

    `TotalGpuMemoryInMiB` is one GPU's memory in some files and all GPUs' in others, so only the
    size of a single GPU is used. Raises: InputError where it is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    for line in grid.lines:
        _read_line(line, reading)
    return reading


def _read_line(line: Line, reading: Reading) -> None:
    gpu, instance = line.text("acceleratorname"), line.text("instancetype")
    if not gpu or gpu.lower().startswith(("tpu", "inferentia", "trainium", "radeon pro")):
        reading.refuse(line.place, NO_GPU, gpu or instance)
    elif not instance:
        reading.refuse(line.place, "price of the GPU alone; its host machine is billed apart", gpu)
    elif _OF_HOSTS.search(instance):
        reading.refuse(line.place, "offer of third-party hosts (community cloud)", instance)
    else:
        for purchase, column in ((Purchase.ON_DEMAND, "price"), (Purchase.SPOT, "spotprice")):
            if purchase is Purchase.ON_DEMAND or line.text(column):
                reading.quotes.append(_quote(line, purchase, line.number(column)))


def _quote(line: Line, purchase: Purchase, price: float | None) -> Quote:
    return Quote(
        place=line.place,
        provider="",
        instance=line.text("instancetype"),
        gpu=line.text("acceleratorname"),
        gpus=line.number("acceleratorcount"),
        region=line.text("region"),
        purchase=purchase,
        price=price,
        as_of=None,
        memory_gib=_memory_gib(line.text("gpuinfo")),
    )


def _memory_gib(info: str) -> float | None:
    """Memory of one GPU in a `GpuInfo` cell, a Python literal."""
    try:
        found = as_mapping(ast.literal_eval(info)) if len(info) < 10_000 else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    listed = found.get("Gpus")
    first: Mapping[str, object] = (
        as_mapping(listed[0]) if isinstance(listed, list) and listed else {}
    )
    mib = number_of(as_mapping(first.get("MemoryInfo")).get("SizeInMiB"))
    return mib / _MIB if mib and mib > _MIB else None
