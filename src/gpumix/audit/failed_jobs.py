"""Failed jobs: GPU time of attempts that a scheduler says came to nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gpumix.audit.draft import Draft, interval, of_rows, scope_of
from gpumix.audit.facts import SCOPE, Attempt, Facts, IntArray
from gpumix.domain.fleet import Evidence


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every owner, node and type of GPU with attempts that failed or were lost."""
    lost = [attempt for attempt in facts.failed if not attempt.is_kept]
    yield from of_attempts(
        facts,
        "failed_jobs",
        lost,
        action="find out why {} failed; write checkpoints",
        why="GPU time x price",
    )


def of_attempts(
    facts: Facts, class_: str, lost: Sequence[Attempt], *, action: str, why: str
) -> Iterator[Draft]:
    """Drafts of a class about attempts; `{}` in `action` is how many there were."""
    by_row: dict[int, float] = defaultdict(float)
    of_row: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in lost:
        for row, part in zip(attempt.rows.tolist(), attempt.parts.tolist(), strict=True):
            by_row[row] = min(by_row[row] + part, 1.0)
            of_row[row].append(attempt)
    chosen = np.zeros(len(facts.shares.hour), dtype=bool)
    chosen[list(by_row)] = True
    for values, rows in facts.shares.groups(SCOPE, chosen):
        cost = facts.shares.usd_micro[rows]
        micro = round(sum(c * by_row[r] for c, r in zip(cost.tolist(), rows.tolist(), strict=True)))
        attempts = {a.job_id + a.state + str(a.start): a for r in rows.tolist() for a in of_row[r]}
        many = "one attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
        words = {"action": action.format(many), "why": why}
        yield _draft(facts, class_, values, rows, micro, list(attempts.values()), words)


def _draft(
    facts: Facts,
    class_: str,
    values: dict[str, str | None],
    rows: IntArray,
    lost: int,
    attempts: list[Attempt],
    words: dict[str, str],
) -> Draft:
    names = ", ".join(sorted({a.job_id for a in attempts})[:10])
    states = ", ".join(sorted({a.state for a in attempts}))
    low, _, _ = interval(facts, class_)
    found = of_rows(
        facts,
        class_,
        scope_of(facts, rows, **values),
        rows,
        wanted_micro=lost,
        action=words["action"],
        because=f"Jobs {names} ended as {states}: {words['why']}.",
        risk="some work of a failed job may have been kept",
        how_to_check=f"sacct -D -X -j {names.replace(', ', ',')} --format=JobID,State,ElapsedRaw",
    )
    return replace(
        found,
        stake_micro=lost,
        low_micro=round(lost * low),
        high_micro=lost,
        start=max(min(a.start for a in attempts), facts.start),
        end=min(max(a.end for a in attempts), facts.end),
        evidence=(
            Evidence("sacct", f"JobID in ({names})", states, {"attempts": float(len(attempts))}),
            *found.evidence,
        ),
    )
