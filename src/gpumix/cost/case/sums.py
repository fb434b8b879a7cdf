"""Sums of streams: cash and when, by category, by item, and an option of a plan's ledger."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gpumix.cost.case.streams import Stream, cash_by_month, cash_by_year, present_cost_of
from gpumix.cost.finance import level_cost_per_year
from gpumix.domain.ledger import LedgerOption, leaves_of
from gpumix.domain.tco import Cash, MostOutlaid, PerGpuHour
from gpumix.units import MONTHS_PER_YEAR


def cash_of(streams: Sequence[Stream], months: int) -> Cash:
    """What leaves the account and when, over a horizon.

    Args:
        streams: of one option.
        months: length of the horizon; what falls later counts in its last month.

    Source: docs/tco-case.md, "Figures".
    """
    by_month = cash_by_month(streams, months)
    running = np.cumsum(by_month)
    peak = int(np.argmax(running))
    return Cash(
        up_front=math.fsum(
            float(s.amounts[s.months == 0.0].sum()) for s in streams if not s.closes
        ),
        by_year=tuple(cash_by_year(streams, months).tolist()),
        by_month=tuple(by_month.tolist()),
        total=math.fsum(s.total for s in streams),
        most_outlaid=MostOutlaid(float(running[peak]), peak),
    )


def cash_by_category(streams: Sequence[Stream], months: int) -> dict[str, Cash]:
    """What leaves the account and when, of each category.

    Args:
        streams: of one option, or of all of a plan.
        months: length of the horizon.

    Source: docs/tco-case.md, "Figures".
    """
    grouped: dict[str, list[Stream]] = defaultdict(list)
    for stream in streams:
        grouped[stream.category].append(stream)
    return {name: cash_of(own, months) for name, own in grouped.items()}


def sums_by(streams: Sequence[Stream], by: str) -> dict[str, float]:
    """Cash over the horizon by a field of the streams: `category` or `item`.

    Args:
        streams: of one option.
        by: the field.

    Source: docs/tco-case.md, "Figures".
    """
    sums: dict[str, list[float]] = defaultdict(list)
    for stream in streams:
        sums[getattr(stream, by)].append(stream.total)
    return {name: math.fsum(amounts) for name, amounts in sums.items()}


def ledger_option(
    name: str,
    kind: str,
    streams: Sequence[Stream],
    months: int,
    rate_per_year: float,
    *,
    gpus: int,
    gpu_hours: float,
    busy_gpu_hours: float,
) -> LedgerOption:
    """One resource of a plan: its three totals, what they are made of, and a GPU-hour's cost.

    Args:
        name: the resource.
        kind: how it is paid for.
        streams: all its payments.
        months: length of the horizon.
        rate_per_year: cost of capital [1].
        gpus: the most that it holds at once.
        gpu_hours: held over the horizon [h].
        busy_gpu_hours: of these, in which they work [h].

    Source: docs/tco-case.md, "Figures"; level cost as PyPSA, `annuity`.
    """
    present = present_cost_of(streams, rate_per_year)
    years = months / MONTHS_PER_YEAR
    level = level_cost_per_year(present, rate_per_year, years)
    per_hour = PerGpuHour(
        level * years / gpu_hours if gpu_hours else None,
        level * years / busy_gpu_hours if busy_gpu_hours else None,
        None,
    )
    return LedgerOption(
        kind=kind,
        cash=cash_of(streams, months),
        present_cost=present,
        level_cost_per_year=level,
        by_category=sums_by(streams, "category"),
        by_item=sums_by(streams, "item"),
        gpus=gpus,
        gpu_hours_per_year=gpu_hours / years,
        cost_per_gpu_hour=per_hour,
        leaves=leaves_of(entry for stream in streams for entry in stream.entries(name)),
    )
