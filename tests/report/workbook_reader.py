"""A workbook calculated again by somebody else: formulas read by openpyxl, sums done here."""

from __future__ import annotations

import io
import math
import re
from functools import cache

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

_RANGE = re.compile(r"(?:(\w+)!)?(\$?[A-Z]+\$?\d+(?::\$?[A-Z]+\$?\d+)?)")


class Calculated:
    """Values of a workbook's cells, from its formulas alone: SUM, SUMIFS, MAX, products, powers."""

    def __init__(self, written: bytes) -> None:
        self.formulas = load_workbook(io.BytesIO(written))
        self.kept = load_workbook(io.BytesIO(written), data_only=True)
        self.value = cache(self._value)

    def cells(self, sheet: str) -> dict[str, object]:
        """Every cell of a sheet that holds something, as calculated."""
        filled = (c for row in self.formulas[sheet].iter_rows() for c in row)
        return {
            c.coordinate: self.value(sheet, c.coordinate) for c in filled if c.value is not None
        }

    def _value(self, sheet: str, name: str) -> object:
        held = self.formulas[sheet][name].value
        if not (isinstance(held, str) and held.startswith("=")):
            return held
        if self.formulas[sheet][name].data_type != "f":
            return held
        return self._calculated(sheet, held[1:])

    def _calculated(self, sheet: str, formula: str) -> float:
        whole = re.fullmatch(r"(SUM|MAX)\(([^()]*)\)", formula)
        if whole:
            numbers = [v for v in self._range(sheet, whole[2]) if isinstance(v, int | float)]
            return math.fsum(numbers) if whole[1] == "SUM" else max(numbers)
        if formula.startswith("SUMIFS("):
            first, *rest = formula[len("SUMIFS(") : -1].split(",")
            kept = [True] * len(self._range(sheet, first))
            for where, wanted in zip(rest[::2], rest[1::2], strict=True):
                [one] = self._range(sheet, wanted)
                kept = [
                    k and v == one for k, v in zip(kept, self._range(sheet, where), strict=True)
                ]
            return math.fsum(v for k, v in zip(kept, self._range(sheet, first), strict=True) if k)
        if formula.startswith("IF("):
            condition, true, false = formula[3:-1].split(",")
            left, right = (self._calculated(sheet, part) for part in condition.split("="))
            return self._calculated(sheet, true if left == right else false)
        text = _RANGE.sub(lambda m: repr(self._number(sheet, m[0])), formula)
        return float(eval(text.replace("^", "**"), {"__builtins__": {}}))

    def _number(self, sheet: str, where: str) -> float:
        [value] = self._range(sheet, where)
        return float(value or 0)  # type: ignore[arg-type]

    @cache  # noqa: B019
    def _range(self, sheet: str, where: str) -> list[object]:
        found = _RANGE.fullmatch(where)
        if found is None:
            raise ValueError(f"{where!r} is no range")
        name, cells = found[1] or sheet, found[2].replace("$", "")
        left, top, right, bottom = range_boundaries(cells)
        rows = self.formulas[name].iter_rows(top, bottom, left, right)
        return [
            None if c.value is None else self.value(name, c.coordinate) for r in rows for c in r
        ]
