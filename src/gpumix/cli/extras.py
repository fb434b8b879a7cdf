"""What to say where an extra is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gpumix.errors import InputError, Problem


@contextmanager
def wanted(extra: str) -> Iterator[None]:
    """Import what an extra brings. Raises: InputError with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("gpumix"):
            raise
        what = f"needs {error.name}, which is not installed"
        raise InputError(
            Problem(f"gpumix[{extra}]", what, f"pip install 'gpumix[{extra}]'")
        ) from None
