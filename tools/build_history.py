"""The price history: what each provider asked on each day, from current and past rows."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

COLUMNS = (
    "provider",
    "gpu",
    "gpus_per_instance",
    "price_model",
    "term_months",
    "as_of",
    "as_of_precision",
    "median_usd_per_gpu_hour",
    "low_usd_per_gpu_hour",
    "high_usd_per_gpu_hour",
    "rows",
    "source",
)
MONTHS = {
    "reserved_1m": 1, "reserved_3m": 3, "reserved_6m": 6,
    "reserved_1y": 12, "reserved_2y": 24, "reserved_3y": 36,
}  # fmt: skip
"""Months of the commitments that the shared table names; `reserved_unstated` has no length."""
NAMED = ("reserved_1y", "reserved_3y")
"""Lengths that have a purchase of their own name."""
OTHER_LENGTHS = tuple(name for name in MONTHS if name not in NAMED)
"""Rows of these are current, though the shared table marks all of them `no`."""
TERMS = {"on_demand": ("on_demand", ""), "spot": ("spot", "")} | {
    name: (name if name in NAMED else "reserved", str(months)) for name, months in MONTHS.items()
}
"""Price model of the shared table -> purchase and length [months]."""

Rows = list[dict[str, str]]


def history(rows: Rows) -> Rows:
    """One line for each provider, GPU, size, purchase, day and source: median and range of the
    regions and machines of that day; outliers, duplicates and floors are left out."""
    groups: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if row["price_model"] in TERMS and _is_observed(row):
            groups.setdefault(_key(row), []).append(float(row["usd_per_gpu_hour"]))
    return [_line(key, groups[key]) for key in sorted(groups)]


def _is_observed(row: dict[str, str]) -> bool:
    return row["use_in_stats"] in ("yes", "hist") or row["price_model"] in OTHER_LENGTHS


def _key(row: dict[str, str]) -> tuple[str, ...]:
    names = ("provider", "gpu", "gpus_per_instance")
    dated = (row["as_of"], row["as_of_precision"], row["source"])
    return (*(row[name] for name in names), *TERMS[row["price_model"]], *dated)


def _line(key: Sequence[str], prices: Sequence[float]) -> dict[str, str]:
    figures = (median(prices), min(prices), max(prices))
    cells = (*key[:-1], *(f"{usd:.6g}" for usd in figures), str(len(prices)), key[-1])
    return dict(zip(COLUMNS, cells, strict=True))
