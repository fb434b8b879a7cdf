"""`gpumix prices list`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag


def prices_list(
    gpu: Annotated[
        str | None,
        typer.Option(
            help="GPU id, family or size: h100-sxm-80gb, h100, 8xH100; default all.",
            autocompletion=names.gpus,
        ),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Provider; default all.", autocompletion=names.providers)
    ] = None,
    country: Annotated[str | None, typer.Option(help="ISO country; default all.")] = None,
    purchase: Annotated[
        str | None,
        typer.Option(
            help="on_demand, spot, reserved (any length), reserved_1y or reserved_3y; default all."
        ),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Your own rates (CSV); they override the catalogue.")
    ] = None,
    derived: Annotated[
        bool,
        typer.Option(
            "--derived", help="Also commitments that gpumix estimates; nobody lists them."
        ),
    ] = False,
    superseded: Annotated[
        bool, typer.Option("--all", help="Also older offers, each with the one that replaced it.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the offers of the catalogue, cheapest per GPU-hour first.

    Example: gpumix prices list --gpu 8xH100 --purchase spot
    """
    from gpumix.report import export
    from gpumix.report.views import prices as view
    from gpumix.verbs.prices import doubts, list_offers

    today = date.today()
    found = list_offers(gpu, provider, country, purchase, sheet, today, derived, superseded)
    for doubt in doubts([one.offer for one in found if one.replaced_by is None]):
        typer.echo(doubt, err=True)
    if as_json:
        typer.echo(export.to_json({"offers": [export.offer_to_dict(one, today) for one in found]}))
        return
    if not found:
        typer.echo("no offer matches; leave an option out to see more", err=True)
        return
    from gpumix.report.terminal import show_tables

    following = f"gpumix prices history {found[0].offer.gpu}"
    show_tables([view.offers_table(found, today)], console(), following, view.MINOR_OF_OFFERS)
