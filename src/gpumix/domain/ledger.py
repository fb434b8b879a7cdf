"""One dated amount, of which every total of money is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount of an option: what is paid, when, and where its price comes from.

    `month` months after the start; paid at the end of that month where it `closes` it (what
    recurs, a resale), else on the day after: of month 12 the first falls in the first year, the
    second in the second. `amount` is positive where it is paid and negative where it is received,
    in the currency of the answer; `price` is in its own `currency`, `rate` what one of it is worth
    in that of the answer. `basis` is `stated`, `quoted`, `measured` or `assumed`.
    """

    month: float
    option: str
    category: str
    item: str
    quantity: float
    unit: str
    price: float
    source: str
    basis: str
    as_of: date | None = None
    currency: str = "USD"
    rate: float = 1.0
    closes: bool = False

    @property
    def amount(self) -> float:
        """Quantity x price x rate [currency of the answer]."""
        return self.quantity * self.price * self.rate
