"""`gpumix plan`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from gpumix.cli.console import console
from gpumix.cli.options import (
    AnswerFormat,
    Details,
    Effort,
    Format,
    JsonFormat,
    Measured,
    TimeLimit,
)

if TYPE_CHECKING:
    from gpumix.plan.effort import Work
    from gpumix.verbs.plan import Overrides

NOT_PROVEN = 3


def plan(
    inventory: Annotated[
        list[Path],
        typer.Argument(
            help="The inventory, a YAML file; or a plan.json, or its folder. Of several each is "
            "planned, and one table tells of all."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for plan.json, report.html, entries.csv, problem.json; of several plans "
            "each has a folder of its name in it."
        ),
    ] = None,
    scenarios: Annotated[
        bool,
        typer.Option("--scenarios", help="Also plan each of the inventory's scenarios."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Of several plans: how many at a time."),
    ] = None,
    on: Annotated[
        str,
        typer.Option(help="Of several plans: where, local, ray or ray://HOST:PORT (gpumix[ray])."),
    ] = "local",
    measured: Measured = None,
    estimated_terms: Annotated[
        bool | None,
        typer.Option(
            "--estimated-terms/--published-terms",
            help="Also use commitments that nobody lists, by the usual ratios of their tier; "
            "default: supply.cloud.estimated_terms.",
            show_default=False,
        ),
    ] = None,
    tiers: Annotated[
        str | None,
        typer.Option(
            help="Providers to rent from: any, or some of hyperscaler, neocloud, marketplace, "
            "reseller with commas between them; default: supply.cloud.tiers."
        ),
    ] = None,
    effort: Annotated[
        Effort,
        typer.Option(
            help="How much work the searches may do; never a time. Thorough takes minutes, and "
            "plans the hours of a week in finer blocks too."
        ),
    ] = Effort.NORMAL,
    time_limit_s: TimeLimit = None,
    xlsx: Annotated[
        Path | None,
        typer.Option(help="File for the workbook: ledger, cash, mix, assumptions, prices."),
    ] = None,
    memo: Annotated[
        Path | None,
        typer.Option(help="File for a memo of one A4 page: HTML that prints, or Markdown for .md."),
    ] = None,
    details: Details = False,
    format: AnswerFormat = Format.TERMINAL,
    as_json: JsonFormat = False,
) -> int:
    """Plan the simplest mix within 2 % of the cheapest, and write the report.

    Exit code 3 where no plan keeps every promise, the one written breaks one, or so little is
    proven that it may cost over a quarter too much. Given a plan made before, it makes that plan
    again from what its folder holds.

    Example: gpumix plan team.yaml

    Example: gpumix plan gpumix-out/team

    Example: gpumix plan teams/*.yaml --out plans
    """
    from gpumix.errors import InputError, Problem
    from gpumix.verbs.plan import Overrides, work_of

    told, parent = Format.JSON if as_json else format, Path("gpumix-out")
    overrides, work = Overrides(estimated_terms, tiers), work_of(effort.value, time_limit_s)
    if scenarios or len(inventory) > 1:
        if xlsx or memo:
            fix = "gpumix plan DIR/NAME --xlsx FILE, of a plan that was made"
            raise InputError(Problem("--xlsx, --memo", "go with a single plan", fix))
        from gpumix.cli.sweeps import run_sweep

        folder = out or (parent / f"{_name(inventory[0])}-scenarios" if scenarios else parent)
        return run_sweep(inventory, scenarios, folder, on, workers, measured, told, overrides, work)
    return run(
        inventory[0],
        out or parent / _name(inventory[0]),
        measured,
        told,
        overrides=overrides,
        work=work,
        xlsx=xlsx,
        memo=memo,
        details=details,
    )


def _name(inventory: Path) -> str:
    """What a plan's folder is called: like the file, or like the folder planned before."""
    inventory = inventory.parent if inventory.name == "plan.json" else inventory
    return inventory.resolve().name if inventory.is_dir() else inventory.stem


def run(
    inventory: Path,
    folder: Path,
    measured: Path | None,
    format: Format,
    beside: Mapping[str, str] = MappingProxyType({}),
    shown: Path | None = None,
    overrides: Overrides | None = None,
    work: Work | None = None,
    xlsx: Path | None = None,
    memo: Path | None = None,
    details: bool = False,
) -> int:
    """Plan into a folder and print the answer; next steps name the inventory `shown`.

    The exit code: 3 where the plan breaks a promise, or so little is proven that it may be far too
    dear.
    """
    from gpumix.plan.effort import NORMAL
    from gpumix.publish import atomic, check_file, check_folder
    from gpumix.report import export, markdown
    from gpumix.report.memo import memo_html, memo_markdown
    from gpumix.report.terminal import show_plan, spinner
    from gpumix.report.terminal_answer import show_answer
    from gpumix.report.workbook import plan_workbook
    from gpumix.verbs.plan import AS_WRITTEN, FILES, UNPROVEN_GAP, plan_into

    check_folder(folder, FILES)
    for path in (xlsx, memo):
        if path is not None:
            check_file(path)
    with spinner() as progress:
        planned = plan_into(
            folder, inventory, progress, measured, beside, overrides or AS_WRITTEN, work or NORMAL
        )
    made = planned.plan
    if xlsx is not None:
        with atomic(xlsx) as new:
            new.write_bytes(plan_workbook(made, planned.entries))
    if memo is not None:
        page = memo_markdown(made) if memo.suffix == ".md" else memo_html(made)
        with atomic(memo) as new:
            new.write_text(page, encoding="utf-8")
    if format is Format.JSON:
        typer.echo(export.to_json(export.plan_to_dict(made)))
    elif format is Format.MD:
        typer.echo(markdown.plan_markdown(made), nl=False)
    else:
        report, saved = str(folder / "report.html"), str(folder / "plan.json")
        if details:
            named = str(shown or inventory)
            show_plan(made, console(), inventory=named, report=report, saved=saved)
        else:
            show_answer(made, console(), report=report, saved=saved)
    broken = any(not check.kept for workload in made.workloads for check in workload.slo)
    return NOT_PROVEN if broken or made.gap > UNPROVEN_GAP else 0
