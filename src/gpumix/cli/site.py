"""`gpumix site`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag, Measured


def site(
    inventory: Annotated[Path, typer.Argument(metavar="INVENTORY", help="Inventory file.")],
    gpus: Annotated[
        str | None,
        typer.Option(
            help="GPU ids, comma-separated; default all with a known server.",
            autocompletion=names.gpus,
        ),
    ] = None,
    measured: Measured = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the racks of each site hold: servers, kW, tokens/s, by cooling.

    Example: gpumix site examples/dhaka-bank.yaml

    Example: gpumix site team.yaml --gpus l40s-48gb,h100-sxm-80gb --json
    """
    from gpumix.report import export
    from gpumix.report.terminal_site import show_rooms
    from gpumix.verbs.site import site_rooms

    found = site_rooms(inventory, gpus, measured)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
    else:
        show_rooms(found, console(), str(inventory))
