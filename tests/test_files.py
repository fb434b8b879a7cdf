"""Files in and out: every way a CSV can be broken, and nothing half-written."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.errors import InputError
from gpumix.files import read_columns, read_numbered_columns, write_columns


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return tmp_path / "sheet.csv"


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_columns(path)
    return str(caught.value)


def test_columns_in_order(sheet: Path) -> None:
    sheet.write_text('name, gpu\nx,"a, b"\ny,\n', encoding="utf-8")
    assert read_columns(sheet) == {"name": ["x", "y"], "gpu": ["a, b", ""]}
    assert list(read_columns(sheet)) == ["name", "gpu"]


@pytest.mark.parametrize("text", ["a,b\r\n1,2\r\n", "\ufeffa,b\n1,2", '\ufeff"a","b"\n1,2\n'])
def test_what_spreadsheets_write(sheet: Path, text: str) -> None:
    sheet.write_bytes(text.encode())
    assert read_columns(sheet) == {"a": ["1"], "b": ["2"]}


def test_zipped_is_the_same(tmp_path: Path) -> None:
    plain, zipped = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_text("a,b\n1,ü\n", encoding="utf-8")
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_columns(plain) == read_columns(zipped)


def test_blank_lines_do_not_shift_line_numbers(sheet: Path) -> None:
    sheet.write_text('a,b\n\n1,2\n\n"x\ny",4\n5,6\n', encoding="utf-8")
    columns, lines = read_numbered_columns(sheet)
    assert columns == {"a": ["1", "x\ny", "5"], "b": ["2", "4", "6"]}
    assert lines == [3, 6, 7]


def test_every_row_of_another_width_is_named(sheet: Path) -> None:
    sheet.write_text("a,b\n1\n\n1,2\n1,2,3\n", encoding="utf-8")
    message = refusal(sheet)
    assert "line 2: 1 cells where the header has 2" in message
    assert "line 5: 3 cells where the header has 2" in message


def test_a_million_bad_rows_make_a_short_answer(sheet: Path) -> None:
    sheet.write_text("a,b\n" + "1\n" * 5000, encoding="utf-8")
    message = refusal(sheet)
    assert len(message.splitlines()) == 21
    assert "and 4,980 more" in message


def test_a_column_twice(sheet: Path) -> None:
    sheet.write_text("a,b,a\n1,2,3\n", encoding="utf-8")
    assert "line 1: column 'a' appears twice" in refusal(sheet)


def test_an_open_quote_is_broken_not_swallowed(sheet: Path) -> None:
    """Without strictness the rest of the file would become one cell, silently."""
    sheet.write_text('a,b\n1,2\n3,"4\n5,6\n7,8\n', encoding="utf-8")
    message = refusal(sheet)
    assert "after line 2" in message
    assert "not valid CSV" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\n\xff\xfe1,2\n", "line 2: is not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\x00\x08", "control character, U+0003"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_no_table(sheet: Path, content: bytes, says: str) -> None:
    sheet.write_bytes(content)
    assert says in refusal(sheet)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        gzip.compress(b"a,b\n" + b"1,2\n" * 50)[:-9],
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + b"\xff" * 40,
    ],
    ids=["plain", "cut", "corrupt"],
)
def test_broken_archives(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content)
    assert "cannot be read" in refusal(path)


def test_no_file_at_all(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "absent.csv")
    assert "too long" in refusal(tmp_path / ("x" * 400))
    assert "null byte" in refusal(tmp_path / "a\0b.csv")
    (tmp_path / "file").write_text("a", encoding="utf-8")
    assert "Not a directory" in refusal(tmp_path / "file" / "below")


@settings(deadline=None, max_examples=80)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_table_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    try:
        columns = read_columns(path)
    except InputError:
        return
    assert len({len(column) for column in columns.values()}) <= 1


CELLS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]))


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    columns = {"a": [a for a, _ in rows], "b": [b for _, b in rows]}
    write_columns(path, columns)
    assert read_columns(path) == columns


def test_cells(tmp_path: Path) -> None:
    path = tmp_path / "out" / "o.csv.gz"
    values = np.array([1.0 / 3.0, np.nan, 2e12])
    write_columns(path, {"id": ["x", "y", "z"], "value": values, "note": [None, "", "a,b"]})
    text = gzip.decompress(path.read_bytes()).decode()
    assert list(csv.reader(io.StringIO(text))) == [
        ["id", "value", "note"],
        ["x", "0.333333333", ""],
        ["y", "", ""],
        ["z", "2e+12", "a,b"],
    ]


def test_columns_of_unequal_length_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        write_columns(tmp_path / "o.csv", {"a": [1, 2], "b": [1]})
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_very_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="100,000 columns"):
        read_columns(path)


@pytest.mark.parametrize(
    ("character", "says"),
    [("\x1b", "a control character, U+001B"), ("\u202e", "a format character, U+202E"),
     ("\u200b", "a format character, U+200B")],
)  # fmt: skip
def test_what_nobody_sees_is_called_a_format_character(
    tmp_path: Path, character: str, says: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"a\n{character}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_columns(path)
    assert says in str(caught.value)
    assert "delete it" in str(caught.value)
