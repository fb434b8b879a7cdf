"""Conditions under which a difference of two plans fails: `monthly_usd>+10%`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Final

from gpumix.domain.plan_difference import PlanDifference
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.loop.difference import FIGURES

_PATTERN: Final = re.compile(
    r"\s*([a-z_]+)\s*(>=|<=|>|<)\s*([+-]?)\s*\$?\s*([0-9][0-9,_]*\.?[0-9]*|\.[0-9]+)\s*([kMB%]?)\s*"
)
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": gt,
    "<": lt,
    ">=": ge,
    "<=": le,
}
_FACTORS: Final = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "%": 0.01}
_SHARES: Final = ("gap", "utilisation")
_GRAMMAR: Final = "FIELD > < >= <= VALUE, such as monthly_usd>+10%, gpus>64, horizon_usd>+50k"


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure that must not be so: the second plan's own, or with a sign the change.

    A change is `relative` to the first plan, or in the figure's unit.
    """

    text: str
    field: str
    operator: str
    value: float
    is_change: bool
    relative: bool

    def is_met(self, found: PlanDifference) -> bool:
        """Whether the difference is so; False where the figure is not known.

        A change relative to 0 is met by any change in its direction.
        """
        figure = found.figure(self.field)
        if figure is None or figure.after is None:
            return False
        if not self.is_change:
            return _OPERATORS[self.operator](figure.after, self.value)
        if figure.delta is None:
            return False
        change = figure.delta
        if self.relative:
            change = change / abs(figure.before) if figure.before else _beyond(change)
        return _OPERATORS[self.operator](change, self.value)


def _beyond(change: float) -> float:
    """A change relative to 0."""
    return 0.0 if change == 0.0 else float("inf") if change > 0.0 else float("-inf")


def conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions as they are written, several with commas between them or in several texts.

    Raises: InputError with every one that cannot be read.
    """
    found, problems = [], []
    parts = [part.strip() for text in texts for part in re.split(r",(?!\d{3}(?!\d))", text)]
    for part in parts:
        match = _PATTERN.fullmatch(part)
        if match is None:
            problems.append(Problem("--fail-if", f"{part!r:.60} is no condition", _GRAMMAR))
            continue
        name, operator, sign, digits, suffix = match.groups()
        if name not in FIGURES:
            problems.append(unknown_name("--fail-if", "figure", name, FIGURES))
            continue
        value = float(digits.replace(",", "").replace("_", "")) * _FACTORS[suffix]
        relative = suffix == "%" and not (name in _SHARES and not sign)
        found.append(
            Condition(
                text=part,
                field=name,
                operator=operator,
                value=-value if sign == "-" else value,
                is_change=bool(sign) or relative,
                relative=relative and name not in _SHARES,
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(found)
