"""A JSON object being read, field by field; faults are gathered, not raised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from gpumix.errors import Hint, unknown_name
from gpumix.errors import Problem as Fault
from gpumix.mix.problem import Workload

LARGEST = 1e15
"""Numbers beyond this are taken for a slip: no fleet costs or serves so much in any unit."""

MOST_COUNTED = 1e9
"""GPUs, instances or replicas: more than were ever made."""

NOTHING = object()
"""Stands for a value that is not there, where None could be one."""


def kind_of(value: object) -> str:
    """The type of a JSON value in words."""
    names = {bool: "true/false", str: "text", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), "a number")


class JsonObject:
    """A JSON object being read: a method per type of field, which reports and returns a value.

    After a fault the value returned is a harmless stand-in; the whole problem is refused anyway.
    """

    def __init__(self, data: Mapping[str, object], place: str, faults: list[Fault]) -> None:
        self._data, self._place, self._faults = data, place, faults

    def fault(self, key: str, message: str, fix: str | Hint = "") -> None:
        """Report that a field's value cannot be used."""
        self._faults.append(Fault(f"{self._place}{key}", message, fix))

    def has(self, key: str) -> bool:
        """Whether a field is there and not null."""
        return self._data.get(key) is not None

    def only(self, allowed: Sequence[str]) -> None:
        """Report every key but the allowed ones."""
        for key in self._data:
            if key not in allowed:
                self.fault(str(key), "unknown key", Hint(str(key), allowed))

    def objects(self, key: str, allowed: Sequence[str], at_least: int = 0) -> list[JsonObject]:
        """The objects of a list; items of another type are reported and left out."""
        items = self._data.get(key)
        if not isinstance(items, (list, tuple)) or len(items) < at_least:
            self._wrong(key, "a list" if at_least == 0 else "a list with an item")
            return []
        out = []
        for i, item in enumerate(items):
            if isinstance(item, Mapping):
                out.append(JsonObject(item, f"{self._place}{key}[{i}].", self._faults))
                out[-1].only(allowed)
            else:
                self.fault(f"{key}[{i}]", f"must be an object, not {kind_of(item)}")
        return out

    def length(self, key: str) -> int:
        """Items of a list, those of a wrong type too; 0 where there is no list."""
        items = self._data.get(key)
        return len(items) if isinstance(items, (list, tuple)) else 0

    def text(self, key: str, default: str | None = None) -> str:
        """Text; without a default it is needed and not empty."""
        value = self._data.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value):
            self._wrong(key, "text")
            return ""
        return value

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        """One of some words."""
        value = self.text(key)
        if value and value not in among:
            self.fault(key, f"must be one of {', '.join(among)}", Hint(value, among))
        return value if value in among else ""

    def reference(self, key: str, kind: str, known: Iterable[str]) -> str:
        """The name of something known."""
        value = self.text(key)
        if value and value not in known:
            self._faults.append(unknown_name(f"{self._place}{key}", kind, value, known))
        return value

    def references(self, key: str, kind: str, known: Iterable[str]) -> tuple[str, ...]:
        """Names of a list, each known and there once; absent = none."""
        value = self._data.get(key)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            self._wrong(key, "a list of names", value)
            return ()
        for i, name in enumerate(value):
            place = f"{self._place}{key}[{i}]"
            if name not in known:
                self._faults.append(unknown_name(place, kind, name, known))
            elif name in value[:i]:
                self._faults.append(Fault(place, f"names {name!r} again"))
        return tuple(value)

    def flag(self, key: str) -> bool:
        """True or false; absent = false."""
        value = self._data.get(key)
        if value is not None and not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value is True

    def number(self, key: str, default: float | None = None, at_least: float = 0.0) -> float:
        """A number of at least `at_least`."""
        value = self._data.get(key)
        if value is None and default is not None:
            return default
        return self._checked(key, value, at_least=at_least)

    def optional_number(self, key: str, at_most: float = math.inf) -> float | None:
        """A number of 0 or more; None where absent."""
        return self._checked(key, self._data[key], at_most=at_most) if self.has(key) else None

    def integer(self, key: str, at_least: int = 0) -> int:
        """A whole number."""
        return self._whole(key, self._data.get(key), at_least)

    def integers(self, key: str, at_least: int = 0) -> dict[str, int]:
        """An object of whole numbers by name; absent = empty."""
        return {name: self._whole(f"{key}.{name}", v, at_least) for name, v in self._items(key)}

    def optional_integer(self, key: str, at_least: int = 0) -> int | None:
        """A whole number; None where absent."""
        return self.integer(key, at_least) if self.has(key) else None

    def numbers(self, key: str) -> dict[str, float]:
        """An object of numbers by name; absent = empty."""
        return {name: self._checked(f"{key}.{name}", v) for name, v in self._items(key)}

    def _items(self, key: str) -> list[tuple[str, object]]:
        items = self._data.get(key)
        if items is not None and not isinstance(items, Mapping):
            self._wrong(key, "an object of numbers by name")
        return [(str(k), v) for k, v in items.items()] if isinstance(items, Mapping) else []

    def series(
        self, key: str, value: object, length: int, at_least: float = 0.0
    ) -> tuple[float, ...]:
        """Numbers, one a block."""
        if not isinstance(value, (list, tuple)):
            self._wrong(key, "a list with a number for each block", value)
            return (0.0,) * length
        if length and len(value) != length:
            self.fault(key, f"has {len(value)} numbers for {length} blocks")
        numbers = [self._checked(f"{key}[{i}]", v, at_least) for i, v in enumerate(value)]
        return tuple((numbers + [0.0] * length)[:length])

    def cash(self, length: int) -> tuple[float, ...]:
        """What is taken of each of so many cash limits, below 0 where it gives; () where absent."""
        value = self._data.get("cash")
        if value is None:
            return ()
        if isinstance(value, (list, tuple)) and len(value) != length:
            self.fault("cash", f"has {len(value)} numbers for {length} cash limits")
            return (0.0,) * length
        return self.series("cash", value, length, -LARGEST)

    def hours(self, key: str, length: int) -> tuple[float, ...]:
        """A series of hours, one a block."""
        return self.series(key, self._data.get(key), length)

    def demand(self, key: str, length: int) -> tuple[float, ...] | dict[str, tuple[float, ...]]:
        """One series, or one per request class."""
        value = self._data.get(key)
        if isinstance(value, Mapping) and value:
            return {str(k): self.series(f"{key}.{k}", v, length) for k, v in value.items()}
        return self.series(key, value, length)

    def rate(self, key: str, workload: Workload | None) -> float | dict[str, float]:
        """One rate, or one per class of the workload."""
        if workload is None or not workload.classes:
            return self.number(key)
        if not isinstance(self._data.get(key), Mapping):
            self._wrong(key, f"a rate for each request class of {workload.id}")
            return {}
        rates = self.numbers(key)
        for name in rates:
            if name not in workload.classes:
                place = f"{self._place}{key}.{name}"
                self._faults.append(unknown_name(place, "class", name, workload.classes))
        return rates

    def window(self, key: str, n_blocks: int) -> tuple[int, ...] | None:
        """Block indices, each once; None where absent."""
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, (list, tuple)):
            self._wrong(key, "a list of block indices")
            return None
        for i, index in enumerate(value):
            if type(index) is not int or not 0 <= index < n_blocks:
                self.fault(f"{key}[{i}]", f"must be a block index from 0 to {n_blocks - 1}")
            elif index in value[:i]:
                self.fault(f"{key}[{i}]", f"names block {index} again")
        return tuple(i for i in value if type(i) is int)

    def _checked(
        self, key: str, value: object, at_least: float = 0.0, at_most: float = math.inf
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._wrong(key, "a number", value)
            return 0.0
        if not abs(value) <= LARGEST:
            self.fault(key, f"must be a finite number up to {LARGEST:g}")
        elif value < at_least:
            least = f"{at_least:g} or more" if at_least == 0.0 else f"at least {at_least:g}"
            self.fault(key, f"must be {least}, not {value:g}")
        elif value > at_most:
            self.fault(key, f"must be at most {at_most:g}, not {value:g}")
        else:
            return float(value)
        return 0.0

    def _whole(self, key: str, value: object, at_least: int = 0) -> int:
        number = self._checked(key, value, at_most=MOST_COUNTED)
        if number != int(number) or (number < at_least and value is not None):
            self.fault(key, f"must be a whole number of at least {at_least}, not {number:g}")
        return max(int(number), at_least)

    def _wrong(self, key: str, wanted: str, value: object = NOTHING) -> None:
        value = self._data.get(key) if value is NOTHING else value
        missing = value is None and key not in self._data and "[" not in key
        self.fault(key, "is missing" if missing else f"must be {wanted}, not {kind_of(value)}")
