"""What waste is looked for in: attributed hours, the bill, jobs, prices and rules of a fleet.

A `OwnedHours` is a table of columns of one length: a row is one owner on one device (a GPU or a MIG
instance) in one hour, with its kind, its GPU-hours and its share of the bill in micro-dollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gpumix.domain.plan import Plan
from gpumix.telemetry.bill import BillLine
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.machines import Machine
from gpumix.telemetry.price_book import Price
from gpumix.values import FloatArray

IntArray: TypeAlias = npt.NDArray[np.int64]
Names: TypeAlias = npt.NDArray[np.object_]

OWNER = ("team", "workload", "model")
SCOPE = (*OWNER, "gpu", "node")


@dataclass(frozen=True, slots=True)
class OwnedHours:
    """Attributed hours by device and owner; all arrays are of shape [rows].

    `hour` [s since 1970 UTC, start of the hour]; `hours` [GPU-hours]; `usd_micro` and `list_micro`
    at EffectiveCost and ListCost [1e-6 of the bill's currency]; `engine` and `sm` means [0-1],
    `power` mean [W], `running` mean requests of the server, `tokens` in and out of the hour: NaN
    where there is none.
    """

    hour: IntArray
    team: Names
    workload: Names
    model: Names
    gpu: Names
    node: Names
    device: Names
    slot: IntArray
    kind: Names
    hours: FloatArray
    usd_micro: IntArray
    list_micro: IntArray
    engine: FloatArray
    power: FloatArray
    sm: FloatArray
    running: FloatArray
    tokens: FloatArray

    def groups(
        self, names: Sequence[str], rows: npt.NDArray[np.bool_]
    ) -> list[tuple[dict[str, Any], IntArray]]:
        """The rows that are chosen, by their values of some columns: (values, row numbers)."""
        chosen = np.flatnonzero(rows)
        if not len(chosen):
            return []
        key = np.zeros(len(chosen), dtype=np.int64)
        for name in names:
            words = [str(word or "") for word in getattr(self, name)[chosen]]
            _, codes = np.unique(words, return_inverse=True)
            _, key = np.unique(key * (int(codes.max()) + 1) + codes, return_inverse=True)
        order = np.argsort(key, kind="stable")
        parts = np.split(chosen[order], np.flatnonzero(np.diff(key[order])) + 1)
        return [({name: getattr(self, name)[part[0]] for name in names}, part) for part in parts]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try of a scheduler's job that came to nothing: [start, end) in s since 1970 UTC.

    Where its workload writes checkpoints (`is_kept`), it is what was done since the last of them.

    `rows` are row numbers of the shares it took part in, `parts` the share of each [0-1].
    """

    job_id: str
    state: str
    start: int
    end: int
    rows: IntArray
    parts: FloatArray
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds by class and name, as in data/audit_rules.csv."""

    values: Mapping[tuple[str, str], str]

    def number(self, class_: str, name: str) -> float:
        """A threshold that is a number."""
        return float(self.values[class_, name])

    def words(self, class_: str, name: str) -> frozenset[str]:
        """A threshold that is a list of words."""
        return frozenset(self.values[class_, name].split())


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells a resource of the bill, by the catalogue's name, and where; None where the bill
    does not say."""

    provider: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a fleet over [start, end) [s since 1970 UTC].

    `sellers` are by the key of a resource of the bill (`resource_key`).
    """

    currency: str
    start: int
    end: int
    shares: OwnedHours
    rules: Rules
    lines: tuple[BillLine, ...] = ()
    machines: tuple[Machine, ...] = ()
    failed: tuple[Attempt, ...] = ()
    prices: tuple[Price, ...] = ()
    holidays: frozenset[str] = frozenset()
    standby: frozenset[tuple[str | None, str | None]] = frozenset()
    bill_micro: int = 0
    plan: Plan | None = None
    plan_workloads: Mapping[str, str] = field(default_factory=dict)
    team_aliases: Mapping[str, str] = field(default_factory=dict)
    checkpoint_every_s: Mapping[str, float] = field(default_factory=dict)
    sellers: Mapping[str, Seller] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """Length of the span [h]."""
        return (self.end - self.start) / HOUR_S

    def kept_warm(self, team: str | None, workload: str | None) -> bool:
        """Whether the owner said that this workload stands by on purpose."""
        return any(t in (None, team) and w in (None, workload) for t, w in self.standby)


def percentiles(values: FloatArray | Iterable[float]) -> dict[str, float]:
    """p5, p50 and p95 of the values that there are; nothing where there is none."""
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    if not len(known):
        return {}
    p5, p50, p95 = np.percentile(known, (5, 50, 95))
    return {"p5": round(float(p5), 4), "p50": round(float(p50), 4), "p95": round(float(p95), 4)}
