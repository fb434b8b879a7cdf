"""The process of one job: `python -m gpumix.web.child FOLDER EFFORT`.

Plans FOLDER/inventory.yaml into FOLDER/plan, or answers FOLDER/question.json of the mix problem
beside it, within the limits of a job. It tells what it does in lines of JSON: `progress`, at the
end `done`, `answer` or `problems`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gpumix.errors import GpumixError
from gpumix.web.jobs import INVENTORY, PLAN, QUESTION
from gpumix.web.limits import limits
from gpumix.web.problems import told, without


def main(folder: Path, effort: str) -> int:
    """Plan or answer, and say how it went: 0 where it went well."""
    _bound_memory(limits().job_bytes)
    try:
        if (folder / QUESTION).is_file():
            _answer(folder)
        else:
            _plan(folder, effort)
    except GpumixError as error:
        _say(problems=told(error, folder))
        return error.exit_code
    except MemoryError:
        what = f"needs more memory than {limits().job_bytes / 2**30:.0f} GiB"
        _say(problems=[{"path": "", "message": what, "did_you_mean": "ask for less at once"}])
        return 2
    return 0


def _plan(folder: Path, effort: str) -> None:
    from gpumix.verbs.plan import plan_into, work_of

    plan_into(
        folder / PLAN,
        folder / INVENTORY,
        lambda step: _say(progress=without(folder, step)),
        work=work_of(effort, None),
    )
    _say(done=True)


def _answer(folder: Path) -> None:
    from dataclasses import asdict

    from gpumix.domain.what_if import WhatIf
    from gpumix.verbs.what_if import PROBLEM, read_solved, what_if

    asked = json.loads((folder / QUESTION).read_text(encoding="utf-8"))
    _say(progress="the cheapest mix")
    found = what_if(read_solved(folder / PROBLEM), WhatIf(**asked))
    _say(answer=asdict(found))


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
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
