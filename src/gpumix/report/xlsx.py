"""A ledger as a workbook: every amount, sum and total is a formula that ties to the answer.

Formulas carry their value too, for viewers that do not calculate. Text is written as text, so
that nothing of a user's starts a formula.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR

MOST_CHARACTERS: Final = 32_767
"""Of a cell in a workbook; longer text is cut there."""
LEDGER: Final = "Ledger"
_COLUMNS: Final = (
    "Month", "Period", "Year", "No.", "Option", "Category", "Item", "Quantity", "Unit", "Price",
    "Currency", "Rate", "Amount", "Present cost", "Source", "Basis", "As of",
)  # fmt: skip
_WIDTHS: Final = (7, 7, 6, 5, 30, 13, 20, 12, 10, 12, 9, 9, 15, 15, 50, 10, 11)
_FIRST_ROW: Final = 2
"""Of the entries, counted from 1: below the titles."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell that is calculated: its formula and its value."""

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What a ledger is counted in: first month, months, cost of capital a year, currency; `rate` is
    the cell that holds the cost of capital."""

    start: date
    months: int
    cost_of_capital: float
    currency: str
    rate: str = "Summary!$B$4"

    @property
    def years(self) -> list[str]:
        """`2027`, or `2027-07 on` where years of the horizon are no calendar years."""
        count = math.ceil(self.months / MONTHS_PER_YEAR)
        named = [str(self.start.year + year) for year in range(count)]
        return named if self.start.month == 1 else [f"{n}-{self.start:%m} on" for n in named]

    def period(self, number: int) -> date:
        """The day of a period: the start, or the last day of a month."""
        whole = self.start.year * 12 + self.start.month - 1 + number
        first = date(whole // 12, whole % 12 + 1, 1)
        return first - timedelta(days=1) if number else first


class Book:
    """A workbook in memory; `written` is the whole file once it is left."""

    def __init__(self, made: date) -> None:
        self._out = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._out, {"in_memory": True})
        self._book.set_properties({"created": datetime(made.year, made.month, made.day)})
        self.bold = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self.plain = self._book.add_format({"valign": "top"})
        self.wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        self.amount = self._book.add_format({"num_format": "#,##0.00;-#,##0.00"})
        self.total = self._book.add_format(
            {"num_format": "#,##0.00;-#,##0.00", "bold": True, "top": 1}
        )
        self.day = self._book.add_format({"num_format": "yyyy-mm-dd"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._book.close()

    @property
    def written(self) -> bytes:
        """The file."""
        return self._out.getvalue()

    def sheet(self, name: str, widths: Sequence[float], frozen: int = 1) -> Any:
        """A new sheet with columns so wide and so many rows that stay in sight."""
        sheet = self._book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(frozen, 0)
        return sheet

    def row(self, sheet: Any, row: int, cells: Iterable[object], form: Any = None) -> None:
        """One row from column A on: text, numbers, days and formulas as what they are; nothing
        for None."""
        for column, cell in enumerate(cells):
            if isinstance(cell, Formula):
                sheet.write_formula(row, column, cell.text, form or self.amount, cell.value)
            elif isinstance(cell, bool):
                sheet.write_string(row, column, "yes" if cell else "no", form or self.plain)
            elif isinstance(cell, int | float):
                sheet.write_number(row, column, cell, form)
            elif isinstance(cell, date):
                sheet.write_datetime(
                    row, column, datetime(cell.year, cell.month, cell.day), self.day
                )
            elif cell is not None:
                sheet.write_string(row, column, str(cell)[:MOST_CHARACTERS], form or self.plain)


class LedgerSheet:
    """Entries on their sheet, and formulas that add them up with the sums beside.

    `numbers` are those of the options, in order of appearance: a number is found exactly, a name
    might be read as a condition.
    """

    def __init__(self, entries: Sequence[Entry], terms: Terms) -> None:
        self.entries, self.terms = entries, terms
        names = dict.fromkeys(entry.option for entry in entries)
        self.numbers = {name: i for i, name in enumerate(names, start=1)}
        self._keys: list[dict[str, object]] = [
            {
                "Period": entry.period(terms.months),
                "Year": entry.year(terms.months) + 1,
                "No.": self.numbers[entry.option],
                "Category": entry.category,
            }
            for entry in entries
        ]
        self._sums: dict[tuple[str, ...], dict[tuple[object, ...], float]] = {}

    def column(self, title: str) -> str:
        """Where a column's entries are: `Ledger!$M$2:$M$90`."""
        letter = xl_col_to_name(_COLUMNS.index(title))
        last = max(len(self.entries), 1) + _FIRST_ROW - 1
        return f"{LEDGER}!${letter}${_FIRST_ROW}:${letter}${last}"

    def all(self, title: str = "Amount") -> Formula:
        """The sum of every amount, or of every present cost."""
        amounts = (self._amount(e, title) for e in self.entries)
        return Formula(f"=SUM({self.column(title)})", math.fsum(amounts))

    def sum(self, keys: Mapping[str, tuple[str, object]], title: str = "Amount") -> Formula:
        """The sum of entries whose columns hold what cells hold: column -> (cell, its value)."""
        criteria = ",".join(f"{self.column(name)},{cell}" for name, (cell, _) in keys.items())
        sums = self._sums_by((title, *keys))
        value = sums.get(tuple(wanted for _, wanted in keys.values()), 0.0)
        return Formula(f"=SUMIFS({self.column(title)},{criteria})", value)

    def write(self, book: Book) -> None:
        """The sheet: a row an entry, its amount and its present cost as formulas."""
        sheet = book.sheet(LEDGER, _WIDTHS)
        book.row(sheet, 0, _COLUMNS, book.bold)
        for row, entry in enumerate(self.entries, start=_FIRST_ROW):
            key = self._keys[row - _FIRST_ROW]
            amount = Formula(f"=H{row}*J{row}*L{row}", entry.amount)
            present = Formula(
                f"=M{row}*(1+{self.terms.rate})^(-A{row}/12)", self._amount(entry, "Present cost")
            )
            cells = (
                entry.month, key["Period"], key["Year"], key["No."], entry.option, entry.category,
                entry.item, entry.quantity, entry.unit, entry.price, entry.currency, entry.rate,
                amount, present, entry.source, entry.basis, entry.as_of,
            )  # fmt: skip
            book.row(sheet, row - 1, cells)
        sheet.autofilter(0, 0, len(self.entries), len(_COLUMNS) - 1)

    def _sums_by(self, names: tuple[str, ...]) -> dict[tuple[object, ...], float]:
        """Amounts of the first name added up by what the other columns hold."""
        title, *keys = names
        if names not in self._sums:
            grouped: dict[tuple[object, ...], list[float]] = {}
            for entry, own in zip(self.entries, self._keys, strict=True):
                found = grouped.setdefault(tuple(own[key] for key in keys), [])
                found.append(self._amount(entry, title))
            self._sums[names] = {key: math.fsum(amounts) for key, amounts in grouped.items()}
        return self._sums[names]

    def _amount(self, entry: Entry, title: str) -> float:
        if title == "Amount":
            return entry.amount
        factor: float = (1.0 + self.terms.cost_of_capital) ** (-entry.month / MONTHS_PER_YEAR)
        return entry.amount * factor


