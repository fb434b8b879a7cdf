"""`gpumix prices`."""

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
        str | None, typer.Option(help="GPU id; default all.", autocompletion=names.gpus)
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Provider; default all.", autocompletion=names.providers)
    ] = None,
    country: Annotated[str | None, typer.Option(help="ISO country; default all.")] = None,
    purchase: Annotated[
        str | None, typer.Option(help="on_demand, spot, reserved_1y or reserved_3y.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Your own rates (CSV); they override the catalogue.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the offers of the catalogue, cheapest per GPU-hour first.

    Example: gpumix prices list --gpu h100-sxm-80gb --purchase spot
    """
    from gpumix.report import export
    from gpumix.report.views import listings
    from gpumix.verbs.prices import doubts, list_offers

    offers = list_offers(gpu, provider, country, purchase, sheet)
    for doubt in doubts(offers):
        typer.echo(doubt, err=True)
    if as_json:
        typer.echo(export.to_json({"offers": [export.record_to_dict(o) for o in offers]}))
        return
    from gpumix.report.terminal import show_tables

    following = f"gpumix compare meta-llama/Llama-3.1-8B-Instruct{f' --gpus {gpu}' if gpu else ''}"
    minor = ("gpus_per_instance", "basis", "country", "region", "age_days")
    show_tables([listings.offers_table(offers, date.today())], console(), following, minor)


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
