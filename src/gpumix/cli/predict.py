"""`gpumix predict inference` and `gpumix predict training`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gpumix.cli.options import GpuSheet, Measured, ModelConfig, ModelSheet, Nearest, Out, Points
from gpumix.domain.bounds import RUN_REQUESTS
from gpumix.errors import NoEstimate

RunRequests = Annotated[
    int,
    typer.Option(
        "--requests",
        min=int(RUN_REQUESTS[0]),
        max=int(RUN_REQUESTS[1]),
        help="Requests of a simulated run at a stated rate, where the column requests is empty; "
        "0: bursts and rates in closed form.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of simulated runs; same seed, same answers.")]


def predict_inference(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    model_config: ModelConfig = None,
    measured: Measured = None,
    nearest: Nearest = False,
    requests: RunRequests = 1_000,
    seed: Seed = 0,
) -> None:
    """Predict serving speed and latency for a table of points.

    Example: gpumix predict inference --points questions.csv --out answers.csv
    """
    from gpumix.verbs.words import configs_of

    _predict(
        "inference", points, out, nearest, measured,
        gpus=gpus, models=models, configs=configs_of(model_config), requests=requests, seed=seed,
    )  # fmt: skip


def predict_training(
    points: Points,
    out: Out,
    gpus: GpuSheet = None,
    models: ModelSheet = None,
    model_config: ModelConfig = None,
    measured: Measured = None,
    nearest: Nearest = False,
) -> None:
    """Predict training speed and memory for a table of points.

    Example: gpumix predict training --points jobs.csv --out answers.csv
    """
    from gpumix.verbs.words import configs_of

    _predict(
        "training",
        points,
        out,
        nearest,
        measured,
        gpus=gpus,
        models=models,
        configs=configs_of(model_config),
    )


def _predict(
    work: str, points: Path, out: Path, nearest: bool, measured: Path | None,
    **given: Any,
) -> None:  # fmt: skip
    from gpumix.files import read_columns, write_columns
    from gpumix.publish import check_file
    from gpumix.report.terminal import spinner
    from gpumix.verbs.predict import predict_columns

    check_file(out)
    with spinner() as progress:
        progress(f"reading {points}")
        columns = read_columns(points)
        progress(f"predicting {len(next(iter(columns.values()), []))} rows")
        answers = predict_columns(work, columns, measured, nearest=nearest, **given)
        write_columns(out, answers)
    rows = len(answers["value"])
    without = [i for i, value in enumerate(answers["value"]) if value is None or value != value]
    if len(without) == rows:
        raise NoEstimate(_why_nothing(out, [str(note) for note in answers["note"]]))
    said = f"{rows - len(without)} of {rows} rows predicted, in {out}."
    simulated = sum(str(basis) == "simulated" for basis in answers["basis"])
    if simulated:
        said += f" {simulated} were simulated, with the requests that their notes state."
    if not without:
        typer.echo(f"{said} Next:\n  gpumix backtest")
        return
    first = without[0]
    name = f"row {first + 1} (id {str(answers['id'][first])[:40]})"
    typer.echo(f"{said}\n{len(without)} without, the first: {name}: {answers['note'][first]}")


def _why_nothing(out: Path, notes: Sequence[str]) -> str:
    """What to say where no row has an answer: the most frequent reason."""
    if not notes:
        return f"0 of 0 rows predicted, in {out}: the table holds no rows"
    (reason, count), *_ = Counter(notes).most_common(1)
    return f"0 of {len(notes)} rows predicted, in {out}; {count} of them: {reason}"
