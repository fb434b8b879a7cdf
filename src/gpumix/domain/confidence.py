"""What it costs to be surer that a plan's promises hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfidenceCost:
    """What the plan's work costs a month if every speed is reached with a probability of
    `confidence` (0.5 to 1); predicted, not replayed. None with the `reason` where there is no plan.
    """

    confidence: float
    usd_per_month: float | None
    reason: str = ""
