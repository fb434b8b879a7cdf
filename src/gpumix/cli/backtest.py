"""`gpumix backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag
from gpumix.errors import InputError, Problem


def backtest(
    points: Annotated[
        Path | None, typer.Option(help="CSV of measured rows; default: the packaged ones.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="Results of a benchmark tool, as calibrate reads them.")
    ] = None,
    gpu: Annotated[
        str,
        typer.Option(help="GPU of the results, if the file lacks it.", autocompletion=names.gpus),
    ] = "",
    model: Annotated[
        str, typer.Option(help="Model of the results, if it lacks it.", autocompletion=names.models)
    ] = "",
    tp: Annotated[str, typer.Option(help="Tensor-parallel degree of the results.")] = "",
    precision: Annotated[str, typer.Option(help="Weight precision of the results.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Compare predictions with measurements: errors by what is asked, source, GPU, engine, kind
    of model, length, batch.

    Example: gpumix backtest --points measured.csv.gz

    Example: gpumix backtest --results bench-conc16.json --gpu h100-sxm-80gb
    """
    from gpumix.inventory.results import Stated
    from gpumix.report import export
    from gpumix.report.views import listings
    from gpumix.verbs.backtest import backtest_file

    if points is not None and results is not None:
        raise InputError(Problem("--points, --results", "give one of them"))
    if results is None and any((gpu, model, tp, precision)):
        raise InputError(Problem("--gpu, --model, --tp, --precision", "go with --results"))
    stated = Stated(gpu=gpu, model=model, tp=tp, weight_precision=precision)
    result = backtest_file(results or points, None if results is None else stated)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(result)))
        return
    from gpumix.report.terminal import show_tables

    following = "gpumix explain ttft_p95_s"
    show_tables(listings.backtest_tables(result), console(), following)
