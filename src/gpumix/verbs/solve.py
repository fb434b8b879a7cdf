"""`gpumix solve`: a mix problem in a JSON file, solved."""

from __future__ import annotations

import json
from pathlib import Path

from gpumix import mix
from gpumix.errors import InputError, Problem
from gpumix.reading import read_json


def solve_file(
    path: Path, gap: float, time_limit_s: float | None, effort: str = "normal"
) -> tuple[mix.Solution, str]:
    """The solution of a mix problem in a JSON file, and its JSON text; `effort` by its name.

    Raises: InputError where the file is no JSON or no mix problem, or the search has no such end.
    """
    mix.check_ends(gap, time_limit_s)
    repeated: list[Problem] = []
    data = read_json(path, "name the problem file", repeated=repeated)
    try:
        problem = mix.read_problem(data, str(path))
    except InputError as error:
        raise InputError([*error.problems, *repeated]) from None
    if repeated:
        raise InputError(repeated)
    solution = mix.solve(problem, effort=mix.EFFORTS[effort], gap=gap, time_limit_s=time_limit_s)
    return solution, json.dumps(mix.solution_to_dict(solution), indent=1)
