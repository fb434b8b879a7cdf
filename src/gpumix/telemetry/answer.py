"""Attributed hours -> the answer of `gpumix attribute`: rows by owner and kind, and totals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from typing import Final

import duckdb

from gpumix.domain.fleet import (
    SCHEMA_VERSION,
    Attribution,
    AttributionRow,
    AttributionTotals,
    Basis,
    OwnerCost,
    Unbilled,
)
from gpumix.telemetry.attribute import MICRO, Attributed, Run
from gpumix.telemetry.jobs import failed_states
from gpumix.telemetry.store import utc

KEYS: Final = ("team", "workload", "model", "gpu", "node")
"""What rows can be folded by; their kind is always kept."""


def answer(
    attributed: Attributed, by: Collection[str] = KEYS, basis: Basis = "allocation"
) -> Attribution:
    """The answer by some of KEYS, in one of two bases.

    On the basis of usage an owner's share is scaled by the activity of the GPU's engine, and the
    rest is the same owner's `allocated_idle`.

    Raises: RuntimeError where the sum is not the bill's, which is a defect.
    """
    with closing(duckdb.connect()) as connection:
        connection.register("hours", attributed.hours)
        return _answer(connection, attributed, by, basis)


def _answer(
    connection: duckdb.DuckDBPyConnection, attributed: Attributed, by: Collection[str], basis: Basis
) -> Attribution:
    kept = ", ".join(name if name in by else f"null::varchar as {name}" for name in KEYS)
    active = "greatest(0, least(1, coalesce(engine_active, 1)))" if basis == "usage" else "1"
    rows = connection.execute(
        f"""with scaled as (
          select *, case when kind = 'used' then {active} else 1 end as active from hours),
        parted as (
          select * exclude (active) replace (
            hours * active as hours, floor(usd_micro * active)::bigint as usd_micro)
          from scaled
          union all
          select * exclude (active) replace (
            'allocated_idle' as kind, hours * (1 - active) as hours,
            usd_micro - floor(usd_micro * active)::bigint as usd_micro,
            0 as tokens_in, 0 as tokens_out, 0 as joules)
          from scaled where active < 1)
        select {kept}, kind, round(fsum(hours), 9), sum(usd_micro)::bigint,
          round(fsum(tokens_in))::bigint, round(fsum(tokens_out))::bigint, round(fsum(joules), 3)
        from parted group by 1, 2, 3, 4, 5, 6 order by node, team, workload, model, gpu, kind"""
    ).fetchall()
    found = tuple(AttributionRow(*row) for row in rows)
    total = sum(row.usd_micro for row in found)
    outside = sum(one.usd_micro for one in attributed.outside)
    if total + outside != attributed.bill_micro:
        raise RuntimeError(f"{total} given and {outside} outside are not {attributed.bill_micro}")
    hours = connection.execute(
        "select node, round(fsum(hours), 9) from hours where list_contains($1, node) group by node",
        [list(attributed.unbilled)],
    ).fetchall()
    return Attribution(
        schema_version=SCHEMA_VERSION,
        currency=attributed.currency,
        start=utc(attributed.start),
        end=utc(attributed.end),
        basis=basis,
        rows=found,
        totals=AttributionTotals(
            bill_usd_micro=attributed.bill_micro,
            billed_usd_micro=attributed.billed_micro,
            attributed_usd_micro=total,
            outside=attributed.outside,
            unbilled=tuple(Unbilled(node, gpu_hours) for node, gpu_hours in sorted(hours)),
        ),
        notes=attributed.notes,
        shared_by=attributed.shared_by,
        owners=tuple(_owners(connection, attributed.runs)),
    )


def _owners(connection: duckdb.DuckDBPyConnection, runs: Sequence[Run]) -> Iterator[OwnerCost]:
    """What each owner's work cost, the dearest first."""
    rows = connection.execute(
        """select team, workload, model, sum(usd_micro)::bigint, round(fsum(hours), 9),
          fsum(tokens_in), fsum(tokens_out), fsum(tokens_cached)
        from hours where team is not null or workload is not null or model is not null
        group by 1, 2, 3 order by 4 desc, 1, 2, 3"""
    ).fetchall()
    for team, workload, model, micro, hours, tokens_in, tokens_out, cached in rows:
        computed = 0.0 if cached is None else tokens_in - cached
        mine = [run for run in runs if (run.team, run.workload) == (team, workload)]
        time = sum(run.gpu_s for run in mine)
        completed = sum(run.state == "COMPLETED" for run in mine)
        lost = sum(run.gpu_s for run in mine if run.state in failed_states())
        ended = sum(run.gpu_s for run in mine if run.state.startswith("CANCELLED"))
        yield OwnerCost(
            team=team,
            workload=workload,
            model=model,
            usd_micro=micro,
            gpu_hours=hours,
            usd_per_mtok_input=micro / tokens_in if tokens_in else None,
            usd_per_mtok_output=micro / tokens_out if tokens_out else None,
            usd_per_mtok_computed=micro / computed if computed > 0.0 else None,
            usd_per_mtok_served=micro / (tokens_in + tokens_out)
            if tokens_in + tokens_out
            else None,
            runs=len(mine),
            completed_runs=completed,
            failed_share=lost / time if time else None,
            cancelled_share=ended / time if time else None,
            usd_per_completed_run=micro / MICRO / completed if completed else None,
        )
