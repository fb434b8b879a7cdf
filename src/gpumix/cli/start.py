"""`gpumix start`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.errors import InputError, Problem


def start(
    file: Annotated[Path, typer.Argument(help="Inventory to write.")] = Path("inventory.yaml"),
    answers: Annotated[
        Path | None,
        typer.Option(
            help="YAML with work, model, load, country, monthly_bill, in place of the questions."
        ),
    ] = None,
) -> None:
    """Ask five questions, write an inventory, and say what the work would cost.

    Enter takes the default that is printed. A bad answer is asked again; in a file of --answers
    all bad ones are refused at once.

    Example: gpumix start team.yaml --answers answers.yaml
    """
    from gpumix.report.views.start import lines
    from gpumix.verbs.start import read_answers
    from gpumix.verbs.start import start as started

    if file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    stated = read_answers(answers) if answers is not None else _asked()
    for line in lines(started(stated, file)):
        typer.echo(line)


def _asked() -> dict[str, str]:
    """The answers of a person at the terminal; a bad one is asked again."""
    from gpumix.catalog import load
    from gpumix.verbs.start import KEYS, checked, questions

    catalog = load()
    stated: dict[str, str] = {}
    for key in KEYS:
        question = next(one for one in questions(catalog, stated.get("work", "")) if one.key == key)
        while True:
            try:
                said = typer.prompt(question.asks, default=question.default, err=True)
            except typer.Abort:
                fix = "press Enter for a default, or name --answers FILE"
                raise InputError(Problem(key, "was not answered", fix)) from None
            try:
                checked({**stated, key: said}, catalog)
            except InputError as error:
                for problem in error.problems:
                    typer.echo(f"  {problem.message}", err=True)
                continue
            if said != question.default:
                stated[key] = said
            break
    return stated
