"""`gpumix simulate`: one deployment under a trace file or a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from gpumix.catalog import load
from gpumix.domain.simulation import Simulation
from gpumix.errors import InputError, Problem
from gpumix.inventory.trace import read_requests
from gpumix.simulate.question import SimulationQuestion
from gpumix.simulate.simulation import run_simulation


def simulate_file(
    question: SimulationQuestion,
    trace: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Simulation:
    """A simulation of a question with today's catalogue; the requests are the trace's, if named.

    Raises: InputError for a trace that cannot be read, and for what the question gets wrong.
    """
    if trace is not None:
        if question.profile is not None:
            raise InputError(Problem("--trace, --profile", "give exactly one of them"))
        question = replace(question, trace=read_requests(trace), trace_name=trace.name)
    return run_simulation(question, load(), date.today(), progress)
