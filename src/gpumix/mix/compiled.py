"""Functions in machine code, kept from run to run where there is a folder to keep them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: _F) -> _F:
    """The function in machine code; threads that run it do not wait for each other."""
    try:
        return cast(_F, njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # no folder can be written to: compiled anew in every run
        return cast(_F, njit(**_OPTIONS)(function))
