"""`gpumix diff`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import Effort, JsonFormat, Measured

FAILED = 4
"""A condition asked about is met."""


class DiffFormat(StrEnum):
    """How a difference is told."""

    TEXT = "text"
    MD = "md"
    GITHUB = "github"
    JSON = "json"


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="A", help="A plan.json, its folder, or an inventory.")
    ],
    after: Annotated[Path, typer.Argument(metavar="B", help="The same, to compare with it.")],
    format: Annotated[
        DiffFormat,
        typer.Option(
            "--format",
            help="text, md, json; github writes comment.md and summary.md to --out for a "
            "workflow to post.",
        ),
    ] = DiffFormat.TEXT,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with 4 where this holds: monthly_usd>+10%, horizon_usd>+50k, gpus>64, "
            "promises_broken>0; may be given again, or several with commas."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for what --format github writes.")
    ] = None,
    name: Annotated[
        str, typer.Option(help="With --format github: tells comments of several inventories apart.")
    ] = "",
    effort: Annotated[
        Effort, typer.Option(help="How much work planning an inventory may do.")
    ] = Effort.NORMAL,
    measured: Measured = None,
    as_json: JsonFormat = False,
) -> int:
    """Compare two plans: dollars, mix, promises, prices, and why they differ.

    What is an inventory is planned first. Exit code 4 where a condition of --fail-if holds.

    Example: gpumix diff gpumix-out/team team.yaml

    Example: gpumix diff old/plan.json new/plan.json --format md --fail-if "monthly_usd>+10%"
    """
    from gpumix.errors import InputError, Problem
    from gpumix.publish import check_folder, write_set
    from gpumix.report import export
    from gpumix.report.difference import (
        COMMENT,
        SUMMARY,
        comment_markdown,
        difference_json,
        difference_markdown,
    )
    from gpumix.report.terminal import spinner
    from gpumix.report.terminal_difference import show_difference
    from gpumix.verbs.diff import diff_plans
    from gpumix.verbs.plan import work_of

    told = DiffFormat.JSON if as_json else format
    if (told is DiffFormat.GITHUB) != (out is not None):
        fix = "gpumix diff A B --format github --out DIR"
        raise InputError(Problem("--out", "goes with --format github, and it alone", fix))
    if out is not None:
        check_folder(out, (COMMENT, SUMMARY))
    with spinner() as progress:
        work = work_of(effort.value, None)
        compared = diff_plans(before, after, fail_if or (), progress, work, measured)
    found, failed = compared.found, compared.failed
    if out is not None:
        texts = {
            COMMENT: comment_markdown(found, failed, name),
            SUMMARY: difference_markdown(found, failed),
        }
        write_set(out, texts)
    elif told is DiffFormat.JSON:
        typer.echo(export.to_json(difference_json(found, failed)))
    elif told is DiffFormat.MD:
        typer.echo(difference_markdown(found, failed), nl=False)
    else:
        show_difference(found, failed, console())
    return FAILED if failed else 0
