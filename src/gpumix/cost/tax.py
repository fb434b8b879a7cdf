"""Import taxes: the stack on one tariff line, and what remains a cost after refunds."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.cost.finance import discount_factor
from gpumix.cost.values import Value
from gpumix.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class ImportRates:
    """Rates of one tariff line, as shares of their bases (0.05 = 5 %)."""

    customs_duty: float = 0.0
    regulatory_duty: float = 0.0
    supplementary_duty: float = 0.0
    vat: float = 0.0
    advance_tax: float = 0.0
    advance_income_tax: float = 0.0


@dataclass(frozen=True, slots=True)
class ImportTaxes:
    """Taxes due on one import [USD, or share of the value]."""

    customs_duty: float
    regulatory_duty: float
    supplementary_duty: float
    vat: float
    advance_tax: float
    advance_income_tax: float

    @property
    def total(self) -> float:
        """All that customs asks for."""
        return (
            self.customs_duty
            + self.regulatory_duty
            + self.supplementary_duty
            + self.vat
            + self.advance_tax
            + self.advance_income_tax
        )

    @property
    def advance(self) -> float:
        """The part that a registered firm sets off or gets back: VAT and both advance taxes."""
        return self.vat + self.advance_tax + self.advance_income_tax


def import_taxes(value: float, rates: ImportRates) -> ImportTaxes:
    """Taxes on an import of an assessable (CIF) value, each on its base.

    CD and RD on CIF; SD on CIF + CD + RD; VAT and AT on CIF + CD + RD + SD; AIT on CIF.

    Args:
        value: assessable value [USD]; 1.0 gives shares.
        rates: rates of the tariff line.

    Source: Bangladesh Customs Tariff FY2025-26 (fitted cables, HS 8544.42: 93.16 % in all).

    >>> cables = ImportRates(0.25, 0.03, 0.20, 0.15, 0.075, 0.05)
    >>> round(import_taxes(100.0, cables).total, 2)
    93.16
    """
    customs, regulatory = value * rates.customs_duty, value * rates.regulatory_duty
    dutiable = value + customs + regulatory
    supplementary = dutiable * rates.supplementary_duty
    taxable = dutiable + supplementary
    return ImportTaxes(
        customs_duty=customs,
        regulatory_duty=regulatory,
        supplementary_duty=supplementary,
        vat=taxable * rates.vat,
        advance_tax=taxable * rates.advance_tax,
        advance_income_tax=value * rates.advance_income_tax,
    )


def refund_value(advance: Value, recoverable_share: Value, lag_months: Value, rate: Value) -> Value:
    """Present value of advance taxes that come back: A * share * (1 + r)^-(lag / 12).

    Args:
        advance: advance taxes A paid at the border [USD].
        recoverable_share: part of them that comes back, 0-1 [1].
        lag_months: months until it does [months].
        rate: cost of capital r per year [1].

    Source: docs/cost.md, "Import tax".

    >>> refund_value(100.0, 1.0, 0.0, 0.13)
    100.0
    >>> round(refund_value(100.0, 1.0, 12.0, 0.13), 2)
    88.5
    """
    return advance * recoverable_share * discount_factor(rate, lag_months / MONTHS_PER_YEAR)


def import_tax_cost(
    total: Value, advance: Value, recoverable_share: Value, lag_months: Value, rate: Value
) -> Value:
    """What import taxes really cost: total - present value of what comes back.

    Args:
        total: all taxes paid at the border [USD].
        advance: advance taxes among them [USD].
        recoverable_share: part of the advance that comes back, 0-1 [1].
        lag_months: months until it does [months].
        rate: cost of capital per year [1].

    Source: docs/cost.md, "Import tax".

    >>> round(import_tax_cost(17.875, 12.875, 1.0, 0.0, 0.13), 3)
    5.0
    """
    return total - refund_value(advance, recoverable_share, lag_months, rate)
