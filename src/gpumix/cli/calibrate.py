"""`gpumix calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli import names
from gpumix.cli.console import console
from gpumix.cli.options import JsonFlag, ModelConfig
from gpumix.errors import InputError, Problem


def calibrate(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Results of a benchmark tool (docs/calibrate.md lists them), or a CSV of points."
        ),
    ] = None,
    fleet: Annotated[
        Path | None,
        typer.Option(help="In place of files: what a fleet's replicas served (with --plan)."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="The plan that the fleet follows: plan.json or its folder.")
    ] = None,
    gpu: Annotated[
        str,
        typer.Option(
            help="GPU of the run, if the result file lacks it.", autocompletion=names.gpus
        ),
    ] = "",
    model: Annotated[
        str,
        typer.Option(help="Model name, if the result file lacks it.", autocompletion=names.models),
    ] = "",
    tp: Annotated[str, typer.Option(help="Tensor-parallel degree; default 1.")] = "",
    n_gpus: Annotated[
        str, typer.Option(help="Number of GPUs; default: what the layout needs.")
    ] = "",
    pp: Annotated[str, typer.Option(help="Pipeline-parallel degree.")] = "",
    dp: Annotated[str, typer.Option(help="Data-parallel degree.")] = "",
    ep: Annotated[str, typer.Option(help="Expert-parallel degree.")] = "",
    precision: Annotated[str, typer.Option(help="Weight precision; default bf16.")] = "",
    kv_precision: Annotated[str, typer.Option(help="KV-cache precision; default 16 bits.")] = "",
    engine: Annotated[str, typer.Option(help="Serving engine; default vllm.")] = "",
    engine_version: Annotated[str, typer.Option(help="Engine version; default the newest.")] = "",
    concurrency: Annotated[
        float | None, typer.Option(help="Requests in flight, if the file lacks them.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Requests/s offered, if the file lacks them.")
    ] = None,
    input_len: Annotated[
        float | None, typer.Option(help="Mean tokens of a prompt, if the file lacks them.")
    ] = None,
    output_len: Annotated[
        float | None, typer.Option(help="Mean tokens of an answer, if the file lacks them.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="What a CSV's values are, e.g. output_tok_s_total.")
    ] = "",
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="Column of a CSV, e.g. value=tok_s, gpu=card; repeatable."),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Store files in doubt too, as they are labelled.")
    ] = False,
    model_config: ModelConfig = None,
    store: Annotated[Path, typer.Option(help="Folder to store the measurements in.")] = Path(
        ".gpumix"
    ),
    as_json: JsonFlag = False,
) -> None:
    """Calibrate predictions on your own measurements; `plan`, `compare` and `predict` use them.

    Example: gpumix calibrate bench-*.json --gpu h100-sxm-80gb --tp 2

    Example: gpumix calibrate --fleet fleet --plan gpumix-out/team
    """
    from gpumix.inventory.results import COLUMNS, Stated
    from gpumix.report import export
    from gpumix.report.terminal import show_tables, spinner
    from gpumix.report.views import listings
    from gpumix.verbs.calibrate import calibrate as calibrate_on
    from gpumix.verbs.words import columns_of, configs_of

    stated = Stated(
        gpu, model, n_gpus, tp, pp, dp, ep, precision, kv_precision, engine, engine_version,
        concurrency, rate, input_len, output_len, metric, columns_of(columns or (), COLUMNS),
    )  # fmt: skip
    files = _files(results, fleet, plan)
    with spinner() as progress:
        progress(f"reading {fleet or f'{len(files)} files'}")
        if fleet is not None and plan is not None:
            from gpumix.verbs.calibrate_fleet import calibrate_fleet  # needs gpumix[fleet]

            found = calibrate_fleet(fleet, plan, store, confirm)
        else:
            found = calibrate_on(files, stated, store, confirm, configs_of(model_config, model))
    if as_json:
        typer.echo(export.to_json(export.record_to_dict(found)))
        return
    typer.echo(listings.calibration_summary(found))
    following = "gpumix predict inference --points questions.csv --out answers.csv"
    show_tables(listings.calibration_tables(found), console(), following, ("low", "high", "tool"))


def _files(results: list[Path] | None, fleet: Path | None, plan: Path | None) -> list[Path]:
    """Result files, or none where a fleet and its plan are named. Raises: InputError."""
    problems = []
    if (fleet is None) != (plan is None):
        problems.append(Problem("--fleet, --plan", "go together", "name both, or neither"))
    if results and fleet is not None:
        problems.append(
            Problem("--fleet", "and result files", "calibrate on one of them at a time")
        )
    if not results and fleet is None:
        problems.append(Problem("RESULTS", "none are named", "name result files, or --fleet"))
    if problems:
        raise InputError(problems)
    return results or []
