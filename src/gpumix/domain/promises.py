"""Latency promises: how they are written, and those of a workload that states none."""

from __future__ import annotations

from typing import Final

from gpumix.domain.quantities import duration
from gpumix.domain.workload import Slo
from gpumix.errors import did_you_mean

METRICS: Final = ("ttft", "tpot", "e2e")
QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SLO_NAMES: Final = tuple(f"{metric}_{quantile}" for metric in METRICS for quantile in QUANTILES)
"""Every promise that can be made, as inventories and the command line write it."""
AVAILABILITY: Final = "availability"
"""The promise of the share of time that a workload is up, beside those of latency."""
DEFAULT_SLOS: Final = (Slo("ttft", 0.95, 1.0), Slo("tpot", 0.95, 0.05))
"""Promises of chat that states none."""


def slo_of(name: str, limit: object) -> Slo:
    """The promise `ttft_p95` with a limit such as `800 ms`.

    Raises: ValueError for an unknown promise, and for a limit without a unit.

    >>> slo_of("ttft_p95", "800 ms")
    Slo(metric='ttft', quantile=0.95, limit_s=0.8, of_class='')
    """
    if name not in SLO_NAMES:
        hint = did_you_mean(name, SLO_NAMES)
        raise ValueError(f"unknown promise {name!r}" + (f"; {hint}" if hint else ""))
    metric, _, quantile = name.partition("_")
    return Slo(metric, QUANTILES[quantile], duration(limit))


def limits_in(text: str) -> list[tuple[str, str]]:
    """Names and limits in a line of promises, as people type it or as point files hold it.

    >>> limits_in("ttft_p95=800ms, tpot_p95=50ms")
    [('ttft_p95', '800ms'), ('tpot_p95', '50ms')]
    >>> limits_in("ttft_p99_ms<=2000;tpot_p99_ms<=200")
    [('ttft_p99', '2000 ms'), ('tpot_p99', '200 ms')]
    """
    found = []
    for part in (p.strip() for p in text.replace(";", ",").split(",") if p.strip()):
        name, _, limit = (side.strip() for side in part.replace("<=", "=").partition("="))
        if "<=" in part and name.endswith("_ms"):
            name, limit = name.removesuffix("_ms"), f"{limit} ms"
        found.append((name, limit))
    return found
