"""`gpumix audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import Bills, FleetFolder, JsonFlag


def audit(
    fleet: FleetFolder,
    bill: Bills = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="Price book: CSV of gpu, purchase, usd_per_gpu_hour."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Hold the fleet to this plan: a plan.json or its folder.")
    ] = None,
    off: Annotated[
        str | None, typer.Option(help="Classes not to look for, comma-separated.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="CSV of thresholds that differ (columns of data/audit_rules.csv)."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="File for the page.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--md", help="File for the report as Markdown.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Name what a fleet wastes: which class, where, how much, what to do first.

    Example: gpumix audit examples/fleet

    Example: gpumix audit fleet --bill bill.csv --prices prices.csv --html audit.html
    """
    from gpumix.domain.fleet import as_json as json_of
    from gpumix.publish import atomic, check_file
    from gpumix.report import export
    from gpumix.report.audit import audit_html, audit_markdown
    from gpumix.report.terminal_audit import show_audit
    from gpumix.verbs.audit import audit_fleet

    for path in (html, markdown):
        if path is not None:
            check_file(path)
    found = audit_fleet(fleet, bill or (), prices, plan, off, rules)
    if html is not None:
        with atomic(html) as beside:
            page = audit_html(found.answer, found.attribution, found.hours)
            beside.write_text(page, encoding="utf-8")
    if markdown is not None:
        with atomic(markdown) as beside:
            text = audit_markdown(found.answer, found.attribution)
            beside.write_text(text, encoding="utf-8")
    if as_json:
        typer.echo(export.to_json(json_of(found.answer)))
        return
    show_audit(found.answer, console(), str(fleet), None if html is None else str(html))