def write_cash(book: Book, ledger: LedgerSheet, title: str, keys: Mapping[Any, str]) -> str:
    """The sheet Cash: by year, then by month, a line or column for each of `keys` (a category, or
    an option's number) with its name. Returns the cell that holds the most ever outlaid."""
    terms, names = ledger.terms, list(keys)
    sheet = book.sheet("Cash", (14, 30, *(16 for _ in range(max(len(names) + 2, 4)))), frozen=0)
    book.row(sheet, 0, [f"Cash by year, in {terms.currency}"], book.bold)
    book.row(sheet, 1, [title, "", *terms.years, "All years"], book.bold)
    years = range(len(terms.years))
    book.row(sheet, 2, ["", "year of the horizon", *(year + 1 for year in years)])
    first = 3
    for row, key in enumerate(names, start=first):
        cells = [
            ledger.sum({title: (f"$A{row + 1}", key), "Year": (f"{_letter(2 + y)}$3", y + 1)})
            for y in years
        ]
        end = _letter(1 + len(cells))
        all_years = Formula(f"=SUM(C{row + 1}:{end}{row + 1})", math.fsum(c.value for c in cells))
        book.row(sheet, row, [key, keys[key], *cells, all_years])
    total = first + len(names)
    by_year = [ledger.sum({"Year": (f"{_letter(2 + y)}$3", y + 1)}).value for y in years]
    sums = [*by_year, math.fsum(by_year)]
    cells = [
        Formula(f"=SUM({_letter(2 + i)}{first + 1}:{_letter(2 + i)}{total})", value)
        for i, value in enumerate(sums)
    ]
    book.row(sheet, total, ["Cash", "", *cells], book.total)
    so_far = [
        Formula(f"=SUM($C{total + 1}:{_letter(2 + y)}{total + 1})", math.fsum(by_year[: y + 1]))
        for y in years
    ]
    book.row(sheet, total + 1, ["Cash so far", "", *so_far])
    return _write_months(book, ledger, sheet, total + 4, title, keys)


def _write_months(
    book: Book, ledger: LedgerSheet, sheet: Any, top: int, title: str, keys: Mapping[Any, str]
) -> str:
    terms, names = ledger.terms, list(keys)
    book.row(sheet, top, [f"Cash by month, in {terms.currency}"], book.bold)
    book.row(sheet, top + 1, ["", "", *(keys[name] for name in names)], book.bold)
    book.row(sheet, top + 2, ["Period", "Day", *names, "Cash", "Cash so far"], book.bold)
    first, width = top + 3, len(names)
    running, highest = 0.0, -math.inf
    for period in range(terms.months + 1):
        row = first + period
        cells = [
            ledger.sum(
                {
                    title: (f"{_letter(2 + i)}${top + 3}", name),
                    "Period": (f"$A{row + 1}", period),
                }
            )
            for i, name in enumerate(names)
        ]
        value = math.fsum(cell.value for cell in cells)
        running += value
        highest = max(highest, running)
        whole = Formula(f"=SUM(C{row + 1}:{_letter(1 + width)}{row + 1})", value)
        column = _letter(2 + width)
        so_far = Formula(f"=SUM({column}${first + 1}:{column}{row + 1})", running)
        book.row(sheet, row, [period, terms.period(period), *cells, whole, so_far])
    last = first + terms.months + 1
    column = _letter(3 + width)
    most = Formula(f"=MAX({column}{first + 1}:{column}{last})", highest)
    sheet.write_string(last, 2 + width, "most outlaid", book.bold)
    sheet.write_formula(last, 3 + width, most.text, book.total, most.value)
    return f"Cash!{xl_rowcol_to_cell(last, 3 + width)}"


def _letter(column: int) -> str:
    return str(xl_col_to_name(column))
