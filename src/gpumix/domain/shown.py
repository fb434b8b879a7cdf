"""How records show themselves to Python: a notebook's HTML, a plain dict, a data frame.

Python asks a record for these, and `report` makes them. The imports point upwards, are made only
when somebody looks, and are the only ones that do (docs/decisions/0012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpumix.domain.comparison import Comparison
    from gpumix.domain.plan import Plan
    from gpumix.domain.predictions import Predictions


def as_html(record: Plan | Comparison) -> str:
    """Head of the record's report, an HTML fragment."""
    from gpumix.report.notebook import head

    return head(record)


def as_dict(record: Plan | Comparison) -> dict[str, Any]:
    """The record in the shape of its JSON."""
    from gpumix.report.export import to_dict

    return to_dict(record)


def as_frame(record: Plan | Comparison | Predictions, table: str, library: str | None) -> Any:
    """The record, or a table of it, as a data frame."""
    from gpumix.report.frames import frame

    return frame(record, table, library)
