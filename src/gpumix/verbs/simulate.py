"""`gpumix simulate`: one deployment under a trace file or a profile, or a plan's own replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from gpumix.catalog import load
from gpumix.domain.proof import PlanSimulation
from gpumix.domain.simulation import Simulation
from gpumix.errors import InputError, Problem
from gpumix.inventory.trace import AS_IT_LOOKS, read_requests
from gpumix.inventory.trace_formats import Reading
from gpumix.plan.nights import nights_of
from gpumix.simulate.planned import PlanQuestion, run_plan
from gpumix.simulate.question import SimulationQuestion
from gpumix.simulate.simulation import run_simulation
from gpumix.verbs.plan import PLAN, open_made
from gpumix.verbs.words import NO_CONFIGS


def simulate_file(
    question: SimulationQuestion,
    trace: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
    configs: Mapping[str, Path] = NO_CONFIGS,
    reading: Reading = AS_IT_LOOKS,
) -> Simulation:
    """A simulation of a question with today's catalogue; the requests are the trace's, if named.

    `reading` says how the trace's columns are to be read.

    Raises: InputError for a trace that cannot be read, and for what the question gets wrong.
    """
    if trace is not None:
        if question.profile is not None:
            raise InputError(Problem("--trace, --profile", "give exactly one of them"))
        question = replace(question, trace=read_requests(trace, reading), trace_name=trace.name)
    return run_simulation(question, load(configs=configs), date.today(), progress)


def simulate_plan(question: PlanQuestion, path: Path) -> PlanSimulation:
    """What a plan runs for one of its workloads, run again; `path` is a plan.json or its folder.

    Raises: InputError for a file that is no plan, and for what the question gets wrong.
    """
    plan, opened = open_made(path)
    path = path / PLAN if path.is_dir() else path
    nights = next(
        (nights_of(w) for w in opened.inventory.workloads if w.id == question.workload), ()
    )
    return run_plan(question, plan, opened.catalog, nights, str(path))
