"""YAML text -> plain data, with the line of every key; no surprises of YAML 1.1.

`NO` is Norway and not false, `22:30` is a time and not 1350, a date stays text until the schema
asks for one, and a key written twice is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gpumix.errors import InputError, Problem

KeyPath = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's scalars: true/false, decimal numbers, null."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9][0-9_]*$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*)?\.?[0-9]+(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|nan)$", re.I),
    list("-+0123456789."),
)


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and the 1-based line at which each key path starts."""

    data: Any
    lines: dict[KeyPath, int]

    def place(self, path: KeyPath) -> str:
        """`workloads.chat.slo (line 12)`: the path in words and the nearest known line."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        words = ".".join(str(part) for part in path)
        line = f"line {self.lines[known]}" if known else ""
        return f"{words} ({line})" if words and line else words or line


def read_text(path: Path) -> str:
    """The text of a file. Raises: InputError where it cannot be read as UTF-8 text."""
    if path.is_dir():
        raise InputError(Problem(str(path), "is a directory", "name the inventory file"))
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            Problem(str(path), "no such file", f"`gpumix init {path}` writes a starter inventory")
        ) from None
    except UnicodeDecodeError:
        raise InputError(Problem(str(path), "is not UTF-8 text")) from None
    except OSError as error:
        raise InputError(Problem(str(path), f"cannot be read: {error.strerror}")) from None


def parse(text: str, name: str) -> Document:
    """Data and lines of one YAML document.

    Raises: InputError with the line of a syntax error, or of every key that is written twice.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        repeated: list[Problem] = []
        if node is not None:
            _walk(node, (), lines, repeated, name)
        if repeated:
            raise InputError(repeated)
        data = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        raise InputError(_syntax_problem(error, name)) from None
    finally:
        loader.dispose()
    return Document(data, lines)


def _walk(
    node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], repeated: list[Problem], name: str
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if key in lines:
                repeated.append(
                    Problem(
                        f"{name} line {line}",
                        f"key {key_node.value!r} is written twice",
                        f"first on line {lines[key]}",
                    )
                )
            lines[key] = line
            _walk(value_node, key, lines, repeated, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _walk(item, (*path, index), lines, repeated, name)


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    place = f"{name} line {mark.line + 1}, column {mark.column + 1}" if mark else name
    return Problem(place, f"is not valid YAML: {what}")
