"""`gpumix replan`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import AnswerFormat, Effort, Format, JsonFormat, Measured


def replan(
    plan: Annotated[Path, typer.Option(help="The plan that there is: a plan.json or its folder.")],
    fleet: Annotated[
        Path | None,
        typer.Argument(
            metavar="FLEET",
            help="Folder of observe: its GPUs go before those the plan has. Without it the plan "
            "counts as followed.",
            show_default=False,
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(help="Price sheet (CSV, as inventories have it) that goes before the plan's."),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day from which to plan: its month, to the plan's old end. Default today.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the new plan.json, report.html, replan.json, replan.md."),
    ] = None,
    drifted: Annotated[
        bool,
        typer.Option(
            "--drifted",
            help="Plan with what `gpumix drift` finds in FLEET: demand, lengths, prices, speeds.",
        ),
    ] = False,
    bill: Annotated[
        list[Path] | None,
        typer.Option(help="FOCUS bill that --drifted takes prices from; may be given again."),
    ] = None,
    effort: Annotated[
        Effort, typer.Option(help="How much work the searches may do.")
    ] = Effort.NORMAL,
    measured: Measured = None,
    format: AnswerFormat = Format.TERMINAL,
    as_json: JsonFormat = False,
) -> None:
    """Plan from today's fleet to the plan's old end: keep the plan, or change, and when.

    What is committed is paid to its last day, what was bought stands. Going on as planned is
    planned by the same model: it stays unless another mix saves more than a change must be worth.

    Example: gpumix replan --plan gpumix-out/team

    Example: gpumix replan fleet --plan gpumix-out/team --prices new.csv --out gpumix-out/team-2
    """
    from gpumix.report import export
    from gpumix.report.difference import replan_json, replan_markdown
    from gpumix.report.terminal import spinner
    from gpumix.report.terminal_difference import show_replan
    from gpumix.verbs.plan import work_of
    from gpumix.verbs.replan import replan_fleet

    day = None if as_of is None else as_of.date()
    with spinner() as progress:
        work = work_of(effort.value, None)
        found = replan_fleet(
            plan, fleet, prices, day, out, progress, work, measured, drifted, bill or ()
        )
    told = Format.JSON if as_json else format
    if told is Format.JSON:
        typer.echo(export.to_json(replan_json(found)))
    elif told is Format.MD:
        typer.echo(replan_markdown(found), nl=False)
    else:
        show_replan(found, console(), None if out is None else str(out))
