"""Wrong precision: a plan serves the same work on the same GPU with other weights, for less.

At which precision a server computes, only the name of its model may say (`...-FP8`); one whose name
says nothing is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft
from gpumix.audit.facts import Facts
from gpumix.audit.planned import planned_for_less
from gpumix.formats import stated_in


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload that the plan has on its GPU at a precision of another name."""
    shares = facts.shares
    for one in planned_for_less(facts):
        models = {model for model in shares.model[one.rows] if model}
        now = {stated.precision for model in models if (stated := stated_in(model))}
        held = {gpu for gpu in shares.gpu[one.rows] if gpu}
        wanted = {placement.precision for placement in one.other.placements}
        on_same = held == {placement.gpu for placement in one.other.placements}
        if len(now) == 1 and wanted and not now & wanted and on_same:
            was, to = ", ".join(now), ", ".join(sorted(wanted))
            yield one.draft(
                facts,
                "wrong_precision",
                held,
                action=f"serve {one.name} at {to} instead of {was}",
                where=f"on the same GPUs at {to}",
                risk="other weights may answer worse: hold them against your own tests first",
                before=f"at {was} ",
            )
