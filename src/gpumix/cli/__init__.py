"""The command line: one file a verb, options and nothing else.

Exit codes: docs/contracts.md. With --json, stdout is only JSON; progress goes to stderr, on a
terminal only.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from gpumix import __version__
from gpumix.cli import (
    attribute,
    audit,
    backtest,
    boundary,
    calibrate,
    compare,
    demo,
    diff,
    drift,
    explain,
    export,
    fit,
    guard,
    init,
    measure,
    observe,
    plan,
    predict,
    price_files,
    price_trends,
    prices,
    replan,
    serve,
    simulate,
    site,
    solve,
    start,
    tco,
)
from gpumix.docstrings import docstring
from gpumix.errors import InputError, Problem

app = typer.Typer(
    name="gpumix",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Which GPUs to buy, rent or keep: the cheapest mix that keeps every promise.",
)
predict_app = typer.Typer(no_args_is_help=True, help="Predictions for a table of points.")
prices_app = typer.Typer(no_args_is_help=True, help="The price catalogue.")
app.add_typer(predict_app, name="predict")
app.add_typer(prices_app, name="prices")


def _add(group: typer.Typer, verb: Callable[..., int | None], name: str | None = None) -> None:
    group.command(name, help=docstring(verb))(verb)


_add(app, init.init)
_add(app, start.start)
_add(app, demo.demo)
_add(app, plan.plan)
_add(app, compare.compare)
_add(app, simulate.simulate)
_add(app, solve.solve)
_add(app, tco.tco)
_add(app, site.site)
_add(app, backtest.backtest)
_add(app, calibrate.calibrate)
_add(app, measure.measure)
_add(app, fit.fit)
_add(app, observe.observe)
_add(app, attribute.attribute)
_add(app, audit.audit)
_add(app, export.export)
_add(app, guard.guard)
_add(app, drift.drift)
_add(app, replan.replan)
_add(app, diff.diff)
_add(app, explain.explain)
_add(app, serve.serve)
_add(app, serve.mcp)
_add(predict_app, predict.predict_inference, "inference")
_add(predict_app, predict.predict_training, "training")
_add(prices_app, prices.prices_list, "list")
_add(prices_app, price_files.prices_import, "import")
_add(prices_app, price_files.prices_refresh, "refresh")
_add(prices_app, prices.prices_check, "check")
_add(prices_app, price_trends.prices_compare, "compare")
_add(prices_app, price_trends.prices_history, "history")
_add(prices_app, prices.prices_import_api, "import-api")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gpumix {__version__}")
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


def main() -> None:
    """Run the command line; errors become a message and an exit code."""
    sys.exit(boundary.run(_answer))


def _answer() -> object:
    """Do what the words of the command line ask."""
    if "" in sys.argv[1:]:
        place = f"argument {sys.argv.index('', 1)}"
        raise InputError(Problem(place, "is empty", "name something, or leave the option out"))
    return app(standalone_mode=False)
