"""`gpumix calibrate --fleet`: what a plan's replicas really served, as measured rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gpumix.domain.measurement import Calibration
from gpumix.errors import InputError, Problem
from gpumix.files import write_columns
from gpumix.inventory.results import Stated
from gpumix.loop.facts import HOUR_S
from gpumix.loop.rows import rows_of
from gpumix.loop.speed import served
from gpumix.telemetry.store import utc
from gpumix.verbs.calibrate import calibrate
from gpumix.verbs.drift import gather


def calibrate_fleet(folder: Path, plan: Path, store: Path, confirmed: bool = False) -> Calibration:
    """Store a fleet's last week of serving as measurements, and tell what predictions make of them.

    Raises: InputError with the problems of the files, or where no replicas of the plan were seen to
    serve under a known load.
    """
    facts = gather(folder, plan).facts
    rows = rows_of(facts, served(facts))
    if not rows:
        what = "shows no replicas of the plan with tokens and running requests on enough days"
        fix = "gpumix drift says what is missing"
        raise InputError(Problem(str(folder), what, fix))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"fleet-{utc(facts.span[1] * HOUR_S)[:10]}.csv"
        write_columns(path, {name: [row[name] for row in rows] for name in rows[0]})
        return calibrate([path], Stated(), store, confirmed)
