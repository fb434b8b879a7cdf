"""How much work a plan may take: ends of its searches by work done, and a stop that a user sets."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gpumix import mix


@dataclass(frozen=True, slots=True)
class Effort:
    """How long one search may go on.

    `work` ends it, so that two runs find the same mix. A problem of no more than `largest` whole
    numbers enters whole, of others what so many `rounds` of relaxations hold; the next entry of
    `rounds` is tried where the mix found is further than `search.FAR` from the bound.
    """

    work: mix.Effort
    largest: int
    rounds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The effort for the plan itself and for each plan it is held against (those may cost a little
    too much), and until when; with a limit of time [s] the plan depends on the machine.

    The hours of a week fall into so many blocks, each planned for its greatest hour: of several
    `blocks_per_week` the one with the cheapest plan is taken.
    """

    plan: Effort
    variant: Effort
    blocks_per_week: tuple[int, ...] = (6,)
    time_limit_s: float | None = None
    deadline: mix.Deadline = mix.NEVER

    def until(self, time_limit_s: float | None) -> Work:
        """The same work, cut short after so long from now [s]. Raises: InputError."""
        mix.check_ends(0.0, time_limit_s)
        return replace(self, time_limit_s=time_limit_s, deadline=mix.Deadline.after(time_limit_s))

    def left_s(self) -> float | None:
        """Time left [s], None without a limit. Raises: mix.OutOfTime."""
        left_s = self.deadline.left_s()
        return None if math.isinf(left_s) else left_s

    @property
    def is_over(self) -> bool:
        """Whether the user's time is up."""
        try:
            self.deadline.left_s()
        except mix.OutOfTime:
            return True
        return False


_BRIEF = Effort(mix.QUICK, 1_000, (1, 2))
_USUAL = Effort(mix.NORMAL, 6_000, (3,))
_LONG = Effort(mix.THOROUGH, 20_000, (3, 5))

NORMAL = Work(_USUAL, _BRIEF)
WORK = {"quick": Work(_BRIEF, _BRIEF), "normal": NORMAL, "thorough": Work(_LONG, _USUAL, (6, 24))}
"""By the names a user gives."""
