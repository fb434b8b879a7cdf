"""Answers that are kept for the same question, and how many are worked on at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date

from gpumix.web.house import House, Query
from gpumix.web.limits import limits
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown

_AT_ONCE = 2
"""Answers worked on at once: more would only share the same cores and slow each other."""


class Kept:
    """Answers of a server, the least recently asked for forgotten first."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._answers: OrderedDict[tuple[str, Query, date], Shown] = OrderedDict()
        self._lock = threading.Lock()
        self._working = threading.Semaphore(_AT_ONCE)

    def answer(self, page: Page, query: Query) -> Shown:
        """A page's answer, kept until tomorrow where it depends on nothing but the question.

        Raises: what the page raises.
        """
        key = page.name, query, date.today()
        if (known := self._known(key)) is not None:
            return known
        with self._working:
            if (known := self._known(key)) is not None:
                return known
            found = page.answer(query, self.house)
        if page.is_kept:
            with self._lock:
                self._answers[key] = found
                while len(self._answers) > limits().kept_answers:
                    self._answers.popitem(last=False)
        return found

    def _known(self, key: tuple[str, Query, date]) -> Shown | None:
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found
