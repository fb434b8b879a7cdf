"""A team's own measurements: how they are weighed, and what taking them in has changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Prior spread of log errors, by what predictions share; data/calibration.csv.

    `engine_sigma` is shared by all deployments of an engine, `gpu_sigma` by those on one GPU of
    it, `deployment_sigma` by the points of one deployment, less with the distance in log length
    and batch (`length_scale`). `noise_sigma` is that of a measurement. The correlations are those
    of errors of different figures: of rates and steps, and of the first token with either.
    `run_share` is the share of the spread in common by which measurements of one origin may move
    what they did not measure.
    """

    engine_sigma: float
    gpu_sigma: float
    deployment_sigma: float
    noise_sigma: float
    length_scale: float
    step_correlation: float
    first_token_correlation: float
    run_share: float = 1.0


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file of results: whose it is, and how many of its rows were new.

    `note` says what was assumed in reading it, `doubt` why its rows were kept out.
    """

    name: str
    tool: str
    measurements: int
    stored: int
    note: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class CalibratedPoint:
    """A measured figure of a new file beside its prediction before and after, in `metric`'s unit.

    `left_out` is the prediction from all other runs: what an unseen load of the deployment would
    get; None where there is no other run.
    """

    measurement: str
    deployment: str
    load: str
    metric: str
    measured: float
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    left_out: float | None


@dataclass(frozen=True, slots=True)
class CalibratedDeployment:
    """Typical (median) error of a deployment's runs before, after, and of each from the others.

    `interval` is the half-width of the 80 % interval as a share, before and after.
    """

    deployment: str
    measurements: int
    error_before: float
    error_after: float
    error_left_out: float | None
    interval_before: float
    interval_after: float


@dataclass(frozen=True, slots=True)
class MovedPrediction:
    """Predictions of what was not measured: `what` they share with what was, their `change`.

    `change` is of their speed, as a share: +0.1 is 10 % faster.
    """

    what: str
    change: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What `gpumix calibrate` took in, and what it changed. `total` rows are stored now."""

    store: str
    total: int
    files: tuple[ResultFile, ...]
    deployments: tuple[CalibratedDeployment, ...]
    moved: tuple[MovedPrediction, ...]
    points: tuple[CalibratedPoint, ...]
    warnings: tuple[str, ...]
