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
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Start from a Kubernetes manifest, SkyPilot task, dstack or Compose file, or a "
            "bill (FOCUS or AWS CUR CSV).",
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            help="Start from a kind of team instead: bank, saas-chat, code, rag, studio, lab; or "
            "from a case of `gpumix tco`: tco-api, tco-dhaka, tco-frankfurt."
        ),
    ] = None,
) -> None:
    """Write a commented starter inventory; with --from one that says what your own files say.

    Example: gpumix init team.yaml

    Example: gpumix init team.yaml --from deployment.yaml

    Example: gpumix init team.yaml --template rag

    Example: gpumix init case.yaml --template tco-frankfurt
    """
    from datetime import date

    from gpumix.inventory import starter_text
    from gpumix.inventory.templates import cases, template_text
    from gpumix.publish import atomic

    if source is not None and template is not None:
        raise InputError(Problem("--from, --template", "give one of them"))
    if str(file) != "-" and file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    if source is None:
        text = starter_text() if template is None else template_text(template)
    else:
        from gpumix.verbs.init import inventory_from

        text = inventory_from(source, date.today())
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    with atomic(file) as beside:
        beside.write_text(text, encoding="utf-8")
    verb = "tco" if template in cases() else "plan"
    typer.echo(f"Wrote {file}. Next: edit it, then\n  gpumix {verb} {file}")
