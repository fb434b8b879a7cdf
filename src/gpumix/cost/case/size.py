"""How many replicas, GPUs and servers an option has, and how much work is done on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpumix.domain.case import STAFFED, Case, Load, Option, Unit
from gpumix.units import (
    HOURS_PER_DAY,
    HOURS_PER_YEAR,
    MEGA,
    MONTHS_PER_YEAR,
    SECONDS_PER_HOUR,
)


@dataclass(frozen=True, slots=True)
class Size:
    """What an option is divided by; None where the file neither states nor implies it."""

    gpus: float | None
    servers: float
    peak_per_s: float | None = None
    replicas: int | None = None
    gpus_needed: float | None = None


def size_of(option: Option, load: Load) -> Size:
    """GPUs and servers as stated, else enough replicas for the busiest hour, each rounded up.

    Peak = requests a day x share in the busiest hour / 3600; replicas = peak / rate of one, and the
    spare ones that are held for a failure.

    Args:
        option: the option.
        load: the work of the case.

    Source: NVIDIA, "How much does your LLM inference cost" (6.7 requests/s, 3 replicas, 1 server).
    """
    peak = replicas = needed = None
    request = next((u for u in load.units if u.name == "request"), None) or next(
        iter(load.units), None
    )
    if load.busiest_hour_share is not None and request is not None:
        per_day = units_per_year(request, load) * HOURS_PER_DAY / HOURS_PER_YEAR
        peak = per_day * load.busiest_hour_share / SECONDS_PER_HOUR
        if load.replica is not None:
            replicas = math.ceil(peak / load.replica.requests_per_s - 1e-9)
            replicas += load.spare_replicas
            needed = replicas * load.replica.gpus
    gpus, servers, each = option.gpus, option.servers, option.gpus_per_server
    if servers is None and each is not None and (gpus or needed):
        servers = math.ceil((gpus or needed or 0.0) / each - 1e-9)
    if gpus is None:
        gpus = servers * each if servers is not None and each is not None else needed
    return Size(gpus, 1.0 if servers is None else servers, peak, replicas, needed)


def units_per_year(unit: Unit, load: Load) -> float:
    """How many of a unit are made in a year [1/year]: as stated, else what full speed makes.

    Args:
        unit: the unit.
        load: the work of the case.

    Source: definition.
    """
    if unit.per_day is not None:
        return unit.per_day * load.hours_per_year / HOURS_PER_DAY
    if unit.per_month is not None:
        return unit.per_month * MONTHS_PER_YEAR
    speed, seconds = load.full_speed, load.hours_per_year * load.busy * SECONDS_PER_HOUR
    tokens = unit.input_tokens + unit.output_tokens
    if speed.tok_s is not None and tokens:
        return speed.tok_s * seconds / tokens
    if speed.output_tok_s is not None and unit.output_tokens:
        return speed.output_tok_s * seconds / unit.output_tokens
    return 0.0


def tokens_per_year(load: Load) -> tuple[float, float]:
    """Input and output tokens of all units in a year [1/year].

    Args:
        load: the work of the case.

    Source: definition (NVIDIA's example: 153.3 billion tokens a year).
    """
    counts = [(u, units_per_year(u, load)) for u in load.units]
    return (
        math.fsum(n * u.input_tokens for u, n in counts),
        math.fsum(n * u.output_tokens for u, n in counts),
    )


def per_year(per: str, load: Load) -> float:
    """How often a price is due in a year [1/year]: `month` 12, `hour` 8,760, a unit its count.

    Args:
        per: what the price is for.
        load: the work of the case.

    Source: docs/tco-case.md, "Lines".
    """
    fixed = {
        "month": MONTHS_PER_YEAR,
        "year": 1.0,
        "hour": load.hours_per_year,
        "busy_hour": load.hours_per_year * load.busy,
    }
    if per in fixed:
        return fixed[per]
    if per in ("mtok_input", "mtok_output"):
        return tokens_per_year(load)[per == "mtok_output"] / MEGA
    return units_per_year(next(u for u in load.units if u.name == per), load)


def dark_share(option: Option, case: Case) -> float:
    """Share of the hours [1] in which what is at the site is dark: outages without a generator.

    Args:
        option: the option.
        case: the case.

    Source: definition.
    """
    if option.kind not in STAFFED or case.site.generator is not None:
        return 0.0
    return case.site.outage_hours_per_year / HOURS_PER_YEAR
