"""A smallest set of statements that cannot hold together, given a test of any set of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def minimal_conflict(
    names: Sequence[Name], holds: Callable[[Sequence[Name]], bool]
) -> tuple[Name, ...]:
    """Names that cannot hold together, none of them to spare; () if all can.

    Of several such sets it finds the one that keeps the earliest names, in about
    2k log2(n/k) + 2k tests for k names out of n.

    Args:
        names: all statements, the ones to tell a conflict in first.
        holds: whether some of them can hold together; must be monotone: what holds still holds
            with fewer statements.

    >>> minimal_conflict(["a", "b", "c", "d"], lambda kept: not {"b", "d"} <= set(kept))
    ('b', 'd')
    >>> minimal_conflict(["a", "b"], lambda kept: True)
    ()

    Source: Junker, "QuickXplain: preferred explanations and relaxations for over-constrained
        problems", AAAI 2004.
    """
    if holds(names):
        return ()
    found = _needed([], False, list(names), holds)
    return tuple(name for name in names if name in found)


def _needed(
    background: list[Name],
    grew: bool,
    names: list[Name],
    holds: Callable[[Sequence[Name]], bool],
) -> list[Name]:
    """The members of `names` that a conflict needs, given that `background` is kept."""
    if grew and not holds(background):
        return []
    if len(names) <= 1:
        return names
    middle = len(names) // 2
    first, second = names[:middle], names[middle:]
    from_second = _needed(background + first, bool(first), second, holds)
    from_first = _needed(background + from_second, bool(from_second), first, holds)
    return from_first + from_second
