"""The process of one job: `python -m gpumix.web.child FOLDER VERB EFFORT`.

Answers what FOLDER holds into FOLDER/plan within the limits of a job; what a plan is asked further
it only says. It speaks in lines of JSON: `progress`, at the end `done`, `answer` or `problems`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gpumix.errors import GpumixError
from gpumix.web.folders import ANSWER
from gpumix.web.jobs import INVENTORY, PLAN, PLAN_VERB, QUESTION, WHATIF
from gpumix.web.limits import limits
from gpumix.web.problems import told, without
from gpumix.web.rest import answers
from gpumix.web.rest.place import REQUEST, SENT, Place
from gpumix.web.rest.table import OBSERVE, VERBS


def main(folder: Path, verb: str, effort: str) -> int:
    """Answer, and say how it went: 0 where there is an answer."""
    _bound_memory(limits().job_bytes)

    def progress(step: str) -> None:
        _say(progress=without(folder, step))

    try:
        if verb == WHATIF:
            progress("the cheapest mix")
            _say(answer=_chosen_again(folder))
        else:
            _answer(folder, verb, effort, progress)
            _say(done=True)
    except GpumixError as error:
        _say(problems=[_without(folder, one) for one in told(error, folder / SENT)])
        return error.exit_code
    except MemoryError:
        what = f"needs more memory than {limits().job_bytes / 2**30:.0f} GiB"
        _say(problems=[{"path": "", "message": what, "did_you_mean": "ask for less at once"}])
        return 2
    return 0


def _answer(folder: Path, verb: str, effort: str, progress: Callable[[str], None]) -> None:
    from gpumix.verbs.plan import plan_into, work_of

    out = folder / PLAN
    place = Place(folder.parent.parent, folder / SENT, out)
    if verb == PLAN_VERB:
        path = folder / INVENTORY
        plan_into(out, path, progress, work=work_of(effort, None))
        return
    if verb == OBSERVE:
        found = answers.observe(place)
    else:
        asked = VERBS[verb].model.model_validate_json((folder / REQUEST).read_bytes())
        found = VERBS[verb].answer(asked, place, progress)
    text = place.told(found)
    out.mkdir(parents=True, exist_ok=True)
    (out / ANSWER).write_text(text, encoding="utf-8")


def _without(folder: Path, problem: Any) -> dict[str, str | None]:
    return {key: text and without(folder, text) for key, text in problem.items()}


def _chosen_again(folder: Path) -> dict[str, Any]:
    """A plan's mix problem, solved at what the question changes."""
    from gpumix.domain.what_if import WhatIf
    from gpumix.verbs.what_if import PROBLEM, read_solved, what_if

    asked = json.loads((folder / QUESTION).read_text(encoding="utf-8"))
    return asdict(what_if(read_solved(folder / PROBLEM), WhatIf(**asked)))


def _say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def _bound_memory(most_bytes: int) -> None:
    """Let this process fill no more memory than that, where the system can hold it to that.

    What is written to counts, not what is reserved: the drawer of charts reserves much more.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
