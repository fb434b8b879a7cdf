"""What REST answers beside the verbs' own JSON: problems, jobs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ToldProblem(BaseModel):
    """One thing that is wrong: where, what, and what may be meant."""

    path: str
    message: str
    did_you_mean: str | None = None


class Problems(BaseModel):
    """Everything that is wrong with a request, at once."""

    problems: list[ToldProblem]


class JobTold(BaseModel):
    """A job: waiting, running, done, failed or cancelled; where its answer and its files are.

    `folder` is the name of its result here, `plan` the address of that where it is a plan.
    """

    id: str
    verb: str
    name: str
    effort: str
    state: str
    progress: str
    folder: str | None
    answer: str | None
    files: str | None
    plan: str | None
    problems: list[ToldProblem]


ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problems, "description": "No such name here, with the nearest ones."},
    422: {"model": Problems, "description": "The request cannot be answered; every problem."},
}
FULL: dict[int | str, dict[str, Any]] = {
    413: {"model": Problems, "description": "What was sent is too large."},
    429: {"model": Problems, "description": "Too many jobs wait; ask again later."},
}
WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": JobTold, "description": "A job works on it: ask again when it is done."},
    429: FULL[429],
}
ANY_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


def saved_as(name: str) -> dict[str, str]:
    """What tells a browser to save an answer under a name of a file that gpumix made."""
    return {"content-disposition": f'attachment; filename="{name}"'}
