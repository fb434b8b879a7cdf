"""What a function says of itself, also under `python -OO`, which drops it."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any


def docstring(function: Callable[..., Any]) -> str:
    """A function's docstring without its indentation, from its source where it was stripped.

    >>> docstring(docstring).partition(",")[0]
    "A function's docstring without its indentation"
    """
    plain = inspect.unwrap(function)
    return inspect.getdoc(plain) or _of_module(plain.__module__).get(plain.__name__, "")


@functools.cache
def _of_module(name: str) -> Mapping[str, str]:
    """Docstrings of a module's functions by name, read from its source."""
    tree = ast.parse(inspect.getsource(importlib.import_module(name)))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_docstring(node) or "" for node in functions}
