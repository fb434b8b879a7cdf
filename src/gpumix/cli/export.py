"""`gpumix export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import JsonFlag


def export(
    plan: Annotated[Path, typer.Argument(help="A plan.json, or its folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    targets: Annotated[
        str | None,
        typer.Option(
            "--for",
            help="Targets, comma-separated: vllm, sglang, trtllm, compose, kserve, dynamo, sky,"
            " dstack. Default: all that start anything of the plan.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write what starts a plan: a file for each placement and target, and an index of them.

    Engines get the model, layout, precision and limits that the plan was predicted with. What a
    target cannot express is a comment in its file and a line in README.txt.

    Example: gpumix export gpumix-out/team --out launch

    Example: gpumix export gpumix-out/team/plan.json --for vllm,kserve --out launch --json
    """
    from gpumix.verbs.export import export_plan

    found = export_plan(plan, targets, out)
    if as_json:
        typer.echo(found.json)
        return
    for target in dict.fromkeys(file.target for file in found.exported.files):
        count = sum(file.target == target for file in found.exported.files)
        missing = sum(gap.target == target for gap in found.exported.not_written)
        rest = f", {missing} not written" if missing else ""
        typer.echo(f"{target}: {count} {'launch' if count == 1 else 'launches'}{rest}")
    typer.echo(f"Read {out / 'README.txt'} first: what each file starts, and what it cannot say.")
