"""YAML text -> plain data, with the line of every key; no surprises of YAML 1.1.

`NO` is Norway and not false, `22:30` is a time and not 1350, a date stays text until the schema
asks for one, and a key written twice is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.reader import ReaderError

from gpumix.errors import InputError, Problem, shortened
from gpumix.reading import MOST_DEPTH, MOST_DIGITS, character_kind, control_character

KeyPath = tuple[str | int, ...]


if TYPE_CHECKING:
    from yaml import SafeLoader
else:  # libyaml where PyYAML was built with it: 20,000 keys in 0.3 s, else in 3 s
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(SafeLoader):
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
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*+(?:\.[0-9]++)?|\.[0-9]++)(?:e[-+]?[0-9]+)?$|^[-+]?\.(?:inf|nan)$",
        re.I,
    ),
    list("-+0123456789."),
)


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> int | float | str:
    """A whole number; `010` is ten, a long one becomes a float, and an absurdly long one stays text
    so that it is refused for its length."""
    text: str = node.value.replace("_", "")
    if len(text) > MOST_DIGITS:
        return text
    return int(text) if len(text) <= _LONGEST_INT else float(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _decimal)

MOST_BYTES = 2**20
"""Of an inventory: about 20,000 lines."""
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


def parse(
    text: str, name: str, *, numbers_as_keys: bool = False, several_lines: bool = False
) -> Document:
    """Data and lines of one YAML document; a key is text, or a number where these are allowed, and
    a value of one line, or of several where these are.

    Raises: InputError with the line of a syntax error, or of every key that is written twice.
    """
    walk = _Walk(name, numbers_as_keys, several_lines)
    try:
        _refuse_unread(text, name)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                walk.visit(node, ())
            if walk.wrong:
                raise InputError(walk.wrong)
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


def _refuse_unread(text: str, name: str) -> None:
    """Refuse tags, and depth before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise InputError(Problem(name, f"is nested too deeply: at most {MOST_DEPTH} levels"))
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            written = tag.replace("tag:yaml.org,2002:", "!!")
            what = f"an inventory has no tags such as {shortened(written)}"
            raise InputError(Problem(f"{name} line {line}", what, "write the value alone"))


class _Walk:
    """Notes the line of every key path, and every key that is none or that its mapping holds."""

    def __init__(self, name: str, numbers_as_keys: bool, several_lines: bool) -> None:
        self.name = name
        self.several_lines = several_lines
        self.numbers_as_keys = numbers_as_keys
        self.lines: dict[KeyPath, int] = {}
        self.wrong: list[Problem] = []

    def visit(self, node: yaml.Node, path: KeyPath) -> None:
        if len(self.lines) > _MOST_NODES:
            raise InputError(Problem(self.name, f"holds more than {_MOST_NODES:,} keys and values"))
        if len(path) > MOST_DEPTH:
            raise InputError(
                Problem(self.name, f"is nested too deeply: at most {MOST_DEPTH} levels")
            )
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                key = (*path, str(key_node.value))
                line = key_node.start_mark.line + 1
                self.refuse_control(key_node)
                if fault := _key_fault(key_node, path, self.numbers_as_keys):
                    self.wrong.append(Problem(f"{self.name} line {line}", *fault))
                elif key in self.lines:
                    self.wrong.append(
                        Problem(
                            f"{self.name} line {line}",
                            f"key {shortened(key_node.value)} is written twice",
                            f"first on line {self.lines[key]}",
                        )
                    )
                self.lines[key] = line
                self.visit(value_node, key)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                self.visit(item, (*path, index))
        else:
            self.refuse_control(node, self.several_lines)

    def refuse_control(self, node: yaml.Node, several_lines: bool = False) -> None:
        """Raise InputError where a key or value holds what a terminal obeys and does not print."""
        if not isinstance(node, yaml.ScalarNode):
            return
        printed = re.sub(r"[\n\t]", " ", node.value) if several_lines else node.value
        if found := control_character(printed):
            place = f"{self.name} line {node.start_mark.line + 1}"
            kind = character_kind(found)
            what = f"{node.value[:40]!r} holds a {kind} character, {found}"
            fix = (
                "write it on one line, in printed characters" if kind == "control" else "delete it"
            )
            raise InputError(Problem(place, what, fix))


YEARLY: KeyPath = ("limits", "cash")
"""The key of an inventory whose own keys are years."""


def _key_fault(key: yaml.Node, path: KeyPath, numbers: bool) -> tuple[str, str] | None:
    """What is wrong with a key, and the fix: every key is a text of some length."""
    if not isinstance(key, yaml.ScalarNode):
        return None  # told as a syntax error where the data are made
    if not key.value.strip() or key.tag == "tag:yaml.org,2002:null":
        what = "a workload needs a name" if path == ("workloads",) else "a key needs a name"
        return what, "write it before the colon"
    if key.value == "<<":
        return "merge keys (<<) are not supported", "write the keys out"
    known = ("str", "int", "float") if numbers or path == YEARLY else ("str",)
    if key.tag.removeprefix("tag:yaml.org,2002:") not in known:
        return f"key {shortened(key.value)} is not text", "put it in quotes"
    return None


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = (getattr(error, "context", None), getattr(error, "problem", None))
    what = ", ".join(part for part in said if part) or str(error)
    place = f"{name} line {mark.line + 1}, column {mark.column + 1}" if mark else name
    return Problem(place, f"is not valid YAML: {what}")
