"""Who answers for which assumption of the plan, and since when: `assumptions` of an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gpumix.domain.evidence import Confirmation
from gpumix.inventory.dates import Say
from gpumix.inventory.schema import AssumptionSpec


def confirmations_of(
    stated: Mapping[str, AssumptionSpec], as_of: date, say: Say
) -> tuple[Confirmation, ...]:
    """Every stated one; `as_of` is the plan's day. What is wrong is noted at its key; whether the
    plan has such an assumption only planning can say."""
    for name, spec in stated.items():
        if spec.confirmed_on is not None and spec.confirmed_on > as_of:
            say(
                ("assumptions", name, "confirmed_on"),
                f"{spec.confirmed_on} is after the plan's day, {as_of}",
                "write the day on which it was confirmed, or leave it out until it is",
            )
    return tuple(
        Confirmation(name, spec.owner, spec.confirmed_on, spec.note)
        for name, spec in stated.items()
    )
