"""`gpumix tco`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag


def tco(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Case file (docs/tco-case.md).")],
    as_json: JsonFlag = False,
    html: Annotated[Path | None, typer.Option(help="File for the page.")] = None,
    csv: Annotated[Path | None, typer.Option(help="File for the ledger's entries.")] = None,
    costs: Annotated[
        str | None,
        typer.Option(help="full, or marginal: what recurs."),
    ] = None,
    xlsx: Annotated[Path | None, typer.Option(help="File for the workbook.")] = None,
) -> None:
    """Cost the ways of having GPUs: buy, lease, colocate, reserve, rent, API; cash and NPV.

    Example: gpumix tco examples/tco-dhaka.yaml

    Example: gpumix tco examples/tco-frankfurt.yaml --html tco.html --xlsx tco.xlsx
    """
    from datetime import date

    from gpumix.publish import atomic, check_file
    from gpumix.report import export
    from gpumix.report.tco import entries_csv, tco_html
    from gpumix.report.terminal import bar
    from gpumix.report.terminal_tco import show_tco
    from gpumix.report.workbook import tco_workbook
    from gpumix.verbs.tco import tco_file

    for path in (html, csv, xlsx):
        if path is not None:
            check_file(path)
    with bar("drawing") as progress:
        found = tco_file(case, progress=progress, costs=costs)
    if html is not None:
        with atomic(html) as beside:
            beside.write_text(tco_html(found.answer, found.entries), encoding="utf-8")
    if csv is not None:
        every = [entry for rows in found.entries.values() for entry in rows]
        with atomic(csv) as beside:
            beside.write_text(entries_csv(every), encoding="utf-8")
    if xlsx is not None:
        with atomic(xlsx) as beside:
            beside.write_bytes(tco_workbook(found.answer, found.entries, date.today()))
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found.answer)))
        return
    show_tco(found.answer, console(), str(case), None if html is None else str(html))
