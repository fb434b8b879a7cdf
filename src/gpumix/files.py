"""Files in and out: CSV or CSV.gz as columns of text; whatever is written, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from gpumix.errors import InputError, Problem


def _open_text(path: Path, mode: str, *, zipped: bool | None = None) -> TextIO:
    if path.suffix == ".gz" if zipped is None else zipped:
        return cast(TextIO, gzip.open(path, f"{mode}t", encoding="utf-8", newline=""))
    return cast(TextIO, path.open(mode, encoding="utf-8", newline=""))


def read_columns(path: Path) -> dict[str, list[str]]:
    """Columns of a CSV or CSV.gz file with a header line, every cell as text.

    Raises: InputError where the file cannot be read, is a directory, has no header, a repeated
    column, or rows of another width (each with its line).
    """
    if path.is_dir():
        raise InputError(Problem(str(path), "is a directory", "name a CSV or CSV.gz file"))
    try:
        with _open_text(path, "r") as handle:
            rows = list(csv.reader(handle))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file")) from None
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(str(path), f"cannot be read as CSV: {error}")) from None
    if not rows:
        raise InputError(Problem(str(path), "is empty", "the first line names the columns"))
    header, body = [name.strip().lstrip("\ufeff") for name in rows[0]], rows[1:]
    problems = [
        Problem(f"{path} line 1", f"column {name!r} appears twice")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    problems += [
        Problem(f"{path} line {number}", f"{len(row)} cells where the header has {len(header)}")
        for number, row in enumerate(body, start=2)
        if row and len(row) != len(header)
    ]
    if problems:
        raise InputError(problems)
    kept = [row for row in body if row]
    return {name: [row[i] for row in kept] for i, name in enumerate(header)}


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

    with atomic(path) as beside, _open_text(beside, "w", zipped=path.suffix == ".gz") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([cell(value) for value in row] for row in rows)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """`with atomic(path) as beside:` write to `beside`; it becomes `path` only on success.

    Raises: InputError where the folder cannot be made or written, or `path` is a directory.
    """
    if path.is_dir():
        raise InputError(Problem(str(path), "is a directory", "name a file"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from None
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
