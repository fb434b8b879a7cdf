"""Low batch: GPUs that are always busy and mostly wait, since few requests run at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpumix.audit.draft import Draft, of_rows, scope_of
from gpumix.audit.facts import SCOPE, Facts, IntArray
from gpumix.values import FloatArray


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every owner, node and type of GPU with hours of small batches."""
    shares, rules = facts.shares, facts.rules

    def rule(name: str) -> float:
        return rules.number("low_batch", name)

    busy = (shares.kind == "used") & (shares.engine > rule("engine_above"))
    busy &= shares.sm < rule("sm_below")
    for values, rows in shares.groups(SCOPE, busy):
        few = rows[_of_server(facts, rows) <= rule("requests_at_most")]
        hours = float(shares.hours[few].sum())
        if not len(few) or hours < rule("least_hours"):
            continue
        sm = float(np.average(shares.sm[few], weights=shares.hours[few]))
        saved = max(1.0 - sm / rule("sm_packed"), 0.0)
        yield of_rows(
            facts,
            "low_batch",
            scope_of(facts, few, **values),
            few,
            wanted_micro=round(saved * int(shares.usd_micro[few].sum())),
            action=f"serve {values['workload'] or 'it'} on fewer GPUs or slices, or batch more",
            because=f"Over {hours:,.1f} GPU-hours the engine was busy and {sm:.0%} of the "
            f"processors were: at {rule('sm_packed'):.0%} the same work holds on {1 - saved:.0%} "
            "of the GPUs (modelled).",
            risk="a larger batch makes each token slower: hold it against the promise",
            how_to_check="compare DCGM_FI_PROF_SM_ACTIVE with DCGM_FI_PROF_GR_ENGINE_ACTIVE and "
            "the requests running",
        )


def _of_server(facts: Facts, rows: IntArray) -> FloatArray:
    """Requests running of the server of each row: those of its first GPU, which alone says them.

    NaN where no GPU of the owner on the node says any in that hour.
    """
    shares = facts.shares
    said: dict[tuple[object, ...], float] = {}
    keys = [
        (shares.hour[r], shares.node[r], shares.team[r], shares.workload[r], shares.model[r])
        for r in rows.tolist()
    ]
    for key, running in zip(keys, shares.running[rows].tolist(), strict=True):
        if not np.isnan(running):
            said[key] = max(said.get(key, 0.0), running)
    return np.array([said.get(key, np.nan) for key in keys])
