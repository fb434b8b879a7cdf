"""The command line: one file a verb, options and nothing else.

Exit codes: docs/contracts.md. With --json, stdout is only JSON; progress goes to stderr, on a
terminal only.
"""

from __future__ import annotations

import sys

import typer

from gpumix.cli import (
    backtest,
    boundary,
    calibrate,
    compare,
    explain,
    init,
    plan,
    predict,
    prices,
    simulate,
    solve,
)

app = typer.Typer(
    name="gpumix",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Which GPUs to buy, rent or keep: the cheapest mix that keeps every promise.",
)
predict_app = typer.Typer(no_args_is_help=True, help="Predictions for a table of points.")
prices_app = typer.Typer(no_args_is_help=True, help="The price catalogue.")
app.add_typer(predict_app, name="predict")
app.add_typer(prices_app, name="prices")

app.command()(init.init)
app.command()(plan.plan)
app.command()(compare.compare)
app.command()(simulate.simulate)
app.command()(solve.solve)
app.command()(backtest.backtest)
app.command()(calibrate.calibrate)
app.command()(explain.explain)
predict_app.command("inference")(predict.predict_inference)
predict_app.command("training")(predict.predict_training)
prices_app.command("list")(prices.prices_list)


def main() -> None:
    """Run the command line; errors become a message and an exit code."""
    sys.exit(boundary.run(lambda: app(standalone_mode=False)))
