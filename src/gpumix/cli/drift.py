"""`gpumix drift`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import Bills, FleetFolder, JsonFlag


def drift(
    fleet: FleetFolder,
    plan: Annotated[Path, typer.Option(help="The plan: a plan.json or its folder.")],
    bill: Bills = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="Price book of today: CSV of gpu, purchase, usd_per_gpu_hour."),
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(help="Folder of `gpumix calibrate`, in place of the plan's measurements."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="CSV of thresholds that differ (columns of data/drift_rules.csv)."),
    ] = None,
    solve: Annotated[
        bool,
        typer.Option(
            "--solve/--no-solve", help="Plan again with what drifted, to tell what it costs."
        ),
    ] = True,
    as_json: JsonFlag = False,
) -> int:
    """Hold a fleet to its plan: what has drifted, since when, by how much, what it costs.

    Exit code 4 where anything has drifted.

    Example: gpumix drift fleet --plan gpumix-out/team --bill bill.csv

    Example: gpumix drift fleet --plan plan.json --no-solve --json
    """
    from gpumix.domain.drift import DRIFTED
    from gpumix.domain.drift import as_json as json_of
    from gpumix.report import export
    from gpumix.report.terminal import spinner
    from gpumix.report.terminal_drift import show_drift
    from gpumix.verbs.drift import drift as hold

    with spinner() as progress:
        found = hold(fleet, plan, bill or (), prices, rules, measured, solve, progress)
    if as_json:
        typer.echo(export.to_json(json_of(found)))
    else:
        show_drift(found, console(), f"gpumix calibrate --fleet {fleet} --plan {plan}")
    return DRIFTED if found.has_drifted else 0
