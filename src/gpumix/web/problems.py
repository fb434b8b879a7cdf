"""What went wrong, as REST and pages tell it: a status and problems with place, words, advice."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gpumix.errors import GpumixError, Infeasible, InputError, NoEstimate, Problem, printable

UNUSABLE: Final = 422
MISSING: Final = 404
DEFECT: Final = 500
_ARGUMENTS: Final = ("MODEL", "WORKLOAD", "GPU", "NAME")
_OPTION: Final = re.compile(r"^--[a-z-]+")

Told = Mapping[str, str | None]
"""`path`, `message`, `did_you_mean` of one problem; the last is None where there is no advice."""


class NotHere(InputError):
    """Something that is asked for by its name and is not there."""


def status_of(error: GpumixError) -> int:
    """The HTTP status that an error is told with."""
    if isinstance(error, NotHere):
        return MISSING
    known = isinstance(error, InputError | NoEstimate | Infeasible)
    return UNUSABLE if known else DEFECT


def told(error: GpumixError, folder: Path | None = None) -> list[Told]:
    """Every problem of an error, in words that do not name where on this machine `folder` is."""
    found = _problems(error)
    if folder is None:
        return found
    return [{key: text and without(folder, text) for key, text in one.items()} for one in found]


def without(folder: Path, words: str) -> str:
    """Words with the files in a folder named from there.

    >>> without(Path("/srv/plans"), "/srv/plans/team/plan.json line 3")
    'team/plan.json line 3'
    """
    for place in (folder.resolve(), folder.absolute(), folder):
        words = words.replace(f"{place}/", "") if str(place) != "." else words
    return words


def _problems(error: GpumixError) -> list[Told]:
    if isinstance(error, InputError):
        return [of_problem(one) for one in error.problems]
    if isinstance(error, Infeasible):
        ways = "; or ".join(map(str, error.ways_out))
        limits = ", ".join(map(str, error.conflict))
        return [_told(limits, error.message, ways)]
    return [_told("", str(error))]


def of_problem(problem: Problem) -> Told:
    """One problem; an option of the command line is named as its parameter.

    >>> of_problem(Problem("--max-num-seqs", "must be above 0"))["path"]
    'max_num_seqs'
    """
    place = _OPTION.sub(lambda m: m[0].removeprefix("--").replace("-", "_"), problem.place)
    place = place.lower() if place in _ARGUMENTS else place
    return _told(place, problem.message, str(problem.fix))


def of_validation(errors: Sequence[Mapping[str, Any]]) -> list[Told]:
    """What the reader of requests refused."""
    found = []
    for one in errors:
        place = ".".join(str(part) for part in one["loc"] if part not in ("query", "body", "path"))
        what = "unknown parameter" if one["type"] == "extra_forbidden" else str(one["msg"])
        found.append(_told(place, what[:1].lower() + what[1:]))
    return found


def of_system(error: OSError) -> list[Told]:
    """A disk or a file that refuses, without its place on this machine."""
    what = "the disk is full" if error.errno == errno.ENOSPC else "a file cannot be read or written"
    return [_told("", what, error.strerror or "")]


def _told(path: str, message: str, advice: str = "") -> Told:
    return {
        "path": printable(path),
        "message": printable(message),
        "did_you_mean": printable(advice) or None,
    }
