"""`gpumix prices compare` and `gpumix prices history`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag

Kind = Annotated[
    str | None,
    typer.Option(
        "--purchase",
        help="on_demand, spot, reserved (any length), reserved_1y or reserved_3y; default all.",
    ),
]


def prices_compare(
    gpus: Annotated[
        list[str],
        typer.Argument(
            help="Two or more GPUs; the first is the measure.", autocompletion=names.gpus
        ),
    ],
    purchase: Kind = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Your own rates (CSV); they override the catalogue.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure what GPUs cost over the first: paired within provider, region and purchase.

    A family is read as the form that most providers list; the answer says which.

    Example: gpumix prices compare h100 a100 l40s
    """
    from gpumix.report import export
    from gpumix.verbs.price_trends import compare_prices

    found = compare_prices(gpus, purchase, sheet, date.today())
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    from gpumix.report.terminal import show_prices
    from gpumix.report.views import prices as view

    show_prices(
        view.ratio_headlines(found),
        view.meant_words(found.gpus),
        [view.ratio_table(found)],
        console(),
        following=[f"gpumix prices history {found.gpus[0].gpu}"],
        minor=view.MINOR_OF_RATIOS,
    )


def prices_history(
    gpu: Annotated[
        str,
        typer.Argument(
            help="GPU id, family or size: h100-sxm-80gb, h100, 8xH100.", autocompletion=names.gpus
        ),
    ],
    purchase: Kind = None,
    html: Annotated[Path | None, typer.Option(help="Page with charts to write.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what a GPU cost over time, by purchase and tier: median, range, count, age, source.

    Example: gpumix prices history 8xH100 --purchase on_demand
    """
    from gpumix.publish import atomic, check_file
    from gpumix.report import export, prices
    from gpumix.report.views import prices as view
    from gpumix.verbs.price_trends import price_history

    if html is not None:
        check_file(html)
    found = price_history(gpu, purchase, date.today())
    if html is not None:
        with atomic(html) as beside:
            beside.write_text(prices.history_html(found), encoding="utf-8")
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    from gpumix.report.terminal import show_prices

    show_prices(
        [view.history_headline(found)],
        view.history_remarks(found),
        [view.summary_table(found), *view.month_tables(found)],
        console(),
        following=[f"open {html}"] if html else [f"gpumix prices list --gpu {found.gpu.gpu}"],
        minor=view.MINOR_OF_HISTORY,
    )
