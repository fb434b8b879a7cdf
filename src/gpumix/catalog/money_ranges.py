"""By how much the figures behind a plan's money may be off."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.money_ranges import Acts, MoneyRange


def load_money_ranges(folder: Path | None = None) -> tuple[MoneyRange, ...]:
    """The packaged table, or a folder's. Raises: DataError naming every bad row."""
    return read_packaged("money_ranges.csv", range_record, folder)


def range_record(row: Row) -> MoneyRange:
    """A row of `money_ranges.csv`; a problem where the ends are out of order."""
    found = MoneyRange(
        name=row.required_text("input"),
        acts=Acts(row.choice("acts", list(Acts))),
        categories=_words(row, "categories"),
        purchases=_words(row, "purchases"),
        each=row.text("each"),
        unit=row.required_text("unit"),
        low=row.number("low"),
        typical=row.positive("typical"),
        high=row.number("high"),
        least=row.number("least"),
        most=row.number("most"),
        source=row.required_text("source"),
        as_of=row.day("as_of"),
        sourced=row.yes("sourced"),
    )
    ends = [
        v for v in (found.least, found.low, found.typical, found.high, found.most) if v is not None
    ]
    if ends != sorted(ends):
        row.wrong("least, low, typical, high and most are not in order")
    return found


def _words(row: Row, column: str) -> frozenset[str]:
    return frozenset(word.strip() for word in row.text(column).split(";") if word.strip())
