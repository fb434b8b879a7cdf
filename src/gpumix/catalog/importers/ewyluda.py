"""Daily observations of ewyluda/gpu-price-index: a row a provider, machine and kind of price."""

from __future__ import annotations

from typing import Final

from gpumix.catalog.importers.cells import Line, day_in
from gpumix.catalog.importers.names import ANY_REGION, MIXED_FORMS, family_of
from gpumix.catalog.importers.reading import Quote, Reading, Source, committed, table_in
from gpumix.domain.offer import Purchase

COLUMNS: Final = frozenset({"pricing", "gpu_model", "usd_per_hour"})
_KINDS: Final = {
    "on_demand": (Purchase.ON_DEMAND, 0),
    "ondemand": (Purchase.ON_DEMAND, 0),
    "spot": (Purchase.SPOT, 0),
    "reserved_1y": committed(12),
    "reserved_3y": committed(36),
}


def read(source: Source) -> Reading:
    """Quotes of the day in `date`; the price of the machine, which is not rounded.

    Raises: InputError where it is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    for line in grid.lines:
        _read_line(line, reading)
    return reading


def _read_line(line: Line, reading: Reading) -> None:
    gpu, sku = line.text("gpu_model"), line.text("sku")
    kind = _KINDS.get(line.text("pricing").lower().replace("-", "_"))
    is_median = "median" in sku.lower()
    if kind is None:
        reading.refuse(line.place, "unknown kind of price", line.text("pricing"))
    elif is_median and _mixes_forms(gpu):
        reading.refuse(line.place, "PCIe and SXM mixed in one median", gpu)
    else:
        count = line.number("gpu_count")
        whole, each = line.number("usd_per_hour"), line.number("usd_per_gpu_hour")
        samples = line.text("sample_size")
        reading.quotes.append(
            Quote(
                place=line.place,
                provider=line.text("source", "provider"),
                instance=sku,
                gpu=gpu,
                gpus=count,
                region=line.text("region") or ANY_REGION,
                purchase=kind[0],
                term_months=kind[1],
                price=each if whole is None else whole,
                per_gpu=whole is None,
                as_of=day_in(line.text("date", "collected_at")),
                is_statistic=is_median,
                note=f"median of {samples} live offers of a marketplace" if is_median else "",
            )
        )


def _mixes_forms(gpu: str) -> bool:
    """Whether a name leaves the form open of a GPU whose forms are both common."""
    stated = any(form in gpu.lower() for form in ("sxm", "pcie", "nvl"))
    return family_of(gpu) in MIXED_FORMS and not stated
