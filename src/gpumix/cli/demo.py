"""`gpumix demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import AnswerFormat, Details, Format, JsonFormat
from gpumix.cli.plan import run


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the plan, and for the inventory it is made from.")
    ] = Path("gpumix-out") / "demo",
    details: Details = False,
    format: AnswerFormat = Format.TERMINAL,
    as_json: JsonFormat = False,
) -> None:
    """Plan the example that comes with gpumix: a team that serves, tunes and batches text.

    Example: gpumix demo
    """
    from gpumix.inventory import EXAMPLE

    text = EXAMPLE.read_text(encoding="utf-8")
    how = Format.JSON if as_json else format
    run(EXAMPLE, out, None, how, {EXAMPLE.name: text}, out / EXAMPLE.name, details=details)
