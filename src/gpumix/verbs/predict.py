"""`gpumix predict`: a table of questions in, the table of answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gpumix.catalog import load
from gpumix.predict.inference import predict_inference
from gpumix.predict.nearest import nearest_columns, nearest_serving, nearest_training
from gpumix.predict.simulated import DEFAULT_REQUESTS
from gpumix.predict.training import predict_training
from gpumix.verbs.calibrate import find_store
from gpumix.verbs.words import NO_CONFIGS


def predict_columns(
    work: str,
    columns: Mapping[str, Sequence[str]],
    measured: Path | None = None,
    *,
    nearest: bool = False,
    gpus: Path | None = None,
    models: Path | None = None,
    configs: Mapping[str, Path] = NO_CONFIGS,
    requests: int = DEFAULT_REQUESTS,
    seed: int = 0,
) -> dict[str, Sequence[Any]]:
    """Answers to a table of points of `work` inference or training; with `nearest`, beside each
    the packaged measurement nearest to it. `requests` and `seed` are of simulated runs of serving.

    Raises: InputError where columns or sheets are wrong.
    """
    catalog = load(gpus=gpus, models=models, measured=find_store(measured), configs=configs)
    training = work == "training"
    predicted: Any
    if training:
        predicted = predict_training(columns, catalog=catalog)
    else:
        predicted = predict_inference(columns, catalog=catalog, requests=requests, seed=seed)
    if not nearest:
        return dict(predicted)
    found = (nearest_training if training else nearest_serving)(columns, catalog)
    return {**predicted, **nearest_columns(found)}
