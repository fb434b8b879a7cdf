"""How the simulator's functions become machine code, and where that code is kept."""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import njit

from gpumix.serving import simulator

_F = TypeVar("_F", bound=Callable[..., Any])


_INNER: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def compiled_entry(function: _F) -> _F:
    """The function in machine code, with all that it calls, kept on disk beside its file.

    numba names the file on disk after the function and renews it when the function's own source
    file changes; the hash in the name renews it when any file that it calls or inlines does.
    """
    function.__qualname__ = f"{function.__qualname__}_{sources_hash()}"
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


def sources_hash(package: ModuleType = simulator) -> str:
    """A hash of the sources of a package, by default of the one that holds all compiled code."""
    found = hashlib.sha256()
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        found.update(pkgutil.get_data(package.__name__, f"{name}.py") or b"")
    return found.hexdigest()[:16]


def compiled(function: _F) -> _F:
    """The function in machine code, for compiled callers alone: no wrapper, nothing on disk."""
    return cast(_F, njit(**_INNER)(function))


def inlined(function: _F) -> _F:
    """The function as part of its one caller: a call would copy every field of every argument."""
    return cast(_F, njit(inline="always", **_INNER)(function))
