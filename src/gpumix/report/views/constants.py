"""Constants of the fit: what they started from, what they became, and the rows that moved them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpumix import fields
from gpumix.domain.explanation import Constant, MovedBy
from gpumix.report.tables import Cell, Table, table, text, value

_BASIS = {
    "fitted": "Fitted to measured rows (calibrated).",
    "derived": "Follows from fitted constants.",
    "set": "Set, not fitted.",
}

SIDE_BY_SIDE = "One of them by its whole name: its interval, and the rows that moved it."
HOW_MOVED = (
    "Rows: those whose prediction hangs on the constant directly. Without: its value if the group "
    "were left out, by one step from the slopes of the fit (modelled): it tells who pulls; a whole "
    "refit moves constants several times as far."
)


def overview(constants: Sequence[Constant]) -> Table:
    """One row a constant, with the source of rows that moves it most."""
    return table(
        "",
        Constant,
        constants,
        ("path", lambda c: text(c.path)),
        ("unit", lambda c: text(c.unit)),
        ("prior", lambda c: _estimate("prior", c.prior, c.prior_low, c.prior_high)),
        ("value", lambda c: _estimate("value", c.value, c.low, c.high)),
        ("rows", lambda c: value("rows", c.rows, record=Constant)),
        ("moved", lambda c: text(_most(c))),
    ).without_absent()


def moved(constant: Constant) -> Table:
    """The groups of rows that move a constant most, by kind."""
    return table(
        "Moved most by",
        MovedBy,
        constant.moved,
        ("kind", lambda m: text(m.kind)),
        ("group", lambda m: text(m.group)),
        ("rows", lambda m: value("rows", m.rows, record=MovedBy)),
        ("share", lambda m: value("share", m.share, record=MovedBy)),
        ("without", lambda m: value("without", m.without, record=MovedBy)),
    )


def sentences(constant: Constant) -> Iterator[str]:
    """What a constant is, where it starts, what it is now and why."""
    yield constant.meaning
    yield _BASIS[constant.basis]
    if constant.prior is not None:
        prior = _words("prior", constant.prior, constant.prior_low, constant.prior_high)
        yield f"Before the fit: {prior}, from {constant.source}."
    yield f"Value: {_words('value', constant.value, constant.low, constant.high)}."
    if constant.prior is None:
        yield f"Source: {constant.source}."
    if constant.bound is not None:
        bound = fields.format_value(fields.field("value", Constant), constant.bound)
        yield f"It stands at its physical bound, {bound}: no interval is known."
    if constant.rows is not None:
        rows = fields.format_value(fields.field("rows", Constant), constant.rows)
        yield f"Measured rows whose prediction hangs on it: {rows}."


def _words(name: str, middle: float, low: float | None, high: float | None) -> str:
    cell = _estimate(name, middle, low, high)
    return f"{cell.text} (80 %: {cell.note})" if cell.note else cell.text


def _estimate(name: str, middle: float | None, low: float | None, high: float | None) -> Cell:
    own = fields.field(name, Constant)
    ends = [fields.format_value(own, end) for end in (low, high) if end is not None]
    return Cell(fields.format_value(own, middle), " to ".join(ends))


def _most(constant: Constant) -> str:
    sources = [one for one in constant.moved if one.kind == "source"]
    return sources[0].group if sources else ""
