"""What `predict_inference` and `predict_training` answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.domain import shown


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predictions(Mapping[str, npt.NDArray[Any]]):
    """One entry a question, in order, in every array; also a mapping of column name to array.

    `value` in the metric's own unit and its 80 % interval `low` to `high` are float64, NaN where
    nothing can be said. The others hold text as objects: `id` as it was asked, `basis` (measured,
    calibrated, modelled, simulated; empty without a value), `limit` (what binds) and `note` (why
    there is no value, or what was assumed).
    """

    id: npt.NDArray[np.object_]
    value: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    basis: npt.NDArray[np.object_]
    limit: npt.NDArray[np.object_]
    note: npt.NDArray[np.object_]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        if name not in COLUMNS:
            raise KeyError(name)
        column: npt.NDArray[Any] = getattr(self, name)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)

    def to_frame(self, library: str | None = None) -> Any:
        """One row a question as a data frame; `library` is pandas or polars, pandas by default."""
        return shown.as_frame(self, "", library)

    def __repr__(self) -> str:
        answered = int(np.isfinite(self.value).sum())
        return f"<Predictions: {answered} of {len(self.value)} questions answered>"


COLUMNS = tuple(field.name for field in fields(Predictions))
