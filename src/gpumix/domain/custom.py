"""What a team measured of its own work, of which nothing can be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNIT: Final = "unit"
"""What a unit of custom work is called where the team has no name for it."""

RATE_CV: Final = 0.1
"""Spread of a measured rate from run to run, standard deviation over mean, where a team states
none: an assumption."""


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """What so many `gpus` of a kind do together: `units_per_hour`, in the unit of the workload.

    `cv` is the standard deviation of that rate over its mean, from run to run; `cv_stated` says
    whether the team states it.
    """

    gpu: str
    units_per_hour: float
    gpus: int = 1
    cv: float = RATE_CV
    cv_stated: bool = False
