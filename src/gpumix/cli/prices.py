"""`gpumix prices list`, `check` and `import-api`."""

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

    today = date.today()
    found = list_offers(gpu, provider, country, purchase, sheet, today, derived, superseded)
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
        show_tables(view.tables(found), console(), view.following(found, sheet is not None))
    return REFUSED if found.refused else 0


def prices_import_api(
    file: Annotated[Path, typer.Argument(help="Price map of hosted models (JSON).")],
    as_of: Annotated[str, typer.Option(help="Day the prices were true; the map has no dates.")],
    out: Annotated[Path, typer.Option(help="Sheet to write, for supply.api.prices.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a sheet of API prices out of the public price map of hosted models.

    Example: gpumix prices import-api model_prices.json --as-of 2026-11-24 --out apis.csv
    """
    from gpumix.report import export
    from gpumix.verbs.api_prices import import_api_prices

    done = import_api_prices(file, as_of, out)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(done)))
        return
    typer.echo(
        f"{done.rows:,} prices written to {done.out}: {done.same_model:,} of models of the"
        f" catalogue, {done.substitutes:,} of substitutes; {len(done.left):,} entries left out"
    )
    for reason, left in done.left_by_reason().items():
        typer.echo(f"  {reason}: {len(left):,}, such as {', '.join(left[:3])}", err=True)
