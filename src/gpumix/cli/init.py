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
    template: Annotated[
        str | None,
        typer.Option(
            help="Start from a kind of team instead: bank, saas-chat, code, rag, studio, lab."
        ),
    ] = None,
) -> None:
    """Write a commented starter inventory.

    Example: gpumix init team.yaml

    Example: gpumix init team.yaml --template rag
    """
    from gpumix.inventory import starter_text
    from gpumix.inventory.templates import template_text
    from gpumix.publish import atomic

    text = starter_text() if template is None else template_text(template)
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    if file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    with atomic(file) as beside:
        beside.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {file}. Next: edit it, then\n  gpumix plan {file}")
