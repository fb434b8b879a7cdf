"""A quotation in the place of the catalogue's price: what it includes is not added again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.gpu import Server
from gpumix.domain.quote import Quote
from gpumix.domain.site import Country, Range

_ROWS = {
    "network": "network_cabling_optics_adder",
    "storage": "storage_capex_adder",
    "support": "maintenance_support_rate",
    "installation": "installation_rack_power_adder",
}
"""Part of a quotation -> the row of the table of defaults that adds it elsewhere."""


def quoted_price(quote: Quote, server: Server) -> tuple[float, Assumption]:
    """What a server costs by a quotation [USD], and what that rests on."""
    usd = quote.usd_for(server.gpus)
    return usd, Assumption(
        subject=f"{server.id}: purchase price",
        value=f"{usd:,.0f} USD with {server.gpus} {quote.gpu}",
        basis=Basis.MEASURED,
        source=quote.words,
        as_of=quote.as_of,
    )


def less_included(quote: Quote, defaults: Mapping[str, Range]) -> dict[str, Range]:
    """The table of defaults with nothing to add for what a quotation includes."""
    parts = [part for part in quote.includes if part in _ROWS]
    source = f"quotation {quote.item}: included"
    return without(parts, defaults, source, quote.as_of.isoformat())


def without(
    parts: Iterable[str], defaults: Mapping[str, Range], source: str, as_of: str = ""
) -> dict[str, Range]:
    """The table of defaults with nothing to add for these parts, as the source says."""
    rows = [defaults[_ROWS[part]] for part in parts]
    left = [
        replace(row, low=0.0, typical=0.0, high=0.0, source=source, as_of=as_of, flag="S")
        for row in rows
    ]
    return {**defaults, **{row.parameter: row for row in left}}


def less_tax(quote: Quote, country: Country) -> Country:
    """A country whose customs ask nothing more of a quotation that includes its taxes."""
    if "tax" not in quote.includes:
        return country
    return replace(
        country,
        import_tax_share=0.0,
        import_tax_advance_share=0.0,
        flags=f"duty=S(quotation);{country.flags}",
        source=f"duty: included in quotation {quote.item}; {country.source}",
    )
