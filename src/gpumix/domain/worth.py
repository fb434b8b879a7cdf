"""What measuring is worth: what a narrower interval of a plan's speeds would save, and its cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchPoint:
    """One run of a benchmark: so many `requests`, `concurrency` of them at a time."""

    concurrency: int
    requests: int
    command: str


@dataclass(frozen=True, slots=True)
class MeasurementWorth:
    """Three measured points of one workload's deployment: what they save, and what they cost.

    `interval_now` and `interval_after` are the half-widths of the 80 % interval of speed as a
    share. `rent_usd` is the instance `rented` for `hours`, of which the runs are predicted and the
    rest assumed; None with a `note` where nobody rents it by the hour. It pays where a month's
    saving is more than the rent and than the doubt of the plan's own cost. `server` starts what
    the `points` measure and answers at `health`, `calibrate` reads what they leave; all are empty
    with a `note` where no commands are known.
    """

    name: str
    workload: str
    model: str
    gpu: str
    tp: int
    precision: str
    kv_precision: str
    engine: str
    input_tokens: int
    output_tokens: int
    interval_now: float
    interval_after: float
    saves_usd_per_month: float
    rented: str
    hours: float
    rent_usd: float | None
    pays: bool
    server: str
    health: str
    points: tuple[BenchPoint, ...]
    calibrate: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class WorthTogether:
    """Measurements that are worth it together, by name: what they save and cost in all."""

    names: tuple[str, ...]
    saves_usd_per_month: float
    rent_usd: float


@dataclass(frozen=True, slots=True)
class Worth:
    """What could be measured for a plan, what pays most first; `together` None where none pays.

    `usd_per_month` is what the plan costs, of which `doubt_usd_per_month` may be the search's.
    `setup_hours` are assumed for each measurement beside its runs.
    """

    plan: str
    usd_per_month: float
    doubt_usd_per_month: float
    setup_hours: float
    measurements: tuple[MeasurementWorth, ...]
    together: WorthTogether | None
