"""One figure of a case changed in the record itself, as draws and break-evens ask a thousand times.

Where a file's short form stands for a mapping or a list of one (`energy: 0.1`), so does its path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar

Record = TypeVar("Record")


def with_figure(record: Record, steps: Sequence[str | int], figure: float) -> Record:
    """The record with a figure at the end of these keys and list indices.

    Raises: LookupError where a step leads nowhere.
    """
    changed: Record = _changed(record, tuple(steps), figure)
    return changed


def _changed(here: Any, steps: tuple[str | int, ...], figure: float) -> Any:
    if not steps:
        return _in_place_of(here, figure)
    step, rest = steps[0], steps[1:]
    if is_dataclass(here) and not isinstance(here, type):
        if not hasattr(here, str(step)):
            raise LookupError(str(step))
        return replace(here, **{str(step): _changed(getattr(here, str(step)), rest, figure)})
    if isinstance(here, Mapping):
        key = next((key for key in here if str(key) == str(step)), None)
        if key is None:
            raise LookupError(str(step))
        return {**here, key: _changed(here[key], rest, figure)}
    if isinstance(here, tuple):
        index = int(step)
        return (*here[:index], _changed(here[index], rest, figure), *here[index + 1 :])
    raise LookupError(str(step))


def _in_place_of(here: Any, figure: float) -> Any:
    """The figure in the form of what it replaces: alone, for all slots, or the one of a list."""
    if isinstance(here, Mapping) and set(here) == {"all"}:
        return {"all": figure}
    if isinstance(here, tuple) and len(here) == 1:
        return (figure,)
    for first in ("now", "share"):
        if is_dataclass(here) and not isinstance(here, type) and hasattr(here, first):
            return replace(here, **{first: figure})
    if not isinstance(here, int | float):
        raise LookupError("a figure")
    return int(figure) if isinstance(here, int) and float(figure).is_integer() else figure
