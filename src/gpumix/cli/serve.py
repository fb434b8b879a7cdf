"""`gpumix serve` and `gpumix mcp`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path,
    typer.Argument(metavar="[DIR]", help="Folder of plans and fleets to show, and to write to."),
]
DEFAULT = Path("gpumix-out")


def serve(
    folder: Folder = DEFAULT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8642,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with a word that every request must name, as Bearer or password."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Plans made at once.")] = 1,
) -> None:
    """Show plans, comparisons, prices and fleets as pages, and answer the same over REST.

    Nothing is sent anywhere; it needs the extra: pip install 'gpumix[web]'.

    Example: gpumix serve

    Example: gpumix serve gpumix-out --host 0.0.0.0 --token-file token.txt --workers 2
    """
    from gpumix.cli.extras import wanted

    with wanted("web"):
        from gpumix.web.server import run
    from gpumix.web.settings import checked_settings

    settings = checked_settings(folder, host, port, token_file, workers)
    typer.echo(f"gpumix is at http://{host}:{port} and shows {folder}; Ctrl-C ends it", err=True)
    run(settings)


def mcp(folder: Folder = DEFAULT) -> None:
    """Offer an assistant tools that read: plan, compare, explain, prices, audit, over stdio.

    Nothing is written and no other folder is read; it needs the extra: pip install 'gpumix[mcp]'.

    Example: gpumix mcp

    Example: gpumix mcp gpumix-out
    """
    from gpumix.cli.extras import wanted

    with wanted("mcp"):
        from gpumix.web.mcp import run
    run(folder)
