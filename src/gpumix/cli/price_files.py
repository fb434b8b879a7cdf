"""`gpumix prices import` and `gpumix prices refresh`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag
from gpumix.errors import InputError, Problem

if TYPE_CHECKING:
    from gpumix.domain.price_import import ImportedPrices


def prices_import(
    files: Annotated[list[Path], typer.Argument(help="Price files of other tools, or bills.")],
    out: Annotated[
        Path, typer.Option(help="Price sheet to write; the newer rows of one that exists stay.")
    ],
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            help="auto, skypilot, gpuhunt, azure-retail, aws-savings-plan, aws-index, focus,"
            " ewyluda, toolshedlabs, cyclenerd, page or negotiated.",
        ),
    ] = "auto",
    provider: Annotated[
        str, typer.Option(help="Provider of all rows, if the file does not name it.")
    ] = "",
    as_of: Annotated[
        str,
        typer.Option(help="Day on which the prices were true, if the file does not say."),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Import another tool's prices, a price list, a quotation or a bill as a price sheet.

    Example: gpumix prices import vms.csv --as-of 2026-11-01 --out prices.csv
    """
    from gpumix.report.terminal import spinner
    from gpumix.verbs.import_prices import import_prices

    with spinner() as progress:
        progress(f"reading {len(files)} files")
        found = import_prices(files, out, format_name, provider, as_of)
    _show(found, out, as_json=as_json)


def prices_refresh(
    out: Annotated[
        Path | None, typer.Option(help="Price sheet to write; default: in the user's cache.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="azure, gpuhunt, cyclenerd, ewyluda or toolshedlabs; default all."),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(help="Folder with a price_sources.csv of other addresses (mirrors)."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch today's prices from public sources that need no key, as a price sheet.

    Example: gpumix prices refresh --source azure --out prices.csv
    """
    from gpumix.report import export
    from gpumix.report.terminal import show_tables, spinner
    from gpumix.report.views import price_imports
    from gpumix.verbs.refresh_prices import refresh_prices

    with spinner() as progress:
        done = refresh_prices(out, source or (), sources, progress)
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(done)))
    else:
        typer.echo(price_imports.import_summary(done.found))
        sheet = done.found.sheet
        following = f"gpumix prices list --sheet {sheet}" if sheet else ""
        tables = (price_imports.sources_table(done), *price_imports.import_tables(done.found)[1:])
        show_tables(tables, console(), following, ("what",))
    if all(one.failure for one in done.sources):
        fix = "check the network; the packaged prices and earlier sheets are as they were"
        raise InputError(Problem("", "no price source answered", fix))


def _show(found: ImportedPrices, out: Path, *, as_json: bool) -> None:
    """Print what was imported. Raises: InputError where no row became an offer."""
    from gpumix.report import export
    from gpumix.report.terminal import show_tables
    from gpumix.report.views import price_imports

    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
    else:
        typer.echo(price_imports.import_summary(found))
        following = f"gpumix prices list --sheet {out}" if found.offers else ""
        show_tables(price_imports.import_tables(found), console(), following, ("what",))
    if not found.offers and not found.superseded:
        fix = "the reasons are listed above; `--json` has every row"
        raise InputError(Problem("", "no row gives a price: nothing was written", fix))
