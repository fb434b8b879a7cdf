"""Failed jobs: GPU time of attempts that a scheduler says came to nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gpumix.audit.draft import Draft, interval, of_rows, scope_of
from gpumix.audit.facts import SCOPE, Attempt, Facts
from gpumix.domain.fleet import Evidence


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every owner, node and type of GPU with attempts that failed or were lost."""
    by_row: dict[int, float] = defaultdict(float)
    of_row: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in facts.failed:
        for row, part in zip(attempt.rows.tolist(), attempt.parts.tolist(), strict=True):
            by_row[row] = min(by_row[row] + part, 1.0)
            of_row[row].append(attempt)
    chosen = np.zeros(len(facts.shares.hour), dtype=bool)
    chosen[list(by_row)] = True
    for values, rows in facts.shares.groups(SCOPE, chosen):
        cost = facts.shares.usd_micro[rows]
        lost = round(sum(c * by_row[r] for c, r in zip(cost.tolist(), rows.tolist(), strict=True)))
        attempts = {a.job_id + a.state + str(a.start): a for r in rows.tolist() for a in of_row[r]}
        yield _draft(facts, values, rows, lost, list(attempts.values()))


def _draft(
    facts: Facts,
    values: dict[str, str | None],
    rows: np.ndarray,
    lost: int,
    attempts: list[Attempt],
) -> Draft:
    names = ", ".join(sorted({a.job_id for a in attempts})[:10])
    many = "one attempt" if len(attempts) == 1 else f"{len(attempts)} attempts"
    states = ", ".join(sorted({a.state for a in attempts}))
    low, _, _ = interval(facts, "failed_jobs")
    found = of_rows(
        facts,
        "failed_jobs",
        scope_of(facts, rows, **values),
        rows,
        wanted_micro=lost,
        action=f"find out why {many} failed; write checkpoints",
        because=f"Jobs {names} ended as {states}: GPU time x price.",
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
