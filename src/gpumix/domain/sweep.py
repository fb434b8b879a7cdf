"""Many plans at once: a row for each inventory or scenario."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Planning:
    """What became of one inventory; figures None, with `reason`, where there is no plan.

    `promises_kept` of its `promises` are kept. `exit_code` is that of `gpumix plan` for it alone,
    `folder` where its plan was written.
    """

    name: str
    inventory: str
    exit_code: int
    status: str
    reason: str
    monthly_usd: float | None = None
    horizon_usd: float | None = None
    gap: float | None = None
    promises: int = 0
    promises_kept: int = 0
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The rows, in the order in which they were asked for, and what computed them."""

    on: str
    plans: tuple[Planning, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def exit_code(self) -> int:
        """2 where any inventory cannot be used, else 3 where any has no plan that may be signed."""
        codes = [one.exit_code for one in self.plans]
        return next((code for code in (1, 2, 3) if code in codes), 0)
