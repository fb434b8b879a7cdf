"""Predictions held against measurements: errors as they are, by slice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorSlice:
    """Errors |predicted - measured| / measured of some rows.

    `covered` is the share of rows with a prediction, `held` the share of those inside their 80 %
    interval, `bias` the median of predicted / measured - 1.
    """

    engine: str
    by: str
    name: str
    rows: int
    covered: float
    median: float | None
    mean: float | None
    p90: float | None
    bias: float | None
    held: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """All slices, the whole first, then the worst of each kind first."""

    points: str
    slices: tuple[ErrorSlice, ...]
    fitted_on: str
