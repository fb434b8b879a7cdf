"""How functions become machine code, and where that code is kept."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.dispatcher import Dispatcher

from gpumix.cache import VARIABLE, cache_folder

_F = TypeVar("_F", bound=Callable[..., Any])


_INNER: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def compiled_entry(function: _F) -> _F:
    """The function in machine code, with all that it calls, kept in the cache folder.

    Without a folder that can be written to it is compiled anew in every run.
    """
    found = njit(nogil=True, error_model="numpy")(function)
    if isinstance(found, Dispatcher):  # a plain function where numba is switched off
        with contextlib.suppress(RuntimeError):  # no place to keep it
            found._cache = _Kept(function)  # type: ignore[attr-defined]
    return cast(_F, found)


def sources_hash(package: ModuleType) -> str:
    """A hash of the sources of a package, and of this one, which says how they are compiled.

    A compiled function and all that it calls are of one package.
    """
    found = hashlib.sha256(pkgutil.get_data("gpumix", "compiled.py") or b"")
    for name in sorted(module.name for module in pkgutil.iter_modules(package.__path__)):
        found.update(pkgutil.get_data(package.__name__, f"{name}.py") or b"")
    return found.hexdigest()[:16]


def compiled(function: _F) -> _F:
    """The function in machine code, for compiled callers alone: no wrapper, nothing on disk."""
    return cast(_F, njit(**_INNER)(function))


def inlined(function: _F) -> _F:
    """The function as part of its one caller: a call would copy every field of every argument."""
    return cast(_F, njit(inline="always", **_INNER)(function))


@functools.cache
def _tell_of_no_cache() -> None:
    """One line on stderr, once a process, unless the program has set up logging otherwise."""
    logging.getLogger(__name__).warning(
        "gpumix: no cache folder can be written, so every run compiles for some 30 s; "
        "name a folder in %s",
        VARIABLE,
    )


class _Place(_CacheLocator):  # type: ignore[misc]
    """The cache folder, as numba asks for it: one folder for each state of the sources.

    numba itself would look only at the file of the outermost function; the hash is of every file
    that it calls or inlines.
    """

    def __init__(self, folder: str, state: str) -> None:
        self._folder, self._state = folder, state

    def get_cache_path(self) -> str:
        return self._folder

    def get_source_stamp(self) -> str:
        return self._state

    def get_disambiguator(self) -> str:
        return "entry"

    @classmethod
    def from_function(cls, function: Callable[..., Any], _file: str) -> _Place | None:
        state = sources_hash(sys.modules[function.__module__.rpartition(".")[0]])
        folder = cache_folder(f"compiled-{state}")
        if folder is None:
            _tell_of_no_cache()
            return None
        return cls(str(folder), state)


class _Written(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_Place,)


class _Kept(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function; what cannot be read is compiled, what cannot be written lost.

    A broken file raises whatever its pickle makes of it, hence the wide net.
    """

    _impl_class = _Written

    def load_overload(self, sig: Iterable[object], target_context: object) -> object:
        """Machine code for these types; None where none can be read.

        Two processes that compile at once for other types may give their files the same name.
        """
        with contextlib.suppress(Exception):
            found = super().load_overload(sig, target_context)
            if found is not None and tuple(found.signature.args) == tuple(sig):
                return found
        return None

    def save_overload(self, sig: object, data: object) -> None:
        """Keep machine code, where that is possible."""
        with contextlib.suppress(Exception):
            super().save_overload(sig, data)
