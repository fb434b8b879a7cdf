"""What a plan says of one class of a workload's requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """One class of requests: `share` of them (0-1), mean tokens of each, and its part of the cost.

    `premium_usd_per_mtok` is what the tier and promises of premium classes add to the plan beyond
    those of standard ones [USD per million of their tokens]; None for the latter, and where there
    are no others. The rest of the cost is split by GPU time.
    """

    name: str
    tier: str
    share: float
    input_tokens: float
    output_tokens: float
    usd_per_month: float
    usd_per_mtok_total: float | None
    premium_usd_per_mtok: float | None = None
