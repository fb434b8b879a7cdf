"""`gpumix explain`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag
from gpumix.errors import InputError, Problem, UnknownName, did_you_mean


def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...|PLAN [WORKLOAD]",
            help="A printed quantity or formula, e.g. tpot_p95_s; GPUs, models, providers or "
            "countries, several side by side; constants of the fit by name, and by what they hold "
            "for; or a plan.json or its folder, and a workload.",
            autocompletion=names.quantities,
        ),
    ] = None,
    list_names: Annotated[
        bool, typer.Option("--list", help="List everything that has a name here, one line each.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Explain a printed quantity: meaning, unit, formula, source; or GPUs, models, providers,
    countries: their figures with sources, side by side; or the speeds of a plan; or a constant.

    Of a plan: why each placement is as fast as it is, and the nearest measurement. Of a constant:
    its prior, what the fit made of it, and the measured rows that moved it.

    Example: gpumix explain usd_per_mtok_total

    Example: gpumix explain h100-sxm-80gb a100-sxm-80gb l40s-48gb

    Example: gpumix explain gpumix-out/team/plan.json chat

    Example: gpumix explain mfu_16bit Hopper
    """
    from gpumix.report import export
    from gpumix.verbs.explain import explain as explanation_of
    from gpumix.verbs.explain import is_quantity, listed
    from gpumix.verbs.explain_constant import is_constant, names_of_constants

    if list_names:
        _list(as_json)
        return
    if not what:
        raise InputError(Problem("NAME", "is missing", "`gpumix explain --list` lists all names"))
    name, *more = what
    path = Path(name) / "plan.json" if (Path(name) / "plan.json").is_file() else Path(name)
    if path.suffix == ".json":
        if len(more) > 1:
            raise InputError(Problem("WORKLOAD", "names several", "name one, or none for all"))
        _explain_plan(path, more[0] if more else None, as_json)
        return
    if path.suffix in (".html", ".md") or path.is_dir():
        raise InputError(Problem(name, "is not a plan", "name plan.json or its folder"))
    from gpumix.verbs.specify import is_known

    known = is_quantity(name) or is_known(name)
    if (more or not known) and is_constant(name):
        _explain_constants(what, as_json)
        return
    if more and is_quantity(name):
        raise InputError(Problem("WORKLOAD", "needs a plan", "gpumix explain plan.json WORKLOAD"))
    if more or (known and not is_quantity(name)):
        _specify(what, as_json)
        return
    try:
        explanation = explanation_of(name)
    except UnknownName as error:
        like = did_you_mean(error.name, [*names_of_constants(), *(one.name for one in listed())])
        fix = f"{like} `gpumix explain --list` names all".strip()
        raise InputError([replace(one, fix=fix) for one in error.problems]) from None
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(explanation)))
        return
    from gpumix.report.terminal import show_explanation

    show_explanation(explanation, console())


def _explain_constants(words: list[str], as_json: bool) -> None:
    from gpumix.report import export
    from gpumix.report.terminal_constants import show_constants
    from gpumix.verbs.explain_constant import explain_constants

    found = explain_constants(words)
    if as_json:
        typer.echo(export.to_json({"constants": [export.record_to_dict(one) for one in found]}))
        return
    show_constants(found, console())


def _specify(names: list[str], as_json: bool) -> None:
    from datetime import date

    from gpumix.report import export
    from gpumix.verbs.specify import specify

    found = specify(names, date.today())
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    from gpumix.report.terminal import show_specification

    show_specification(found, console())


def _list(as_json: bool) -> None:
    from gpumix.report import export
    from gpumix.verbs.explain import listed

    known = listed()
    if as_json:
        typer.echo(export.to_json({"names": [export.record_to_dict(one) for one in known]}))
        return
    from gpumix.report.terminal import show_listed

    show_listed(known, console())


def _explain_plan(path: Path, workload: str | None, as_json: bool) -> None:
    from gpumix.report import export
    from gpumix.report.terminal import show_plan_explanation
    from gpumix.verbs.explain import explain_plan

    found = explain_plan(export.read_plan(path), workload)
    if as_json:
        typer.echo(export.to_json({"placements": [export.record_to_dict(one) for one in found]}))
        return
    show_plan_explanation(found, console())
