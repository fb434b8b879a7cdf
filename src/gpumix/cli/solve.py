"""`gpumix solve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gpumix.cli.options import Effort, TimeLimit
from gpumix.errors import Infeasible, Stated


def solve(
    problem: Annotated[Path, typer.Argument(help="A mix problem, JSON.")],
    out: Annotated[Path, typer.Option(help="Where to write the solution, JSON.")],
    gap: Annotated[
        float, typer.Option(help="Stop when the gap to the optimum is at most this (0-1).")
    ] = 1e-7,
    effort: Annotated[
        Effort, typer.Option(help="How much work the search may do; never a time.")
    ] = Effort.NORMAL,
    time_limit_s: TimeLimit = None,
) -> None:
    """Solve a mix problem, nothing else; exit code 3 where it has no plan.

    Example: gpumix solve problem.json --out solution.json
    """
    from gpumix.publish import atomic, check_file
    from gpumix.verbs.solve import solve_file

    check_file(out)
    solution, text = solve_file(problem, gap, time_limit_s, effort.value)
    with atomic(out) as beside:
        beside.write_text(text, encoding="utf-8")
    if solution.cost is None:
        conflict = [Stated((limit,)) for limit in solution.conflict]
        raise Infeasible(f"no plan keeps every limit; see {out}", conflict)
    typer.echo(f"{solution.status}: cost {solution.cost:,.2f}, gap {solution.gap:.4%}, in {out}")
