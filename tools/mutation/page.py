"""The page docs/mutants.md: how many mutants the tests killed, and which live."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mutation.trial import FIRST_S, LIMIT_S, Outcome

AIM = 0.85
_INTRODUCTION = """\
# Mutants: do the tests notice a wrong formula?

Written by `make mutants`. A mutant is a small change of the code: `*` for `/`, `<` for `<=`, 1 for
0, a condition turned round, a loop left out. For each, the tests that execute the changed line are
run; a mutant is killed when one of them fails, or when the quickest of them ({first:.0f} s in sum
without it) do not end in {limit} s of a processor though they end with a comment in its place. A
mutant that changes no result is equivalent, and counts neither way. The tests are written with the
survivors of one seed in view: another seed (`--seed`) tells how many live elsewhere.
"""


@dataclass(frozen=True, slots=True)
class Results:
    """What became of the named mutants and of the sample; `reasons` as `equivalents` reads them."""

    root: Path
    seed: int
    named: Sequence[Outcome]
    drawn: Sequence[Outcome]
    reasons: dict[tuple[str, str, str], str]

    def file(self, outcome: Outcome) -> str:
        """The mutant's file, from the root of the tree."""
        return outcome.mutant.path.relative_to(self.root).as_posix()

    def reason(self, outcome: Outcome) -> str:
        """Why a mutant changes no result; empty for one that does."""
        mutant = outcome.mutant
        return self.reasons.get((self.file(outcome), mutant.before, mutant.after), "")

    @property
    def share_killed(self) -> float:
        """Killed mutants of those drawn that are not equivalent [0-1]; 1 where none is drawn."""
        counted = [o for o in self.drawn if o.dead or not self.reason(o)]
        return sum(o.dead for o in counted) / len(counted) if counted else 1.0


def page(results: Results) -> str:
    """The page as Markdown."""
    alive = [o for o in results.drawn if not o.dead]
    parts = [
        _INTRODUCTION.format(first=FIRST_S, limit=LIMIT_S),
        f"{date.today():%Y-%m-%d}; {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; seed {results.seed}, {len(results.drawn)} mutants: "
        f"**{results.share_killed:.1%} killed** (aim: {AIM:.0%}).\n",
        "## By room\n",
        _by_room(results),
        "## Named mutants\n\nThese must die.\n",
        _table(
            ("mutant", "place", "change", "what became of it"),
            [(o.mutant.name, *_place(results, o), _became(o)) for o in results.named],
        ),
        "## Alive\n",
        _table(
            ("place", "change", "what became of it"),
            [(*_place(results, o), _became(o)) for o in alive if not results.reason(o)],
        ),
        "## Equivalent\n",
        _table(
            ("place", "change", "why it changes no result"),
            [(*_place(results, o), results.reason(o)) for o in alive if results.reason(o)],
        ),
    ]
    return "\n".join(parts)


def _by_room(results: Results) -> str:
    counts: dict[str, Counter[str]] = {}
    for outcome in results.drawn:
        room = counts.setdefault(outcome.mutant.path.relative_to(results.root).parts[2], Counter())
        equivalent = not outcome.dead and results.reason(outcome)
        room["equivalent" if equivalent else outcome.verdict] += 1
    columns = ("killed", "timed out", "survived", "not reached", "equivalent")
    rows = [
        (room, str(sum(count.values())), *(str(count[column]) for column in columns))
        for room, count in sorted(counts.items())
    ]
    return _table(("room", "mutants", *columns), rows)


def _place(results: Results, outcome: Outcome) -> tuple[str, str]:
    mutant = outcome.mutant
    return f"{results.file(outcome)}:{mutant.line}", f"`{mutant.before}` → `{mutant.after}`"


def _became(outcome: Outcome) -> str:
    if outcome.verdict == "not reached":
        return "no test executes the line"
    untried = f"; {outcome.untried} slower ones not run to their end" if outcome.untried else ""
    if not outcome.dead and not outcome.tests:
        return "its tests are too slow for the limit without a change too"
    return outcome.verdict if outcome.dead else f"passes {outcome.tests} tests{untried}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not lines:
        return "None.\n"
    shown = [list(head), ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in shown) + "\n"
