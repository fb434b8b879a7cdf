"""GPUs, models, providers or countries side by side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpecCell:
    """One figure or word with its source; None where it is not known or does not apply."""

    value: float | str | None
    source: str


@dataclass(frozen=True, slots=True)
class SpecRow:
    """One attribute of everything that is shown, in the order of the names."""

    attribute: str
    label: str
    unit: str
    cells: tuple[SpecCell, ...]


@dataclass(frozen=True, slots=True)
class Specification:
    """Things of one `kind` (GPU, model, provider, country) by `names`; `notes` say what was taken
    for names that leave something open. Peaks of GPUs are dense."""

    kind: str
    names: tuple[str, ...]
    rows: tuple[SpecRow, ...]
    notes: tuple[str, ...] = ()
