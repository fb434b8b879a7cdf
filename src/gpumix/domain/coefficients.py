"""Constants fitted by tools/fit.py, as data/coefficients.json holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Table = Mapping[str, Mapping[str, float]]
"""Key (architecture, engine generation, stack, ...) -> constant -> value."""


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Fitted constants by engine: table name -> key -> constant -> value.

    Keys are engine generations, precisions and GPU architectures, never a model, a GPU or a
    length. `fitted_on` says from which rows, how many, and when.
    """

    inference: Mapping[str, Table]
    training: Mapping[str, Table]
    media: Mapping[str, Table]
    power: Mapping[str, Table]
    fitted_on: str
