"""`gpumix demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import JsonFlag
from gpumix.cli.plan import run


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the plan, and for the inventory it is made from.")
    ] = Path("gpumix-out") / "demo",
    as_json: JsonFlag = False,
) -> None:
    """Plan the example that comes with gpumix: a team that serves, tunes and batches text.

    Example: gpumix demo
    """
    from gpumix.inventory import EXAMPLE

    text = EXAMPLE.read_text(encoding="utf-8")
    run(EXAMPLE, out, None, as_json, {EXAMPLE.name: text}, out / EXAMPLE.name)
