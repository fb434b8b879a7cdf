"""Prices for their readers: offers, ratios between GPUs, history with its bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

from gpumix import fields
from gpumix.domain.offer import Offer, Purchase, term_words
from gpumix.domain.prices import (
    ALL,
    GpuMeant,
    ListedOffer,
    MeasuredRatio,
    PriceComparison,
    PriceHistory,
    PriceObservation,
    PricePeriod,
)
from gpumix.report.tables import Cell, Column, Table, basis, remark, table, text, value

MINOR_OF_OFFERS: Final = ("price_as_of", "country", "basis", "layer", "marks")
MINOR_OF_RATIOS: Final = ("oldest", "basis", "providers", "provider_median")
MINOR_OF_HISTORY: Final = ("sources", "basis", "providers")
_REPOSITORY: Final = re.compile(r"github\.com/([\w.-]+/[\w.-]+)")
_BAR_CELLS: Final = 24


def paid_words(purchase: Purchase, term_months: int = 0, upfront_share: float = 0.0) -> str:
    """How a GPU is paid for, with the length of a commitment.

    >>> paid_words(Purchase.RESERVED, 6, 1.0), paid_words(Purchase.RESERVED_3Y)
    ('reserved 6 months, 100 % up front', 'reserved 3 years')
    """
    if not purchase.is_committed:
        return {Purchase.ON_DEMAND: "by the hour", Purchase.SPOT: "spot"}[purchase]
    months = term_months or purchase.term_months
    length = term_words(months) if months else "for another length"
    upfront = f", {upfront_share:.0%} up front".replace("%", " %") if upfront_share else ""
    return f"reserved {length}{upfront}"


def offers_table(offers: Sequence[ListedOffer], as_of: date) -> Table:
    """Offers with tier, layer, place, age and marks, in the order given."""
    return table(
        "Prices",
        Offer,
        offers,
        ("gpu", lambda o: text(f"{o.offer.gpus_per_instance} × {o.offer.gpu}")),
        ("purchase", lambda o: text(_paid(o.offer))),
        ("usd_per_gpu_hour", lambda o: value("usd_per_gpu_hour", o.offer.usd_per_gpu_hour)),
        ("provider", lambda o: text(o.offer.provider)),
        ("tier", lambda o: text(o.offer.tier)),
        ("region", lambda o: text(o.offer.region)),
        ("country", lambda o: text(o.offer.country or "")),
        ("price_as_of", lambda o: value("price_as_of", o.offer.as_of)),
        ("age_days", lambda o: value("age_days", o.offer.age_days(as_of))),
        ("layer", lambda o: text(o.offer.layer.value)),
        ("basis", lambda o: basis(o.offer.basis)),
        ("marks", lambda o: remark(_marks(o))),
    ).without_absent()


def meant_words(gpus: Sequence[GpuMeant]) -> list[str]:
    """A sentence for each name that was read as one of several forms."""
    return [
        f"{one.asked} is read as {one.gpu}, the form most providers list; other forms:"
        f" {', '.join(one.other_forms)}"
        for one in gpus
        if one.other_forms
    ]


def history_remarks(history: PriceHistory) -> list[str]:
    """How the name was read, and what not to conclude."""
    return [
        *meant_words([history.gpu]),
        "Months differ in who was read: a change between two may come from other providers.",
    ]


def ratio_headlines(comparison: PriceComparison) -> list[str]:
    """One sentence for each GPU: its price over the first one's, and the other way round."""
    return [
        _ratio_words(ratio)
        for ratio in comparison.ratios
        if ratio.tier == ALL and ratio.purchase == ALL
    ]


def ratio_table(comparison: PriceComparison) -> Table:
    """Ratios by GPU: over all pairs, then by tier, then by purchase."""
    first = comparison.gpus[0].gpu
    return table(
        f"Price over that of {first}",
        MeasuredRatio,
        [ratio for ratio in comparison.ratios if ratio.n],
        ("gpu", lambda r: text(r.gpu)),
        ("tier", lambda r: text(_of_what(r))),
        ("median", _figure("median")),
        ("p10", _figure("p10")),
        ("p90", _figure("p90")),
        ("n", lambda r: value("n", r.n, record=MeasuredRatio)),
        ("provider_median", _figure("provider_median")),
        ("providers", lambda r: value("providers", r.providers)),
        ("oldest", lambda r: value("oldest", r.oldest)),
        ("basis", lambda r: basis(r.basis)),
    )


def history_headline(history: PriceHistory) -> str:
    """Each tier's newest monthly median by the hour, or of whatever was asked, in one sentence."""
    first = history.summary[0]
    months = [p for p in history.periods if _kind(p) == _kind(first)]
    newest = {p.tier: p for p in months}
    shown = ", ".join(
        f"{_money(p.median)} {tier or 'unknown tier'} ({p.month}, n {p.n})"
        for tier, p in newest.items()
    )
    return (
        f"{sized(history.gpu)} {paid_words(*_kind(first))}, newest monthly medians: {shown}; of"
        f" {sum(p.n for p in months)} prices since {min(p.month for p in months)}."
    )


def summary_table(history: PriceHistory) -> Table:
    """All months together, a row for each purchase and tier."""
    return table(
        "All months",
        PricePeriod,
        history.summary,
        ("purchase", lambda p: text(paid_words(p.purchase, p.term_months))),
        ("tier", lambda p: text(p.tier)),
        *_FIGURES,
        ("age_days", lambda p: value("age_days", p.age_days)),
        ("providers", lambda p: value("providers", p.providers)),
        ("basis", lambda p: basis(p.basis)),
        ("sources", lambda p: text(", ".join(dict.fromkeys(map(_short, p.sources))))),
    )


