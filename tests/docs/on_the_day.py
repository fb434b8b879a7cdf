"""Runs the command line as on a day: `python on_the_day.py 2026-11-24 plan team.yaml`.

What is printed depends on the age of prices; pages show the answers of the day of their prices.
"""

from __future__ import annotations

import datetime
import sys

_Real = datetime.date
_DAY = _Real.fromisoformat(sys.argv.pop(1))


class _AnyDate(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Real)


class _Date(_Real, metaclass=_AnyDate):
    __slots__ = ()  # of the same size, which compiled libraries check

    @classmethod
    def today(cls) -> datetime.date:
        return _DAY


datetime.date = _Date  # type: ignore[misc]

from gpumix.cli import main  # noqa: E402

sys.argv[0] = "gpumix"
sys.exit(main())
