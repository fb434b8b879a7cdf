"""`gpumix backtest`: predictions compared with measured rows."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog import load
from gpumix.domain.backtest import Backtest
from gpumix.files import read_columns
from gpumix.predict.backtest import backtest


def backtest_file(path: Path | None) -> Backtest:
    """Errors on a file of measured rows, or on the packaged evidence."""
    columns = None if path is None else read_columns(path)
    return backtest(columns, load(), "packaged evidence" if path is None else path.name)
