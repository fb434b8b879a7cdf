"""One benchmark run in plain words, whichever tool made it; and how its numbers are picked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpumix.errors import Problem
from gpumix.reading import control_character

_KINDS: dict[type, str] = {
    Mapping: "an object",
    dict: "an object",
    list: "a list",
    float: "a number",
    str: "text",
    bool: "true or false",
}
STATISTICS = ("mean", "p50", "p95", "p99")
LAYOUT = ("n_gpus", "tp", "pp", "dp", "ep")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a file states; '' = nothing. Counts are written as digits; `gpu` is the file's word."""

    gpu: str = ""
    n_gpus: str = ""
    tp: str = ""
    pp: str = ""
    dp: str = ""
    ep: str = ""
    weight_precision: str = ""
    engine_version: str = ""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What one run states; None = the file does not say.

    `load` and `load_value` are those of the points contract. Lengths are means per request
    [tokens], `output_len` as the server counted it. `latency_s` holds ttft, tpot, itl and e2e by
    statistic [s]. `deployed` is what the file says of the machine, `figures` are further ones by
    metric of the points contract, `batch` is whether the load is a batch of one size, which the
    options state. NaN: the file does not have it.
    """

    tool: str
    place: str
    completed: float
    failed: float
    duration_s: float | None
    input_len: float
    output_len: float
    requests_per_s: float
    output_tokens_per_s: float
    latency_s: Mapping[str, Mapping[str, float]]
    requested: float | None = None
    total_tokens_per_s: float | None = None
    load: str = ""
    load_value: float | None = None
    model: str = ""
    engine: str = ""
    engine_version: str = ""
    same_length: bool = True
    notes: tuple[str, ...] = ()
    deployed: Deployed = field(default_factory=Deployed)
    figures: Mapping[str, float] = field(default_factory=dict)
    batch: bool = False


@dataclass(slots=True)
class Cells:
    """A parsed file with the problems found in it; `at` reaches into nested objects.

    A number that is missing or is none is noted as a problem, and NaN is returned, so that one
    pass finds them all.
    """

    data: Any
    place: str
    problems: list[Problem] = field(default_factory=list)

    def at(self, *path: str | int) -> Any:
        """The value at a path, or None; a problem where something on the way is of another kind."""
        here: Any = self.data
        for depth, key in enumerate(path):
            if here is None:
                return None
            wanted: type = Mapping if isinstance(key, str) else list
            found = isinstance(here, wanted)
            if not found:
                self._unlike(path[:depth], here, wanted)
                return None
            if isinstance(key, str):
                here = here.get(key)
            else:
                here = here[key] if key < len(here) else None
        return here

    def items(self, *path: str | int) -> list[Any]:
        """The list at a path; empty where there is none, a problem where it is something else."""
        found = self.at(*path)
        if found is not None and not isinstance(found, list):
            self._unlike(path, found, list)
            return []
        return found or []

    def number(self, *path: str | int) -> float:
        """The number of at least 0 at a path; a problem and NaN where there is none."""
        value = self.optional(*path)
        if value is None:
            if self.at(*path) is None:
                self.wrong(path, "is missing")
            return math.nan
        return value

    def optional(self, *path: str | int) -> float | None:
        """The number at a path; None where the file does not have it."""
        found = self.at(*path)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float):
            self._unlike(path, found, float)
            return None
        if not math.isfinite(found) or found < 0.0:
            self.wrong(path, f"must be a number of at least 0, got {found:g}")
            return None
        return float(found)

    def text(self, *path: str | int) -> str:
        """The text at a path, or ''; a problem where it is something else, or no name."""
        found = self.at(*path)
        if found is not None and not isinstance(found, str):
            self._unlike(path, found, str)
            return ""
        text = (found or "").strip()
        if code := control_character(text):
            self.wrong(path, f"holds a control character, {code}")
        return text

    def flag(self, *path: str | int) -> bool | None:
        """The truth value at a path, or None; a problem where it is something else."""
        found = self.at(*path)
        if found is not None and not isinstance(found, bool):
            self._unlike(path, found, bool)
            return None
        return found

    def _unlike(self, path: Sequence[str | int], found: object, wanted: type) -> None:
        shown = f"{found!r:.40}" if isinstance(found, str | int | float) else _KINDS[type(found)]
        self.wrong(path, f"must be {_KINDS[wanted]}, not {shown}")

    def wrong(self, path: Sequence[str | int], message: str, fix: str = "") -> None:
        """Note a problem at a path."""
        where = ".".join(str(key) for key in path)
        problem = Problem(f"{self.place}: {where}" if where else self.place, message, fix)
        if problem not in self.problems:
            self.problems.append(problem)


def by_server(
    tool_count: float, server_count: float | None, latency_s: Mapping[str, Mapping[str, float]]
) -> tuple[float, dict[str, dict[str, float]], tuple[str, ...]]:
    """Output tokens per request, latencies and a note, by the server's count where it is stated.

    A client that splits the answer's text anew counts other tokens than the engine made; per-token
    latencies follow from the means then: TPOT = (E2E - TTFT) / (n - 1).
    """
    kept = {name: dict(values) for name, values in latency_s.items()}
    if server_count is None or abs(tool_count - server_count) <= 0.01 * server_count:
        return tool_count, kept, ()
    note = (
        f"the client counted {tool_count:.4g} output tokens a request, the server "
        f"{server_count:.4g}: rates and TPOT follow the server"
    )
    kept.pop("itl", None)
    kept["tpot"] = {}
    e2e, ttft = (kept.get(name, {}).get("mean") for name in ("e2e", "ttft"))
    if server_count > 1.0 and e2e is not None and ttft is not None:
        kept["tpot"] = {"mean": (e2e - ttft) / (server_count - 1.0)}
    return server_count, kept, (note,)
