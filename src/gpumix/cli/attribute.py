"""`gpumix attribute`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import Bills, FleetFolder, JsonFlag


class BasisName(StrEnum):
    """What an owner pays for."""

    ALLOCATION = "allocation"
    USAGE = "usage"


class Engine(StrEnum):
    """Where the heavy steps run."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class ShareFormat(StrEnum):
    """How an attribution is printed."""

    TERMINAL = "terminal"
    JSON = "json"
    FOCUS = "focus"


def attribute(
    fleet: FleetFolder,
    bill: Bills = None,
    prices: Annotated[
        Path | None, typer.Option(help="Prices of GPU-hours, where there is no bill.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Fold rows by some of team, workload, model, gpu, node, class."),
    ] = None,
    basis: Annotated[
        BasisName, typer.Option(help="What an owner pays for: what it held, or what it used.")
    ] = BasisName.ALLOCATION,
    on: Annotated[
        Engine,
        typer.Option(help="Where to work: here, or on Spark (gpumix[spark]) past one machine."),
    ] = Engine.DUCKDB,
    as_json: JsonFlag = False,
    format: Annotated[
        ShareFormat, typer.Option(help="On the terminal, as JSON, or as rows of FOCUS.")
    ] = ShareFormat.TERMINAL,
) -> None:
    """Give a fleet's hours and its bill to teams, workloads and models, to the last micro-dollar.

    Example: gpumix attribute fleet --bill focus.csv.gz

    Example: gpumix attribute fleet --bill focus.parquet --by team,class --json
    """
    from gpumix.cli.console import console
    from gpumix.domain.fleet import as_json as to_dict
    from gpumix.report.export import to_json
    from gpumix.report.focus import focus_rows
    from gpumix.report.terminal_fleet import show_attribution
    from gpumix.verbs.attribute import attribute_fleet

    found = attribute_fleet(fleet, bill or (), prices, by or (), basis.value, on.value)
    if as_json or format is ShareFormat.JSON:
        typer.echo(to_json(to_dict(found)))
    elif format is ShareFormat.FOCUS:
        typer.echo(focus_rows(found), nl=False)
    else:
        show_attribution(found, console(), str(fleet))
