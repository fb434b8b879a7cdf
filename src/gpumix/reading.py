"""The one door for text and JSON that people bring: bounded, so that no file can hang or flood us.

A file must be a plain file, of a size, in UTF-8 and free of control characters; a JSON value must
be of a depth, a count of keys and values, and numbers of a length.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import stat
import unicodedata
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from gpumix.errors import InputError, Problem

MEBIBYTE = 2**20
MOST_BYTES = 128 * MEBIBYTE
"""Of a file, unpacked: a trace of some two million requests; read whole it takes under 1 GB."""
MOST_CELLS = 20_000_000
"""Of a table; keys and values of a JSON file: a cell takes some 60 bytes of memory."""
MOST_DEPTH = 64
"""Levels of nesting; benchmark tools write up to 10."""
MOST_DIGITS = 100
"""Characters of a number; a double prints in 25."""

_CONTROL = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
"""Control and format characters (Unicode's Cc, Cf, Cs, Zl, Zp) but for tab, line feed and carriage
return, and the two joiners that Persian and the scripts of India need within words."""
_NAMES_LINE = re.compile(r" line [0-9]+$")
_IN_TEXT = re.compile(f"[{_CONTROL}]")
_IN_NAME = re.compile(rf"[\t\n\r{_CONTROL}]")


def control_character(name: str) -> str:
    """The first character of a name that a terminal would obey and not print, as `U+001B`; or ''.

    >>> control_character("red"), control_character(chr(27) + "[31mred")
    ('', 'U+001B')
    """
    found = _IN_NAME.search(name)
    return f"U+{ord(found[0]):04X}" if found else ""


def character_kind(code: str) -> str:
    """What `control_character` found is: one that a terminal obeys, or one that nobody sees.

    >>> character_kind("U+001B"), character_kind("U+202E")
    ('control', 'format')
    """
    kind = unicodedata.category(chr(int(code.removeprefix("U+"), 16)))
    return "control" if kind == "Cc" else "format"


def refuse_unplain(
    path: Path, fix: str = "", if_missing: str = "", *, most_bytes: int = MOST_BYTES
) -> None:
    """Raise InputError where `path` is no plain file (a directory, device, pipe, socket), is
    larger than `most_bytes`, or does not exist; it is not opened.

    `fix` is what to do about a directory, `if_missing` about a file that is not there.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file", if_missing)) from None
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except ValueError as error:  # a path no system can hold, such as one with a null byte
        raise InputError(Problem(repr(str(path)), f"cannot be read: {error}")) from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(Problem(str(path), "is a directory", fix))
    if not stat.S_ISREG(found.st_mode):
        raise InputError(Problem(str(path), "is a device or pipe", "name a plain file"))
    if found.st_size > most_bytes:
        raise InputError(_too_large(path, most_bytes))


def read_text(
    path: Path, fix: str = "", if_missing: str = "", *, most_bytes: int = MOST_BYTES
) -> str:
    """The text of a UTF-8 file, unpacked where the name ends in .gz; line ends as they are.

    Raises: InputError where it is no plain file (as `refuse_unplain`), larger than `most_bytes`,
    not UTF-8, or holds a control character (with its line).
    """
    refuse_unplain(path, fix, if_missing, most_bytes=max(most_bytes, MOST_BYTES))
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            raw = handle.read(most_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None
    if len(raw) > most_bytes:
        raise InputError(_too_large(path, most_bytes))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(Problem(f"{path} line {line}", "is not UTF-8 text")) from None
    if found := _IN_TEXT.search(text):
        line = text.count("\n", 0, found.start()) + 1
        code = f"U+{ord(found[0]):04X}"
        what = f"holds a {character_kind(code)} character, {code}"
        raise InputError(Problem(f"{path} line {line}", what, "delete it; a text file has none"))
    return text


def _too_large(path: Path, most_bytes: int) -> Problem:
    unpacked = " unpacked" if path.suffix == ".gz" else ""
    return Problem(str(path), f"is larger than {most_bytes // MEBIBYTE} MiB{unpacked}")


def read_json(
    path: Path, fix: str = "", if_missing: str = "", repeated: list[Problem] | None = None
) -> Any:
    """The JSON value in a file of ours or of names and numbers: no text in it holds a control
    character.

    Raises: InputError, as `read_text` and `parse_json`.
    """
    text = read_text(path, fix, if_missing)
    return parse_json(text, str(path), only_names=True, repeated=repeated)


def parse_json(
    text: str, place: str, *, only_names: bool = False, repeated: list[Problem] | None = None
) -> Any:
    """The value of a JSON text; `only_names` refuses control characters in its texts and keys.

    Keys that an object holds twice are added to `repeated`; without it, the last one counts.

    Raises: InputError where it is no JSON (NaN and Infinity are none), is nested too deeply, too
    large, or has a number too long.
    """
    try:
        value = _decoder(place, repeated).decode(text)
    except json.JSONDecodeError as error:
        raise InputError(_syntax_problem(error, text, place)) from None
    except RecursionError:
        what = f"is nested too deeply: at most {MOST_DEPTH} levels"
        raise InputError(Problem(place, what)) from None
    except _Refused as error:
        where = _line_of(error.token, text, place)
        raise InputError(Problem(where, str(error))) from None
    refuse_unbounded(value, place, only_names=only_names)
    return value


def refuse_unbounded(value: Any, place: str, *, only_names: bool = False) -> None:
    """Raise InputError where parsed data is nested too deeply, has too many values, or (with
    `only_names`) holds a control character."""
    level, count = [value], 0
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
                texts = list(item)
            else:
                texts = [item] if isinstance(item, str) else []
                below += item if isinstance(item, list) else ()
            if only_names:
                _refuse_control(texts, place)
        count += len(below)
        if count > MOST_CELLS:
            raise InputError(Problem(place, f"holds more than {MOST_CELLS:,} values"))
        if not below:
            return
        level = below
    raise InputError(Problem(place, f"is nested too deeply: at most {MOST_DEPTH} levels"))


def _refuse_control(texts: list[str], place: str) -> None:
    for text in texts:
        if found := control_character(text):
            what = f"{text[:40]!r} holds a {character_kind(found)} character, {found}"
            raise InputError(Problem(place, what, "delete it"))


class _Refused(Exception):
    """A token of a JSON text that is not taken."""

    def __init__(self, token: str, message: str) -> None:
        self.token = token
        super().__init__(message)


def _whole(token: str) -> int:
    if len(token) > MOST_DIGITS:
        raise _Refused(token, f"holds a number of {len(token):,} digits: at most {MOST_DIGITS}")
    return int(token)


def _real(token: str) -> float:
    if len(token) > MOST_DIGITS:
        raise _Refused(token, f"holds a number of {len(token):,} digits: at most {MOST_DIGITS}")
    value = float(token)
    if math.isinf(value):
        raise _Refused(token, f"holds {token[:40]}, which no computer number can be")
    return value


def _no_number(token: str) -> float:
    raise _Refused(token, f"holds {token}, which is not JSON; leave the key out or write null")


_WRITTEN_BY_TOOLS = json.JSONDecoder(parse_int=_whole, parse_float=_real, parse_constant=_no_number)


def _decoder(place: str, repeated: list[Problem] | None) -> json.JSONDecoder:
    if repeated is None:
        return _WRITTEN_BY_TOOLS

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = (key for key, count in counts.items() if count > 1)
            repeated.extend(Problem(place, f"key {key!r:.60} is written twice") for key in twice)
        return found

    return json.JSONDecoder(
        parse_int=_whole, parse_float=_real, parse_constant=_no_number, object_pairs_hook=note
    )


def _line_of(token: str, text: str, place: str) -> str:
    if _NAMES_LINE.search(place):  # one of a file's JSON lines
        return place
    return f"{place} line {text.count(chr(10), 0, text.find(token)) + 1}"


def _syntax_problem(error: json.JSONDecodeError, text: str, place: str) -> Problem:
    cut = error.pos >= len(text.rstrip()) - 1
    line = "" if _NAMES_LINE.search(place) else f" line {error.lineno}"
    return Problem(
        f"{place}{line}, column {error.colno}",
        f"is not valid JSON: {error.msg}",
        "the file ends too early: was it or its copy cut off?" if cut else "",
    )
