"""A plan's mix chosen again at other prices, loads or limits: the question and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpumix.domain.plan_difference import InputChange, LineChange

EVERY = "all"
"""Names every resource, or every workload."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is asked: costs of resources and loads of workloads times a factor, by name; resources
    to do without, by name; another budget [USD]. A resource goes by its GPU, its provider or site,
    its terms (spot, reserved_1y, ...) or `all`."""

    prices: Mapping[str, float] = field(default_factory=dict)
    loads: Mapping[str, float] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    capex_budget_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What a plan's problem can be asked about: resources by any of their names, workloads, and
    whether it has a budget or anything that takes of one."""

    resources: tuple[str, ...]
    workloads: tuple[str, ...]
    has_capex: bool


@dataclass(frozen=True, slots=True)
class WhatIfAnswer:
    """The plan's mix, the same held through the change, and the mix chosen again [USD of the
    horizon].

    `kept_usd` is None where the plan's mix breaks limits that `breaks` names; `after_usd` is None
    where no mix keeps them all, and `conflict` names those that cannot hold together. `gap` is the
    share of `after_usd` that a better mix could at most save.
    """

    changes: tuple[InputChange, ...]
    before_usd: float
    kept_usd: float | None
    breaks: tuple[str, ...]
    after_usd: float | None
    gap: float | None
    conflict: tuple[str, ...]
    months: float
    mix: tuple[LineChange, ...]
