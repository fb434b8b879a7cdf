"""`gpumix predict inference` and `gpumix predict training`."""

from __future__ import annotations

from pathlib import Path

import typer

from gpumix.cli.options import GpuSheet, Measured, ModelSheet, Nearest, Out, Points


def predict_inference(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    measured: Measured = None,
    nearest: Nearest = False,
) -> None:
    """Predict serving speed and latency for a table of points.

    Example: gpumix predict inference --points questions.csv --out answers.csv
    """
    _predict("inference", points, out, nearest, measured, gpus=gpus, models=models)


def predict_training(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    measured: Measured = None,
    nearest: Nearest = False,
) -> None:
    """Predict training speed and memory for a table of points.

    Example: gpumix predict training --points jobs.csv --out answers.csv
    """
    _predict("training", points, out, nearest, measured, gpus=gpus, models=models)


def _predict(
    work: str, points: Path, out: Path, nearest: bool, measured: Path | None,
    **sheets: Path | None,
) -> None:  # fmt: skip
    from gpumix.files import read_columns, write_columns
    from gpumix.report.terminal import spinner
    from gpumix.verbs.predict import predict_columns

    with spinner() as progress:
        progress(f"reading {points}")
        columns = read_columns(points)
        progress(f"predicting {len(next(iter(columns.values()), []))} rows")
        answers = predict_columns(work, columns, measured, nearest=nearest, **sheets)
        write_columns(out, answers)
    values = list(answers["value"])
    answered = sum(v is not None and v == v for v in values)
    typer.echo(f"{answered} of {len(values)} rows predicted, in {out}. Next:\n  gpumix backtest")
