"""One benchmark run in plain words, whichever tool made it; and how its numbers are picked up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpumix.errors import Problem

STATISTICS = ("mean", "p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run states; None = the file does not say.

    `load` and `load_value` are those of the points contract. Lengths are means per request
    [tokens], `output_len` as the server counted it. `latency_s` holds ttft, tpot, itl and e2e by
    statistic [s]. `checks_tpot` is whether TPOT was measured, not derived.
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
        """The value at a path, or None."""
        here = self.data
        for key in path:
            if isinstance(here, Mapping) and isinstance(key, str):
                here = here.get(key)
            elif isinstance(here, Sequence) and isinstance(key, int) and key < len(here):
                here = here[key]
            else:
                return None
        return here

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
            self.wrong(path, f"is not a number: {found!r:.40}")
            return None
        if not math.isfinite(found) or found < 0.0:
            self.wrong(path, f"must be a number of at least 0, got {found:g}")
            return None
        return float(found)

    def text(self, *path: str | int) -> str:
        """The text at a path, or ''."""
        found = self.at(*path)
        return found.strip() if isinstance(found, str) else ""

    def wrong(self, path: Sequence[str | int], message: str, fix: str = "") -> None:
        """Note a problem at a path."""
        where = ".".join(str(key) for key in path)
        self.problems.append(
            Problem(f"{self.place}: {where}" if where else self.place, message, fix)
        )


def by_server(
    tool_count: float, server_count: float | None, latency_s: Mapping[str, Mapping[str, float]]
) -> tuple[float, dict[str, dict[str, float]], tuple[str, ...]]:
    """Output tokens per request, latencies and a note, by the server's count where it is stated.

    A client that splits the answer's text anew counts other tokens than the engine made; per-token
    latencies follow from the means then: TPOT = (E2E - TTFT) / (n - 1).
    """
    kept = {name: dict(values) for name, values in latency_s.items()}
    if server_count is None or abs(tool_count / server_count - 1.0) <= 0.01:
        return tool_count, kept, ()
    note = (
        f"the client counted {tool_count:.4g} output tokens a request, the server "
        f"{server_count:.4g}: rates and TPOT follow the server"
    )
    kept.pop("itl", None)
    kept["tpot"] = {}
    if server_count > 1.0 and {"e2e", "ttft"} <= set(kept):
        after_first = kept["e2e"]["mean"] - kept["ttft"]["mean"]
        kept["tpot"] = {"mean": after_first / (server_count - 1.0)}
    return server_count, kept, (note,)
