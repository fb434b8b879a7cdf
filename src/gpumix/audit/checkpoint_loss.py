"""Checkpoint loss: what a failure undid of a job that keeps its work from time to time.

How often, its owner declares (`checkpoint_every_s`); what was done since the last whole interval is
lost, and no more. Jobs without it are found as `failed_jobs`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft
from gpumix.audit.facts import Facts
from gpumix.audit.failed_jobs import of_attempts


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every owner, node and type of GPU with work that was not kept in time."""
    kept = [attempt for attempt in facts.failed if attempt.is_kept]
    yield from of_attempts(
        facts,
        "checkpoint_loss",
        kept,
        action="write checkpoints more often where jobs fail, or find out why they do",
        why="lost since the last checkpoint",
    )
