"""`gpumix prices list`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag

REFUSED = 2
"""Exit code where a row may not be used."""


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
    from gpumix.verbs.prices import list_offers

    found = list_offers(gpu, provider, country, purchase, sheet, derived, superseded)
    today = date.today()
    if as_json:
        typer.echo(export.to_json({"offers": [export.offer_to_dict(one, today) for one in found]}))
        return
    if not found:
        typer.echo("no offer matches; leave an option out to see more", err=True)
        return
    from gpumix.report.terminal import show_tables

    following = f"gpumix prices history {found[0].offer.gpu}"
    show_tables([view.offers_table(found, today)], console(), following, view.MINOR_OF_OFFERS)


def prices_check(
    sheet: Annotated[
        Path | None, typer.Argument(help="Price sheet (CSV); default: the packaged prices.")
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Check every price of a sheet: what is refused, and what is used with a mark.

    Exit code 2 where a row is refused. Example: gpumix prices check my-prices.csv
    """
    from gpumix.report import export
    from gpumix.report.views import price_check as view
    from gpumix.verbs.prices import check

    found = check(sheet)
    if as_json:
        typer.echo(export.to_json(export.price_check_to_dict(found)))
    else:
        from gpumix.report.terminal import show_tables

        typer.echo(view.summary(found))
        show_tables(view.tables(found), console(), view.following(found))
    return REFUSED if found.refused else 0
