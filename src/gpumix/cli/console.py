"""The console that verbs print on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """A console as wide as the terminal that wraps nothing by itself and colours no words."""
    from rich.console import Console

    return Console(soft_wrap=False, highlight=False)
