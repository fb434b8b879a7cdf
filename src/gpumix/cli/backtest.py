"""`gpumix backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag


def backtest(
    points: Annotated[
        Path | None, typer.Option(help="CSV of measured rows; default: the packaged ones.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare predictions with measurements: errors by source, GPU, engine, length, batch.

    Example: gpumix backtest --points measured.csv.gz
    """
    from gpumix.report import export
    from gpumix.report.views import listings
    from gpumix.verbs.backtest import backtest_file

    result = backtest_file(points)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(result)))
        return
    from gpumix.report.terminal import show_tables

    following = "gpumix explain ttft_p95_s"
    show_tables(listings.backtest_tables(result), console(), following)
