"""Where a number comes from and how wrong it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Basis(StrEnum):
    """The four kinds of evidence, strongest first."""

    MEASURED = "measured"
    CALIBRATED = "calibrated"
    MODELLED = "modelled"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A predicted figure with its 80 % interval, in the unit that the field's name states."""

    value: float
    low: float
    high: float
    basis: Basis = Basis.MODELLED
    source: str = ""

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit (`factor` > 0)."""
        return Estimate(
            self.value * factor, self.low * factor, self.high * factor, self.basis, self.source
        )


@dataclass(frozen=True, slots=True)
class Assumption:
    """One figure or rule the plan rests on, as the report's audit table lists it."""

    subject: str
    value: str
    basis: Basis
    source: str
    as_of: date | None = None
