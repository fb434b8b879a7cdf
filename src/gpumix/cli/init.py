"""`gpumix init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.errors import InputError, Problem


def init(
    file: Annotated[
        Path, typer.Argument(help="File to write; - writes to stdout.", allow_dash=True)
    ] = Path("inventory.yaml"),
) -> None:
    """Write a commented starter inventory.

    Example: gpumix init team.yaml
    """
    from gpumix.inventory import starter_text
    from gpumix.publish import atomic

    if str(file) == "-":
        typer.echo(starter_text(), nl=False)
        return
    if file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    with atomic(file) as beside:
        beside.write_text(starter_text(), encoding="utf-8")
    typer.echo(f"Wrote {file}. Next: edit it, then\n  gpumix plan {file}")
