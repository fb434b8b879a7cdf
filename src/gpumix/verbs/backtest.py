"""`gpumix backtest`: predictions compared with measured rows."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog import load
from gpumix.domain.backtest import Backtest
from gpumix.errors import InputError, Problem
from gpumix.files import read_columns
from gpumix.inventory.results import COLUMNS, Stated, read_results
from gpumix.predict.backtest import backtest


def backtest_file(path: Path | None, stated: Stated | None = None) -> Backtest:
    """Errors on a file of measured rows, or on the packaged evidence.

    With `stated` the file is the results of a benchmark tool, and what is stated fills what it
    leaves out.

    Raises: InputError for a file that cannot be read, or is in doubt.
    """
    catalog = load()
    if path is None:
        return backtest(None, catalog)
    if stated is None:
        return backtest(read_columns(path), catalog, path.name)
    (found,) = read_results([path], stated, catalog).files
    if found.doubts:
        raise InputError(Problem(path.name, "; ".join(found.doubts)))
    columns = {name: [row.get(name, "") for row in found.rows] for name in COLUMNS}
    return backtest(columns | {"split": [""] * len(found.rows)}, catalog, path.name)
