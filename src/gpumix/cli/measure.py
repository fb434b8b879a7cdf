"""`gpumix measure`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag, Measured

FILES = ("measure.sh",)


def measure(
    plan: Annotated[
        Path,
        typer.Argument(help="A plan.json, or its folder; or an inventory, which is planned first."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for measure.sh, which makes the measurements.")
    ] = None,
    measured: Measured = None,
    as_json: JsonFlag = False,
) -> None:
    """What measuring a plan's GPUs would save a month, what it costs, and how to do it.

    Being sure costs money: a plan has GPUs to spare in case they are slower than predicted. Three
    measured points make a prediction surer. For each text deployment of the plan, and the next GPU
    of each workload, this prints the saving, the rent, and the commands of the engine's benchmark.

    Example: gpumix measure gpumix-out/team

    Example: gpumix measure gpumix-out/team/plan.json --out bench

    Example: gpumix calibrate bench/results/chat-l40s-48gb-tp1-fp8/* --gpu l40s-48gb
    --precision fp8
    """
    from gpumix.publish import check_folder
    from gpumix.report import export
    from gpumix.report.terminal import show_tables, spinner
    from gpumix.report.views import worth
    from gpumix.verbs.measure import measure_file

    if out is not None:
        check_folder(out, FILES)
    with spinner() as progress:
        found = measure_file(plan, progress, measured, out)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    typer.echo(worth.worth_words(found))
    following = f"sh {out / FILES[0]} NAME" if out else f"gpumix measure {plan} --out DIR"
    show_tables([worth.worth_table(found)], console(), following)
    for line in worth.command_lines(found):
        typer.echo(line)
