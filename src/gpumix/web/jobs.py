"""Verbs in processes of their own: a queue, progress, bounds of time and memory, cancelling.

A job works in a hidden folder within the served one. Only a whole result is moved to its name, so
a job that fails or is cancelled leaves nothing.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from gpumix.domain.plan import PLAN_JSON
from gpumix.errors import Hint, Problem
from gpumix.web.limits import Limits, limits
from gpumix.web.problems import NotHere, Told, of_problem

CHILD: Final = (sys.executable, "-m", "gpumix.web.child")
WORK: Final = ".jobs"
"""Folder of jobs at work, within the served one."""
PLAN: Final = "plan"
"""Folder of the result, within a job's."""
INVENTORY: Final = "inventory.yaml"
"""What is planned, within a job's folder."""
QUESTION: Final = "question.json"
"""What a plan is asked further; the plan's mix problem lies beside it."""
PLAN_VERB: Final = "plan"
"""The verb whose answer is a plan.json."""
WHATIF: Final = "whatif"
"""The verb whose answer is kept in memory, for the page that asked."""


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_LONGEST_END_S = 10.0
"""How long killed processes may take to end."""
_ENDED = (State.DONE, State.FAILED, State.CANCELLED)


class QueueFull(Exception):
    """No further job is taken."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        super().__init__(f"{waiting} jobs wait already; ask again when one has ended, or cancel")


@dataclass(slots=True)
class Job:
    """One answer that is asked for: what it is called, where it is, what it said last.

    What a plan is asked further is answered at the address `shown_at`; `key` is what the question
    is known by, `found` its answer.
    """

    id: str
    verb: str
    name: str
    effort: str
    is_plan: bool = False
    state: State = State.WAITING
    progress: str = ""
    folder: str = ""
    problems: tuple[Told, ...] = ()
    key: Hashable = None
    shown_at: str = ""
    found: Mapping[str, Any] | None = None
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    is_cancelled: bool = False
    is_late: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in _ENDED

    def to_dict(self) -> dict[str, Any]:
        """The job as REST tells it: where its answer is, and the result where that is a plan."""
        here = f"/api/v1/jobs/{self.id}"
        kept = f"/api/v1{self.shown_at}" if self.found is not None else None
        return {
            "id": self.id,
            "verb": self.verb,
            "name": self.name,
            "effort": self.effort,
            "state": self.state.value,
            "progress": self.progress,
            "folder": self.folder or None,
            "answer": f"{here}/answer" if self.folder else kept,
            "files": f"{here}/files.zip" if self.folder else None,
            "plan": f"/api/v1/plan?folder={self.folder}" if self.is_plan else None,
            "problems": list(self.problems),
        }


class Jobs:
    """Jobs of one server: `workers` at once, the others in a queue.

    `command` starts a job's process; it is told the job's folder, the verb and the effort, and
    answers in lines of JSON (see child.py).
    """

    def __init__(
        self,
        folder: Path,
        workers: int,
        command: Sequence[str] = CHILD,
        bounds: Limits | None = None,
    ) -> None:
        self._folder, self._workers, self._command = folder, workers, tuple(command)
        self._bounds = bounds or limits()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._is_closed = False
        self._known: OrderedDict[str, Job] = OrderedDict()
        self._queue: deque[Job] = deque()
        self._running = 0

    def add(self, name: str, put: Callable[[Path], object], verb: str, effort: str = "") -> Job:
        """Take what is to be answered; `put` writes what the verb reads into the job's folder.

        Raises: QueueFull; OSError where it cannot be written.
        """
        with self._lock:
            job = Job(secrets.token_hex(6), verb, name, effort)
            self._queue_up(job, put)
        self._start_next()
        return job

    def ask(self, name: str, key: Hashable, put: Callable[[Path], object], shown_at: str) -> Job:
        """Take a question of a plan; the same that waits, runs or was answered is not asked again.

        Raises: QueueFull; OSError where it cannot be written.
        """
        with self._lock:
            for known in reversed(self._known.values()):
                if known.key == key and not known.is_cancelled:
                    return known
            job = Job(secrets.token_hex(6), WHATIF, name, "", key=key, shown_at=shown_at)
            self._queue_up(job, put)
        self._start_next()
        return job

    def _queue_up(self, job: Job, put: Callable[[Path], object]) -> None:
        """Let a job write what it reads and wait; the lock is held."""
        if len(self._queue) >= self._bounds.queued_jobs:
            raise QueueFull(len(self._queue))
        try:
            self._work(job).mkdir(parents=True)
            put(self._work(job))
        except OSError:
            self._clear(job)
            raise
        self._known[job.id] = job
        self._queue.append(job)
        self._forget_oldest()

    def get(self, id: str) -> Job:
        """The job of that id. Raises: NotHere."""
        with self._lock:
            if id not in self._known:
                raise NotHere(Problem("id", f"no job {id!r:.40}", Hint(id, list(self._known))))
            return self._known[id]

    def every(self) -> list[Job]:
        """All that are remembered, the newest first."""
        with self._lock:
            return list(reversed(self._known.values()))

    def cancel(self, id: str) -> Job:
        """End a job; one that has ended stays as it is. Raises: NotHere."""
        job = self.get(id)
        with self._lock:
            if job.has_ended:
                return job
            job.is_cancelled = True
            if job in self._queue:
                self._queue.remove(job)
                self._end(job, State.CANCELLED)
            elif job.process is not None:
                job.process.kill()
        return job

    def close(self) -> None:
        """End every job, when the server ends; what they had begun is cleared away."""
        with self._lock:
            self._is_closed = True
        for job in self.every():
            self.cancel(job.id)
        with self._idle:
            self._idle.wait_for(lambda: not self._running, _LONGEST_END_S)

    def _work(self, job: Job) -> Path:
        return self._folder / WORK / job.id

    def _start_next(self) -> None:
        with self._lock:
            if self._is_closed or self._running >= self._workers or not self._queue:
                return
            job = self._queue.popleft()
            job.state = State.RUNNING
            self._running += 1
        threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _run(self, job: Job) -> None:
        """Follow one process until it ends, then start the next."""
        said: dict[str, Any] = {}
        try:
            said = self._follow(job)
        except OSError as error:
            said = {"problems": [of_problem(Problem("", f"cannot be started: {error.strerror}"))]}
        finally:
            with self._lock:
                self._settle(job, said)
                self._running -= 1
                self._idle.notify_all()
            self._start_next()

    def _follow(self, job: Job) -> dict[str, Any]:
        """What the process said at its end; its progress goes into the job on the way."""
        command = [*self._command, str(self._work(job)), job.verb, job.effort]
        with self._lock:
            if job.is_cancelled:
                return {}
            job.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        late = threading.Timer(self._bounds.job_s, self._stop_late, args=(job,))
        late.start()
        last: dict[str, Any] = {}
        try:
            for line in job.process.stdout or ():
                last = _said(line) or last
                job.progress = str(last.get("progress", job.progress))
            job.process.wait()
        finally:
            late.cancel()
            if job.process.stdout is not None:
                job.process.stdout.close()
        return last

    def _stop_late(self, job: Job) -> None:
        job.is_late = True
        if job.process is not None:
            job.process.kill()

    def _settle(self, job: Job, said: dict[str, Any]) -> None:
        """Move a whole result to its name, or say why there is none; the lock is held."""
        if job.is_cancelled:
            self._end(job, State.CANCELLED)
        elif isinstance(said.get("answer"), dict):
            job.found = said["answer"]
            self._end(job, State.DONE)
        elif said.get("done"):
            target = self._folder / f"{job.name}-{job.id}"
            (self._work(job) / PLAN).rename(target)
            job.folder = target.name
            job.is_plan = (target / PLAN_JSON).is_file()
            self._end(job, State.DONE)
        else:
            job.problems = tuple(said.get("problems") or (self._why_ended(job),))
            self._end(job, State.FAILED)

    def _why_ended(self, job: Job) -> Told:
        if job.is_late:
            what, fix = f"took longer than {self._bounds.job_s / 60:.0f} minutes", "effort: quick"
        else:
            what = "ended without an answer: it may have filled its memory"
            fix = f"{self._bounds.job_bytes / 2**30:.0f} GiB are allowed; use the command line"
        return of_problem(Problem("", what, fix))

    def _end(self, job: Job, state: State) -> None:
        job.process = None
        job.state = state
        self._clear(job)

    def _clear(self, job: Job) -> None:
        shutil.rmtree(self._work(job), ignore_errors=True)
        work = self._folder / WORK
        if work.is_dir() and not any(work.iterdir()):
            work.rmdir()

    def _forget_oldest(self) -> None:
        ended = [id for id, job in self._known.items() if job.has_ended]
        for id in ended[: max(0, len(self._known) - self._bounds.kept_jobs)]:
            del self._known[id]


def _said(line: str) -> dict[str, Any]:
    """A line of a job's process; empty where it is none of ours."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
