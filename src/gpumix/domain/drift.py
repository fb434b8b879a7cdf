"""Whether a real fleet still is what its plan said, and what it costs where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from gpumix.domain.fleet import Note

SCHEMA_VERSION: Final = 1
DRIFTED: Final = 4
"""Exit code of a fleet that is no longer its plan's."""

DriftKind = Literal[
    "speed", "demand", "prompt", "answer", "burstiness", "price", "count", "version"
]
Against = Literal["plan", "before"]


@dataclass(frozen=True, slots=True)
class DriftScope:
    """What a check is about; what does not apply is None.

    `workload` is the plan's name, several that share replicas with `+` between them; `offer` the
    plan's resource.
    """

    workload: str | None = None
    model: str | None = None
    gpu: str | None = None
    engine_version: str | None = None
    node: str | None = None
    offer: str | None = None


@dataclass(frozen=True, slots=True)
class DriftCost:
    """What a drift costs, by planning the inventory anew with it and without it.

    `usd_per_month` is the difference of the two new plans' level cost a month, None where no plan
    keeps the promises any more or none was made; `note` says why. `answer_changes` is whether the
    new plan has another mix, `moves` say how: counts of each line before and after.
    """

    usd_per_month: float | None
    answer_changes: bool | None
    moves: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """One thing that was held against the plan, or against the fleet's own days before.

    `expected` and `observed` are in `unit`, of the last week; `change_share` = observed / expected
    - 1, with its 80 % interval `low` to `high`. It has drifted where that leaves `tolerated_low` to
    `tolerated_high` and the series says since when (RFC 3339; None where it holds). `values` are
    other figures of the week, `names` other words (versions, nodes). `usd_per_month_kept` is what
    the drift costs while the fleet stays as it is, where that is a price times a quantity.
    """

    kind: DriftKind
    scope: DriftScope
    against: Against
    unit: str
    expected: float | None
    observed: float | None
    change_share: float | None
    low: float | None
    high: float | None
    tolerated_low: float | None
    tolerated_high: float | None
    days: int
    since: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    usd_per_month_kept: float | None = None
    cost: DriftCost | None = None

    @property
    def has_drifted(self) -> bool:
        """Whether it is a finding."""
        return self.since is not None


@dataclass(frozen=True, slots=True)
class DriftAnswer:
    """A fleet held to its plan over [start, end), RFC 3339.

    `findings` have drifted, the dearest first; `checks` hold. `not_looked_for` says what could not
    be looked at, and why. `days_between_false_alarms` is of one check, at the worst. Of the plan's
    inventory, planned again as it was, the new plan costs `again_usd_per_month`; with all that
    drifted `drifted_usd_per_month` (None: not planned, or no plan keeps the promises).
    """

    schema_version: int
    plan: str
    start: str
    end: str
    currency: str
    findings: tuple[DriftCheck, ...]
    checks: tuple[DriftCheck, ...]
    not_looked_for: tuple[str, ...]
    notes: tuple[Note, ...]
    days_between_false_alarms: float
    planned_usd_per_month: float
    again_usd_per_month: float | None = None
    drifted_usd_per_month: float | None = None
    drifted_note: str = ""

    @property
    def has_drifted(self) -> bool:
        """Whether anything is no longer as the plan says."""
        return bool(self.findings)


def as_json(record: DriftAnswer) -> dict[str, Any]:
    """An answer in the shape of its JSON."""
    return {"drifted": record.has_drifted, **asdict(record)}
