"""What a source file says of its lines: statement, function, compiled code, names."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property

COMPILED = {"compiled", "compiled_entry", "inlined"}
ENTRY = "compiled_entry"


class Source:
    """A parsed file; lines are counted from 1."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)

    @cached_property
    def _functions(self) -> list[ast.FunctionDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]

    @cached_property
    def _statements(self) -> list[range]:
        return [_lines_of(node) for node in ast.walk(self.tree) if isinstance(node, ast.stmt)]

    @cached_property
    def entries(self) -> set[str]:
        """The functions through which plain Python enters compiled code."""
        return {f.name for f in self._functions if ENTRY in _decorators(f)}

    @cached_property
    def mentions(self) -> dict[str, set[int]]:
        """The lines that read a name, bare or as an attribute."""
        found: dict[str, set[int]] = defaultdict(set)
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found[node.id].add(node.lineno)
            elif isinstance(node, ast.Attribute):
                found[node.attr].add(node.lineno)
        return found

    def imported(self) -> set[str]:
        """The names that the file takes from other modules."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom)]
        return {alias.asname or alias.name for node in nodes for alias in node.names}

    def in_function(self, line: int) -> bool:
        """Whether a line runs when a function is called, not when the file is imported."""
        return any(f.body[0].lineno <= line <= _end(f) for f in self._functions)

    def in_compiled(self, line: int) -> bool:
        """Whether a line is machine code when it runs: nothing sees it run."""
        return any(
            f.lineno <= line <= _end(f) and COMPILED & _decorators(f) for f in self._functions
        )

    def statement(self, line: int) -> range:
        """The lines of the smallest statement that holds a line; of a block its head alone."""
        around = [lines for lines in self._statements if line in lines]
        return min(around, key=len, default=range(line, line + 1))

    def names_bound(self, line: int) -> set[str]:
        """The names that the outermost statement around a line gives to the file."""
        for node in self.tree.body:
            if node.lineno <= line <= _end(node):
                stored = {
                    n.id
                    for n in ast.walk(node)
                    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                }
                return {node.name} if hasattr(node, "name") else stored
        return set()


def _decorators(function: ast.FunctionDef) -> set[str]:
    return {ast.unparse(d).split("(")[0].split(".")[-1] for d in function.decorator_list}


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _lines_of(node: ast.stmt) -> range:
    body = getattr(node, "body", None)
    end = max(body[0].lineno - 1, node.lineno) if body else _end(node)
    return range(node.lineno, end + 1)
