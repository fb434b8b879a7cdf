"""Everything gpumix can say instead of an answer.

GpumixError
├── InputError      the user's file or option is wrong; holds every problem found, with its place
│   └── UnknownName a name that is in no catalogue, with the nearest ones
├── NoEstimate      nothing can be predicted for this question, and why
├── Infeasible      no plan keeps every promise; the limits in conflict and the cheapest way out
└── DataError       a packaged table or a table laid over it breaks its own rules

Exit codes: docs/contracts.md.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

MOST_TOLD = 20
"""Problems that an error's text names; the rest are counted."""
_MOST_COMPARED = 2000
_LONGEST_NAME = 80
_SHORTEST_LIKE = 2
"""Characters of a name that others can be like."""
_JOINERS_AND_BLANKS = "\u200c\u200d\xa0\u202f"


def printable(text: str) -> str:
    """A text whose characters a terminal prints and does not obey: others become escapes.

    >>> printable("caf\\u00e9 " + chr(27) + "[2J")
    'café \\\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        c
        if c.isprintable() or c in _JOINERS_AND_BLANKS
        else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


@dataclass(frozen=True, slots=True)
class Hint:
    """The known names nearest to a name; looked for only when it is printed, since a file may hold
    thousands of unknown names."""

    name: str
    known: Collection[str]
    otherwise: str = ""

    def __str__(self) -> str:
        return (
            did_you_mean(self.name, self.known) or self.otherwise or nearest(self.name, self.known)
        )

    def __bool__(self) -> bool:
        return bool(str(self))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the input: where, what, and the fix.

    `place` reads like `workloads.chat.slo.ttft_p95`, `my-prices.csv line 7` or `--gpus`.
    """

    place: str
    message: str
    fix: str | Hint = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        fix = str(self.fix)
        return printable(f"{text} ({fix})" if fix else text)


class GpumixError(Exception):
    """Base of every error gpumix raises on purpose; `exit_code` is the process's."""

    exit_code = 1

    def __str__(self) -> str:
        return "\n".join(map(printable, super().__str__().split("\n")))


class InputError(GpumixError):
    """The user's input cannot be used; `problems` lists all that was found, at once."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__()

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MOST_TOLD]]
        more = len(self.problems) - len(lines)
        return "\n".join([*lines, f"and {more:,} more like these"] if more > 0 else lines)


class UnknownName(InputError):
    """A name found in no catalogue; carries the closest known names."""

    def __init__(
        self, place: str, kind: str, name: str, known: Iterable[str], fix: str = ""
    ) -> None:
        self.name = name
        found = unknown_name(place, kind, name, known)
        super().__init__(Problem(place, found.message, fix) if fix else found)


class NoEstimate(GpumixError):
    """No prediction is possible; the message is the reason."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Stated:
    """A key of the inventory and its value, as they are written there."""

    path: tuple[str, ...]
    value: str = ""

    @property
    def key(self) -> str:
        """`supply.cloud.max_instances`."""
        return ".".join(self.path)

    def __str__(self) -> str:
        return f"{self.key}: {self.value}" if self.value else self.key


@dataclass(frozen=True, slots=True)
class Change:
    """A key of the inventory that gets another value: YAML text, or none where it is left out.

    `note` says the same in a unit of the site or the work. `share` is what the value stated is
    multiplied by (0-1), where work is cut to that share.
    """

    stated: Stated
    value: str
    note: str = ""
    share: float | None = None

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        was = f" instead of {self.stated.value}" if self.stated.value else ""
        if not self.value:
            return f"leave out {self.stated}{note}"
        return f"{self.stated.key}: {self.value}{was}{note}"


@dataclass(frozen=True, slots=True)
class WayOut:
    """Changes that together make a plan possible, and what it then costs over its horizon [USD].

    `gives_up` says whether some of what was asked for is not done any more. Where there are no
    changes of the inventory `says` tells the way.
    """

    changes: tuple[Change, ...] = ()
    usd: float | None = None
    gives_up: bool = False
    says: str = ""

    def __str__(self) -> str:
        return "; and ".join(map(str, self.changes)) or self.says


class Infeasible(GpumixError):
    """No plan keeps every promise.

    `conflict` are keys of the inventory that cannot hold together, none of them to spare;
    `ways_out` are changes that make a plan possible: those that keep all that was asked for before
    the others, each kind the cheapest first.
    """

    exit_code = 3

    def __init__(
        self, message: str, conflict: Sequence[Stated], ways_out: Sequence[WayOut] = ()
    ) -> None:
        self.message = message
        self.conflict = tuple(conflict)
        self.ways_out = tuple(ways_out)
        super().__init__(message)

    def __str__(self) -> str:
        limits = (printable(f"  {limit}") for limit in self.conflict)
        return "\n".join([super().__str__(), *limits])


def message_of(error: GpumixError) -> str:
    """An error as the command line tells it: every line of it, and any ways out."""
    lines = [f"gpumix: {line}" for line in str(error).splitlines()]
    ways = error.ways_out if isinstance(error, Infeasible) else ()
    prices = [way.usd for way in ways if way.usd is not None]
    for way in ways:
        is_cheapest = len(prices) > 1 and way.usd == min(prices)
        cheapest = "the cheapest: " if is_cheapest else ""
        costs = "" if way.usd is None else f" [the plan then costs {way.usd:,.0f} USD]"
        lines.append(printable(f"  a way out: {cheapest}{way}{costs}"))
    return "\n".join(lines)


class DataError(GpumixError):
    """A data table breaks one of its own rules; the message names the row."""

    exit_code = 2


def did_you_mean(name: str, known: Iterable[str], at_most: int = 3) -> str:
    """`did you mean a, b?` for the known names closest to `name`, or an empty string.

    >>> did_you_mean("h100-smx-80gb", ["h100-sxm-80gb", "l4-24gb"])
    'did you mean h100-sxm-80gb?'
    """
    by_lower = {k.lower(): k for k in itertools.islice(known, _MOST_COMPARED)}
    lowered = name.lower()
    if len(lowered) < _SHORTEST_LIKE:
        return ""
    near = difflib.get_close_matches(lowered, by_lower, n=at_most, cutoff=0.6)
    near += [k for k in by_lower if lowered and lowered in k and k not in near]
    names = [by_lower[k] for k in near[:at_most]]
    return f"did you mean {', '.join(names)}?" if names else ""


def nearest(name: str, known: Collection[str], at_most: int = 3) -> str:
    """The names of many that are least unlike a name, where none is near; empty if none is known.

    >>> nearest("abc", ["xyz", "abd"])
    'nearest of 2: abd, xyz'
    """
    some = list(itertools.islice(known, _MOST_COMPARED))
    found = difflib.get_close_matches(name.lower()[:_LONGEST_NAME], some, at_most, 0.0)
    return f"nearest of {len(known):,}: {', '.join(found)}" if found else ""


def unknown_name(place: str, kind: str, name: str, known: Iterable[str]) -> Problem:
    """The problem `unknown <kind> <name>`, with suggestions or, where they are few, all names."""
    known = known if isinstance(known, Collection) else tuple(known)
    all_names = f"known: {', '.join(known)}" if 0 < len(known) <= 12 else ""
    return Problem(place, f"unknown {kind} {shortened(name)}", Hint(name, known, all_names))


def shortened(name: str) -> str:
    """A name as messages quote it, cut where it is long."""
    return repr(name) if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]!r}..."
