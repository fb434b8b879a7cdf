"""What the money of a plan is computed from: entries by option, and facts of what is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.cost.case.streams import Stream
from gpumix.domain.ledger import Entry

SIGNED = "signed"
"""How a commitment that runs already is paid for: its price is known."""


@dataclass(frozen=True, slots=True)
class ByTheHour:
    """A supply that could be rented by the hour in a line's place, and whether it `may_serve` all
    that runs there."""

    resource: str
    provider: str
    usd_per_gpu_hour: float
    may_serve: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of the plan or of an alternative: how it is paid for, and from whom.

    A price that is assumed between two ends has them as factors of itself. Of what is held to be
    used or not, `gpus_by_month` are the GPUs that stand in each month of the horizon, `busy` the
    share of their hours in which they work (0-1), `rivals` what could be rented in its place; what
    stands already `sells_for_usd` at the start.
    """

    resource: str
    gpu: str
    gpus_per_instance: int
    purchase: str
    provider: str
    low: float | None = None
    high: float | None = None
    gpus_by_month: tuple[float, ...] = ()
    busy: float = 0.0
    rivals: tuple[ByTheHour, ...] = ()
    sells_for_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """The plan or an alternative by its entries; it `breaks` promises that the plan keeps."""

    name: str
    entries: tuple[Entry, ...]
    breaks: tuple[str, ...] = ()


def streams_of(entries: Sequence[Entry]) -> tuple[Stream, ...]:
    """Entries of any kind as two streams: what closes a month, and what does not.

    Args:
        entries: any payments; shape (n,).

    Source: definition of a stream.
    """
    found = []
    for closes in (False, True):
        own = [entry for entry in entries if entry.closes == closes]
        columns = ((e.month, e.quantity, e.price, e.rate, e.amount) for e in own)
        months, quantity, price, rate, amounts = (
            np.array(list(columns), dtype=float).reshape(-1, 5).T
        )
        found.append(Stream("", "", months, quantity, price, rate, amounts, closes))
    return tuple(found)
