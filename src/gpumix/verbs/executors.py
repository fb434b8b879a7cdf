"""Where the parts of a sweep are computed: in processes of this machine, or on Ray.

One interface for both: a function of one argument and its arguments, answers in their order. Both
give the same answers, as a plan depends on no clock and no machine.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final, Protocol, TypeVar

from gpumix.errors import InputError, Problem

LOCAL: Final = "local"
RAY: Final = "ray"
_ADDRESS: Final = "ray://"
_THREADS: Final = 2
"""Threads that one plan takes."""

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Executor(Protocol):
    """Something that computes many answers."""

    def map(self, do: Callable[[Asked], Answered], asked: Sequence[Asked]) -> Iterator[Answered]:
        """`do` of each, in order."""


class Processes:
    """Processes of this machine; a single one is this process itself."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, do: Callable[[Asked], Answered], asked: Sequence[Asked]) -> Iterator[Answered]:
        """`do` of each, in order."""
        workers = min(self.workers, len(asked))
        if workers <= 1:
            yield from map(do, asked)
            return
        context = multiprocessing.get_context(
            "spawn"
        )  # threads of the solver do not survive a fork
        with ProcessPoolExecutor(workers, context) as pool:
            yield from pool.map(do, asked)


class Ray:
    """Ray, started on this machine, or a cluster's at an address."""

    def __init__(self, address: str | None, workers: int) -> None:
        self.address, self.workers = address, workers

    def map(self, do: Callable[[Asked], Answered], asked: Sequence[Asked]) -> Iterator[Answered]:
        """`do` of each, in order. Raises: InputError without Ray, or where nothing answers."""
        ray = _ray()
        own = {"num_cpus": self.workers, "include_dashboard": False} if not self.address else {}
        try:
            ray.init(self.address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, RuntimeError, OSError) as error:
            text = f"cannot be reached: {str(error).splitlines()[0]:.200}"
            raise InputError(Problem(f"--on {self.address or RAY}", text)) from None
        try:
            remote = ray.remote(lambda one: do(one))  # which takes plain functions alone
            yield from map(ray.get, [remote.remote(one) for one in asked])
        finally:
            ray.shutdown()


def executor(on: str = LOCAL, workers: int | None = None) -> Executor:
    """What computes a sweep: `local`, `ray`, or `ray://HOST`; by default half of the cores.

    Raises: InputError for another word, and where Ray is asked for and not installed.
    """
    count = workers or max((os.cpu_count() or 1) // _THREADS, 1)
    if on == LOCAL:
        return Processes(count)
    if on == RAY or on.startswith(_ADDRESS):
        _ray()
        return Ray(None if on == RAY else on, count)
    fix = f"{LOCAL}, {RAY} or {_ADDRESS}HOST:PORT"
    raise InputError(Problem("--on", f"{on!r:.60} is nowhere known", fix))


def _ray() -> Any:
    try:
        return importlib.import_module(RAY)
    except ImportError:
        fix = "pip install 'gpumix[ray]', or leave --on out"
        raise InputError(Problem("--on", "Ray is not installed", fix)) from None