def month_tables(history: PriceHistory) -> list[Table]:
    """A table for each purchase: months by tier, each with its range as a bar."""
    kinds = dict.fromkeys(map(_kind, history.periods))
    return [_month_table(history, *kind) for kind in kinds]


def chart_rows(history: PriceHistory) -> list[tuple[str, list[dict[str, Any]]]]:
    """For each purchase a caption and the dots and lines of its chart."""
    kinds = dict.fromkeys(map(_kind, history.periods))
    return [
        (
            f"{sized(history.gpu)} {paid_words(*kind)}: prices seen, each tier's monthly median",
            [
                {
                    "day": one.as_of.isoformat(),
                    "tier": one.tier or "unknown tier",
                    "usd": one.median,
                }
                for one in history.observations
                if _kind(one) == kind
            ]
            + [
                {"day": f"{p.month}-15", "tier": p.tier or "unknown tier", "median": p.median}
                for p in history.periods
                if _kind(p) == kind
            ],
        )
        for kind in kinds
    ]


def sized(gpu: GpuMeant) -> str:
    """The GPU with the size asked for: `8 × h100-sxm-80gb`."""
    return f"{gpu.gpus_per_instance} × {gpu.gpu}" if gpu.gpus_per_instance else gpu.gpu


_FIGURES: Final = (
    ("median", lambda p: value("median", p.median, record=PricePeriod)),
    ("low", lambda p: value("low", p.low, record=PricePeriod)),
    ("high", lambda p: value("high", p.high, record=PricePeriod)),
    ("n", lambda p: value("n", p.n, record=PricePeriod)),
)


def _kind(one: PricePeriod | PriceObservation) -> tuple[Purchase, int]:
    """Purchase and length [months]: what a table and a chart are made for."""
    return one.purchase, one.term_months


def _month_table(history: PriceHistory, purchase: Purchase, months: int) -> Table:
    periods = [p for p in history.periods if _kind(p) == (purchase, months)]
    highest = max(p.high for p in periods)
    drawn = table(
        f"{sized(history.gpu)} {paid_words(purchase, months)}, by month",
        PricePeriod,
        periods,
        ("tier", lambda p: text(p.tier)),
        ("month", lambda p: text(("~" if p.is_approximate else "") + p.month)),
        *_FIGURES,
    )
    bars = Column(
        "bar", f"$0 to {_money(highest)}", False, "Lowest to highest price; █ the median."
    )
    rows = tuple((*row, Cell(_bar(p, highest))) for row, p in zip(drawn.rows, periods, strict=True))
    return Table(drawn.title, (*drawn.columns, bars), rows)


def _bar(period: PricePeriod, highest: float) -> str:
    """Lowest to highest price as a line on a scale from 0, the median as a block on it."""
    low, middle, high = (
        min(round(_BAR_CELLS * usd / highest), _BAR_CELLS)
        for usd in (period.low, period.median, period.high)
    )
    cells = ["─" if low <= i <= high else " " for i in range(high + 1)]
    cells[middle] = "█"
    return "".join(cells)


def _figure(name: str) -> Callable[[MeasuredRatio], Cell]:
    return lambda ratio: value(name, getattr(ratio, name), record=MeasuredRatio)


def _ratio_words(ratio: MeasuredRatio) -> str:
    if ratio.median is None or ratio.p10 is None or ratio.p90 is None:
        return f"{ratio.gpu}: no provider lists it beside {ratio.over} in one region."
    there = f"{ratio.gpu} costs {_times(ratio.median)} × {ratio.over}"
    back = f"{ratio.over} costs {_times(1 / ratio.median)} × {ratio.gpu}"
    if ratio.n == 1:
        return f"{there} (one pair of prices); {back}."
    spread = f"P10 to P90 {_times(ratio.p10)} to {_times(ratio.p90)} over {ratio.n} pairs"
    return f"{there} ({spread}); {back} ({_times(1 / ratio.p90)} to {_times(1 / ratio.p10)})."


def _times(ratio: float) -> str:
    return fields.format_value(fields.field("median", MeasuredRatio), ratio)


def _of_what(ratio: MeasuredRatio) -> str:
    if ratio.purchase != ALL:
        return paid_words(Purchase(ratio.purchase))
    return "all pairs" if ratio.tier == ALL else ratio.tier or "unknown tier"


def _paid(offer: Offer) -> str:
    return paid_words(offer.purchase, offer.term_months, offer.upfront_share)


def _marks(one: ListedOffer) -> str:
    """What to know before using a price: computed, not listed; replaced; rules it breaks."""
    words = list(one.offer.marks)
    if not one.is_usable and one.replaced_by is None:
        words.append("prices no plan")
    if one.offer.derived:
        words.insert(0, "estimated, not listed")
    elif one.offer.estimated:
        words.insert(0, "an estimate of its source")
    if one.replaced_by is not None:
        new = one.replaced_by
        words.insert(
            0,
            f"replaced by {new.provider} {new.gpus_per_instance} × {new.gpu} of {new.as_of}"
            f" ({new.region or 'any region'}, {_money(new.usd_per_gpu_hour)})",
        )
    return "; ".join(words)


def _money(usd: float) -> str:
    return fields.format_value("usd_per_gpu_hour", usd)


def _short(source: str) -> str:
    """The repository of a source; of other sources what stands before further pages.

    >>> _short("github.com/some-one/prices data/x.csv@0a1b"), _short("page a.example; list")
    ('some-one/prices', 'page a.example')
    """
    repository = _REPOSITORY.match(source)
    return repository[1] if repository else source.partition(";")[0]
