"""`gpumix observe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def observe(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Files of telemetry (docs/contracts.md), addresses of Prometheus.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the fleet; what is there is added to.")],
    declare: Annotated[
        Path | None, typer.Option(help="What only the owner can say, JSON or YAML.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="From when on a server is asked; default: all it has.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Until when a server is asked.")] = None,
) -> None:
    """Read what a fleet did, from any mix of sources, into one dated folder.

    Example: gpumix observe samples.parquet sacct.txt pods.json --out fleet --declare declared.yaml
    """
    from gpumix.cli.console import console
    from gpumix.report.terminal_fleet import show_fleet
    from gpumix.verbs.observe import observe_sources

    show_fleet(observe_sources(sources, out, declare, start, end), console())
