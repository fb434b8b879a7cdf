"""The console that verbs print on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST, USUAL = 20, 80
"""Characters: a narrower terminal shows nothing, and counts as one of the usual width."""


def console() -> Console:
    """A console as wide as the terminal that wraps nothing by itself and colours no words."""
    from rich.console import Console

    found = Console(soft_wrap=False, highlight=False)
    if found.width < NARROWEST:  # COLUMNS=0, or a window of no size
        found.width = USUAL
    return found
