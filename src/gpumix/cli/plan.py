"""`gpumix plan`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import AnswerFormat, Format, JsonFormat, Measured


def plan(
    inventory: Annotated[Path, typer.Argument(help="The inventory, a YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for plan.json, report.html and problem.json.")
    ] = None,
    measured: Measured = None,
    format: AnswerFormat = Format.TERMINAL,
    as_json: JsonFormat = False,
) -> None:
    """Plan the cheapest mix for an inventory and write the report.

    Example: gpumix plan examples/inference-first.yaml
    """
    from gpumix import mix
    from gpumix.files import write_texts
    from gpumix.report import export, html, markdown
    from gpumix.report.terminal import show_plan, spinner
    from gpumix.verbs.plan import plan_file

    folder = out or Path("gpumix-out") / inventory.stem
    with spinner() as progress:
        planned = plan_file(inventory, progress, measured)
        data = export.plan_to_dict(planned.plan)
        write_texts(
            folder,
            {
                "plan.json": export.to_json(data),
                "report.html": html.plan_html(planned.plan),
                "problem.json": json.dumps(mix.problem_to_dict(planned.problem), indent=1),
            },
        )
    if as_json or format is Format.JSON:
        typer.echo(export.to_json(data))
        return
    if format is Format.MD:
        typer.echo(markdown.plan_markdown(planned.plan), nl=False)
        return
    show_plan(
        planned.plan, console(), inventory=str(inventory), report=str(folder / "report.html"),
        saved=str(folder / "plan.json"),
    )  # fmt: skip
