"""Files in and out: CSV or CSV.gz as columns of text."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO, cast

from gpumix.errors import InputError, Problem
from gpumix.publish import atomic
from gpumix.reading import MOST_CELLS, read_text

MOST_COLUMNS = 1000
"""Of a table; those of measured rows have some sixty."""

_OBEYED: Final = "=+-@\t\r"
"""What a spreadsheet takes for the start of a formula."""
_NUMBER: Final = re.compile(r"[-+]?[0-9.][0-9,.eE+-]*|-")


def _open_to_write(path: Path, *, zipped: bool) -> TextIO:
    if zipped:
        return cast(TextIO, gzip.open(path, "wt", encoding="utf-8", newline=""))
    return cast(TextIO, path.open("w", encoding="utf-8", newline=""))


def read_columns(path: Path) -> dict[str, list[str]]:
    """Columns of a CSV or CSV.gz file with a header line, every cell as text.

    Raises: InputError where the file cannot be read, is a directory, has no header, a repeated
    column, or rows of another width (each with its line).
    """
    return read_numbered_columns(path)[0]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of such a file, each by the names of its columns. Raises: InputError."""
    columns = read_columns(path)
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def plain_cell(cell: str) -> str:
    """A cell of a table that no spreadsheet takes for a formula; numbers stay as they are.

    >>> plain_cell("=cmd()"), plain_cell("-1.5")
    ("'=cmd()", '-1.5')
    """
    if cell and cell[0] in _OBEYED and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def read_numbered_columns(path: Path) -> tuple[dict[str, list[str]], list[int]]:
    """As `read_columns`, and the line of the file on which each row ends.

    Blank lines are passed over, so a row's line is not always its position.

    Raises: InputError, as `read_columns`.
    """
    header, body = read_lines(path)
    wrong = [Problem(f"{path} line {n}", width_fault(row, header)) for n, row in body]
    problems = [problem for problem in wrong if problem.message]
    if problems:
        raise InputError(problems)
    columns = {name: [row[i] for _, row in body] for i, name in enumerate(header)}
    return columns, [line for line, _ in body]


def read_lines(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a CSV file, and its rows as they are, each with the line on which it ends.

    Raises: InputError, as `read_columns`, but for rows of another width.
    """
    rows = _read_rows(path)
    if not rows:
        raise InputError(Problem(str(path), "is empty", "the first line names the columns"))
    (first, names), body = rows[0], rows[1:]
    header = [name.strip() for name in names]
    if len(header) > MOST_COLUMNS:
        wide = f"has {len(header):,} columns, more than {MOST_COLUMNS:,}"
        raise InputError(Problem(f"{path} line {first}", wide))
    problems = [
        Problem(f"{path} line {first}", f"column {name!r} appears twice")
        for name, count in Counter(header).items()
        if count > 1
    ]
    if problems:
        raise InputError(problems)
    return header, body


def width_fault(row: Sequence[str], header: Sequence[str]) -> str:
    """What is wrong with a row's width, or ''."""
    return "" if len(row) == len(header) else f"{len(row)} cells where the header has {len(header)}"


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line on which it ends."""
    reader = csv.reader(io.StringIO(read_text(path, "name a CSV or CSV.gz file"), ""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = cells = 0
    try:
        for row in reader:
            line = reader.line_num
            cells += len(row)
            if cells > MOST_CELLS:
                raise InputError(Problem(str(path), f"holds more than {MOST_CELLS:,} cells"))
            if row:
                rows.append((line, row))
    except csv.Error as error:
        where = f"{path}, after line {line}" if line else str(path)
        raise InputError(Problem(where, f"is not valid CSV: {error}")) from None
    return rows


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal. Raises: InputError where it cannot be read."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None


def write_columns(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns as CSV (gzipped if the name ends in .gz), beside the target, then rename.

    None becomes an empty cell; floats are written with nine significant digits.
    """
    names = list(columns)
    rows = zip(*(columns[name] for name in names), strict=True)

    def cell(value: object) -> object:
        if value is None or value != value:
            return ""
        return f"{value:.9g}" if isinstance(value, float) else value

    with atomic(path) as beside, _open_to_write(beside, zipped=path.suffix == ".gz") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([cell(value) for value in row] for row in rows)
