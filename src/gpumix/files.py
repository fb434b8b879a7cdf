"""Files in and out: CSV or CSV.gz as columns of text; whatever is written, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO, cast

from gpumix.errors import InputError, Problem

_SHOWN = 20


def _open_text(path: Path, mode: str, *, zipped: bool | None = None) -> TextIO:
    encoding = "utf-8-sig" if mode == "r" else "utf-8"
    if path.suffix == ".gz" if zipped is None else zipped:
        return cast(TextIO, gzip.open(path, f"{mode}t", encoding=encoding, newline=""))
    return cast(TextIO, path.open(mode, encoding=encoding, newline=""))


def read_columns(path: Path) -> dict[str, list[str]]:
    """Columns of a CSV or CSV.gz file with a header line, every cell as text.

    Raises: InputError where the file cannot be read, is a directory, has no header, a repeated
    column, or rows of another width (each with its line).
    """
    return read_numbered_columns(path)[0]


def read_numbered_columns(path: Path) -> tuple[dict[str, list[str]], list[int]]:
    """As `read_columns`, and the line of the file on which each row ends.

    Blank lines are passed over, so a row's line is not always its position.

    Raises: InputError, as `read_columns`.
    """
    rows = _read_rows(path)
    if not rows:
        raise InputError(Problem(str(path), "is empty", "the first line names the columns"))
    (first, names), body = rows[0], rows[1:]
    header = [name.strip() for name in names]
    if any("\0" in name for name in header):
        raise InputError(Problem(str(path), "cannot be read as CSV: it is not a text file"))
    problems = [
        Problem(f"{path} line {first}", f"column {name!r} appears twice")
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    wrong = [
        Problem(f"{path} line {line}", f"{len(row)} cells where the header has {len(header)}")
        for line, row in body
        if len(row) != len(header)
    ]
    problems += wrong[:_SHOWN]
    if len(wrong) > _SHOWN:
        problems.append(Problem(str(path), f"and {len(wrong) - _SHOWN} more lines like these"))
    if problems:
        raise InputError(problems)
    columns = {name: [row[i] for _, row in body] for i, name in enumerate(header)}
    return columns, [line for line, _ in body]


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line on which it ends."""
    refuse_directory(path, "name a CSV or CSV.gz file")
    line = 0
    try:
        with _open_text(path, "r") as handle:
            reader, rows = csv.reader(handle, strict=True), []
            for row in reader:
                line = reader.line_num
                if row:
                    rows.append((line, row))
            return rows
    except csv.Error as error:
        where = f"{path}, after line {line}" if line else str(path)
        raise InputError(Problem(where, f"is not valid CSV: {error}")) from None
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file")) from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(Problem(str(path), f"cannot be read as CSV: {error}")) from None


def refuse_directory(path: Path, fix: str) -> None:
    """Raise InputError where `path` is a directory, or no path that this machine can have."""
    try:
        is_directory = path.is_dir()
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    if is_directory:
        raise InputError(Problem(str(path), "is a directory", fix))


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
    refuse_directory(path, "name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be written: {error.strerror}")) from None
    except ValueError as error:  # a path no system can hold, such as one with a null byte
        raise InputError(Problem(repr(str(path)), f"cannot be written: {error}")) from None
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write several files into a folder: each beside its target first, then all renamed.

    Raises: InputError where the folder cannot be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem(str(folder), "is a file", "name a folder"))
    with ExitStack() as stack:
        for name, text in texts.items():
            stack.enter_context(atomic(folder / name)).write_text(text, encoding="utf-8")
