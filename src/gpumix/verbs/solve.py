"""`gpumix solve`: a mix problem in a JSON file, solved."""

from __future__ import annotations

import json
from pathlib import Path

from gpumix import mix
from gpumix.errors import InputError, Problem


def solve_file(path: Path, gap: float, time_limit_s: float | None) -> tuple[mix.Solution, str]:
    """The solution of a mix problem in a JSON file, and its JSON text.

    Raises: InputError where the file is no JSON or no mix problem.
    """
    if path.is_dir():
        raise InputError(Problem(str(path), "is a directory", "name the problem file"))
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such file")) from None
    except json.JSONDecodeError as error:
        place = f"{path} line {error.lineno}, column {error.colno}"
        raise InputError(Problem(place, f"is not valid JSON: {error.msg}")) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None
    problem = mix.read_problem(data, str(path))
    solution = mix.solve(problem, gap=gap, time_limit_s=time_limit_s)
    return solution, json.dumps(mix.solution_to_dict(solution), indent=1)
