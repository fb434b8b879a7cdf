"""Whether a model fits, on a terminal: the answer, the cache, what takes the memory."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from gpumix import fields
from gpumix.domain.fit import Fit, TrainingFit
from gpumix.report.terminal_table import show_table
from gpumix.report.views import fit as view


def show_fit(found: Fit | TrainingFit, console: Console) -> None:
    """Print a fit: question, answer in a sentence, the tables."""
    console.print(Text(found.model, style="bold"))
    console.print(Text(view.question(found), style="dim"))
    if found.defaults:
        told = f"{fields.label('defaults')}: {'; '.join(found.defaults)}"
        console.print(Text(told, style="dim"))
    console.print()
    console.print(Text(view.headline(found), style="bold"))
    if isinstance(found, TrainingFit):
        show_table(view.training_table(found), console, minor=("overhead_gib", "gradients_gib"))
        return
    show_table(view.cache_table(found), console, minor=("note", "adapter_slowdown"))
    show_table(view.memory_table(found), console, minor=("kv_bytes_per_token", "buffers_gib"))
