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
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from gpumix.errors import InputError, Problem
from gpumix.files import refuse_directory

KeyPath = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's scalars: true/false, decimal numbers, null; no tags."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) not in (None, "!"):
            raise ComposerError(
                None, None, f"an inventory has no tags such as {event.tag!r}", event.start_mark
            )
        return super().compose_node(parent, index)


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


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    """A whole number; `010` is ten, and what is absurdly long becomes a float."""
    text = node.value.replace("_", "")
    return int(text) if len(text) <= _LONGEST_INT else float(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)

_LONGEST_INT = 18
_MOST_NODES = 100_000
"""Keys and values of one file, aliases written out; beyond it is no inventory."""


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data of the file `name`, and the 1-based line at which each key path starts."""

    data: Any
    lines: dict[KeyPath, int]
    name: str

    def place(self, path: KeyPath) -> str:
        """`workloads.chat.slo (line 12)`: the path in words and the nearest known line."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        words = ".".join(str(part) for part in path)
        line = f"line {self.lines[known]}" if known else ""
        return f"{words} ({line})" if words and line else words or line or self.name


def read_text(path: Path) -> str:
    """The text of a file. Raises: InputError where it cannot be read as UTF-8 text."""
    refuse_directory(path, "name the inventory file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            Problem(str(path), "no such file", f"`gpumix init {path}` writes a starter inventory")
        ) from None
    except UnicodeDecodeError:
        raise InputError(Problem(str(path), "is not UTF-8 text")) from None
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None


def parse(text: str, name: str) -> Document:
    """Data and lines of one YAML document.

    Raises: InputError with the line of a syntax error, or of every key that is written twice.
    """
    walk = _Walk(name)
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                walk.visit(node, ())
            if walk.repeated:
                raise InputError(walk.repeated)
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(
            Problem(f"{name} line {line}", "holds a control character: is this a text file?")
        ) from None
    except yaml.YAMLError as error:
        raise InputError(_syntax_problem(error, name)) from None
    except RecursionError:
        raise InputError(Problem(name, "is nested too deeply")) from None
    return Document(data, walk.lines, name)


class _Walk:
    """Notes the line of every key path, and every key that its mapping holds already."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[KeyPath, int] = {}
        self.repeated: list[Problem] = []

    def visit(self, node: yaml.Node, path: KeyPath) -> None:
        if len(self.lines) > _MOST_NODES:
            raise InputError(Problem(self.name, f"holds more than {_MOST_NODES:,} keys and values"))
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                key = (*path, str(key_node.value))
                line = key_node.start_mark.line + 1
                if key in self.lines:
                    self.repeated.append(
                        Problem(
                            f"{self.name} line {line}",
                            f"key {key_node.value!r} is written twice",
                            f"first on line {self.lines[key]}",
                        )
                    )
                self.lines[key] = line
                self.visit(value_node, key)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                self.visit(item, (*path, index))


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = (getattr(error, "context", None), getattr(error, "problem", None))
    what = ", ".join(part for part in said if part) or str(error)
    place = f"{name} line {mark.line + 1}, column {mark.column + 1}" if mark else name
    return Problem(place, f"is not valid YAML: {what}")
