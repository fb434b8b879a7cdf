"""Paths into a case's tree: `options.own.lines.1.price`, where names may hold dots themselves."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from gpumix.errors import Hint, InputError, Problem
from gpumix.inventory.yaml import KeyPath


def steps_of(tree: Any, path: str) -> KeyPath:
    """The keys and list indices of a path; the longest key that is there is meant.

    Raises: InputError where a part leads through something that is not there.
    """
    here, rest, found = tree, path, []
    while rest:
        step, rest = _step(here, rest, path)
        found.append(step)
        here = _within(here, step)
    return tuple(found)


def _step(here: Any, rest: str, path: str) -> tuple[str | int, str]:
    first, _, after = rest.partition(".")
    if isinstance(here, list):
        if first.isdigit() and int(first) < len(here):
            return int(first), after
        fix = f"entries are counted from 0 to {len(here) - 1}" if here else "the list is empty"
        raise InputError(Problem(path, f"has no entry {first}", fix))
    if here is not None and not isinstance(here, Mapping):
        raise InputError(Problem(path, f"nothing stands below {first!r}: it is a value"))
    keys = [] if here is None else [str(key) for key in here]
    fitting = [key for key in keys if rest == key or rest.startswith(f"{key}.")]
    if fitting:
        key = max(fitting, key=len)
        return key, rest[len(key) + 1 :]
    if after and keys and here is not None and _is_named(path, rest):
        raise InputError(Problem(path, f"has no {first!r}", Hint(first, keys)))
    return first, after


def _is_named(path: str, rest: str) -> bool:
    """Whether this part is a name of the user's own: below `options.`, `lines.`."""
    return path.removesuffix(rest) == "options."


def _within(here: Any, step: str | int) -> Any:
    if isinstance(here, list):
        return here[int(step)]
    if isinstance(here, Mapping):
        return next((value for key, value in here.items() if str(key) == str(step)), None)
    return None


def value_at(tree: Any, path: str) -> Any:
    """What stands at a path; None where nothing does."""
    here = tree
    for step in steps_of(tree, path):
        here = _within(here, step)
    return here


def with_values(tree: Any, values: Mapping[str, Any]) -> Any:
    """The tree with other values at these paths; None removes a key. The tree itself is kept.

    Raises: InputError with every path that leads nowhere.
    """
    out = copy.deepcopy(tree)
    wrong: list[Problem] = []
    for path, value in values.items():
        try:
            _put(out, steps_of(out, path), copy.deepcopy(value))
        except InputError as error:
            wrong += error.problems
    if wrong:
        raise InputError(wrong)
    return out


def _put(tree: Any, steps: KeyPath, value: Any) -> None:
    here = tree
    for step in steps[:-1]:
        inner = _within(here, step)
        if inner is None:
            inner = here[step] = {}
        here = inner
    last: Any = steps[-1]
    if isinstance(here, dict):
        last = next((key for key in here if str(key) == str(last)), last)
        if value is None:
            here.pop(last, None)
            return
    elif value is None:
        del here[last]
        return
    here[last] = value
