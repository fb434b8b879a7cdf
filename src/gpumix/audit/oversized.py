"""Oversized: workloads that a plan serves on cheaper GPUs of another type."""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft
from gpumix.audit.facts import Facts
from gpumix.audit.planned import planned_for_less


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload of the fleet that the plan has on no GPU of the fleet's type."""
    for one in planned_for_less(facts):
        held = {gpu for gpu in facts.shares.gpu[one.rows] if gpu}
        chosen = {placement.gpu for placement in one.other.placements}
        if chosen and not held & chosen:
            gpus, to = ", ".join(sorted(held)), ", ".join(sorted(chosen))
            yield one.draft(
                facts,
                "oversized",
                held,
                action=f"serve {one.name} on {to} instead of {gpus}",
                where=f"on {to}",
                risk="the plan's demand and prices may not be those of the window",
            )
