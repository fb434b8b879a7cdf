"""`gpumix calibrate`: result files into the project's folder, and what that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gpumix.catalog import MEASUREMENTS, Catalog, load
from gpumix.domain.cells import numbers_in
from gpumix.domain.measurement import Calibration, ResultFile
from gpumix.errors import InputError, Problem
from gpumix.files import write_columns
from gpumix.inventory.results import COLUMNS, Measured, Results, Stated, read_results
from gpumix.predict.calibrate import SUSPICIOUS, SUSPICIOUS_COUNT, change, speed_ratio
from gpumix.predict.inference import predict_inference
from gpumix.predict.training import predict_training
from gpumix.predict.training_rows import METRICS as TRAINING_METRICS
from gpumix.verbs.words import NO_CONFIGS

STORE = Path(".gpumix")
"""The project's folder, beside the inventory or in the working folder."""

SAME_VALUE = 0.005
"""Two rows that ask the same and answer within this share are one measurement, read twice."""

Rows = list[dict[str, str]]
Columns = Mapping[str, Sequence[str]]


def find_store(measured: Path | None, beside: Path | None = None) -> Path | None:
    """The folder of measurements to use: the named one, the inventory's, the working folder's.

    Raises: InputError where a named folder holds none.
    """
    if measured is not None:
        if not (measured / MEASUREMENTS).is_file():
            fix = "`gpumix calibrate RESULTS --store DIR` makes one"
            raise InputError(Problem(f"--measured {measured}", f"holds no {MEASUREMENTS}", fix))
        return measured
    folders = [] if beside is None else [beside.parent / STORE]
    return next((f for f in (*folders, STORE) if (f / MEASUREMENTS).is_file()), None)


def calibrate(
    paths: Sequence[Path],
    stated: Stated,
    store: Path,
    confirmed: bool = False,
    configs: Mapping[str, Path] = NO_CONFIGS,
) -> Calibration:
    """Read result files, store their rows, and tell what predictions make of them.

    A file in doubt (what it was measured on is open, or its speed is not of what it names) is kept
    out until `confirmed`. `configs` are models of the team's own, by name.

    Raises: InputError with every problem of every file; nothing is stored then.
    """
    plain = load(configs=configs)
    kept = _rows_of(plain.with_measured(store).measured)
    results = read_results(paths, stated, plain)
    doubts = _doubts(results, plain)
    files: list[ResultFile] = []
    fresh: Rows = []
    numbered = count(1 + max((_number(row["id"]) for row in kept), default=0))
    for one, doubt in zip(results.files, doubts, strict=True):
        named = _shown(one.name)
        if doubt and not confirmed:
            files.append(ResultFile(named, one.tool, len(one.rows), 0, one.note, doubt))
            continue
        new = [row for row in one.rows if not _is_known(row, (*kept, *fresh))]
        fresh += [row | {"id": f"m{next(numbered)}", "source": named} for row in new]
        files.append(ResultFile(named, one.tool, len(one.rows), len(new), one.note))
    if fresh:
        write_columns(store / MEASUREMENTS, _columns((*kept, *fresh)))
    after = plain.with_measured(store)
    ids = {row["id"] for row in fresh}
    found = change(plain, after, ids)
    return Calibration(
        store=str(store / MEASUREMENTS),
        total=len(kept) + len(fresh),
        files=tuple(files),
        deployments=found.deployments,
        moved=found.moved,
        points=found.points,
        warnings=found.warnings,
    )


def _shown(name: str) -> str:
    """The file's own name: a path says where it lay on one machine."""
    return Path(name).name


def _rows_of(columns: Columns) -> Rows:
    names = list(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _columns(rows: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    more = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    return {name: [row.get(name, "") for row in rows] for name in (*COLUMNS, *more)}


def _number(identity: str) -> int:
    digits = identity.removeprefix("m")
    return int(digits) if digits.isdigit() else 0


def _is_known(row: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> bool:
    asked = [name for name in COLUMNS if name not in ("id", "value", "source")]
    return any(
        all(row.get(name, "") == other.get(name, "") for name in asked)
        and abs(float(other["value"]) / float(row["value"]) - 1.0) <= SAME_VALUE
        for other in others
    )


def _doubts(results: Results, catalog: Catalog) -> list[str]:
    """Why each file should be kept out, or ''.

    Raises: InputError for rows that no prediction can be compared with, each with its reason.
    """
    problems: list[Problem] = []
    found = []
    for one in results.files:
        doubts = list(one.doubts)
        for training, predict in ((False, predict_inference), (True, predict_training)):
            chosen = [
                i for i, r in enumerate(one.rows) if (r["metric"] in TRAINING_METRICS) == training
            ]
            if not chosen:
                continue
            columns = _columns([one.rows[i] for i in chosen])
            out: Mapping[str, Any] = predict(columns, catalog=catalog)
            predicted = numbers_in(out["value"])
            for i, value, note in zip(chosen, predicted, out["note"], strict=True):
                problem = Problem(one.places[i], f"no prediction to compare it with: {note}")
                if np.isnan(value) and problem not in problems:
                    problems.append(problem)
            if not np.isnan(predicted).any():
                doubts += _speed_doubt(one, columns, speed_ratio(columns, predicted))
        found.append("; ".join(doubts))
    if problems:
        raise InputError(problems)
    return found


def _speed_doubt(one: Measured, columns: Columns, ratio: float | None) -> Iterator[str]:
    """Whether a file's speed is that of what it is said to be measured on."""
    most = SUSPICIOUS if one.counts_gpus else SUSPICIOUS_COUNT
    if ratio is None or 1.0 / most <= ratio <= most:
        return
    part = f"{columns['n_gpus'][0] or '1'} x {columns['gpu'][0]}"
    ask = "another GPU, model, layout or precision?"
    if not one.counts_gpus:
        ask = "nobody says how many GPUs there were (--n-gpus, --tp, --dp)"
    yield f"{ratio:.2g} times the speed predicted for {part}: {ask}"
