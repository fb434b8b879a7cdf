"""How prices moved: dated observations of the past, by month, tier and purchase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median

from gpumix.catalog.bands import load_bands
from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.offer import Purchase
from gpumix.domain.prices import PriceObservation, PricePeriod

_RENTED = tuple(p.value for p in Purchase if p.is_cloud)
_ORDER = {purchase: i for i, purchase in enumerate(Purchase)}


def load_history(folder: Path | None = None) -> tuple[PriceObservation, ...]:
    """Every observation of the packaged history. Raises: DataError naming every bad row."""
    tiers = load_bands(folder).tiers
    return read_packaged("price_history.csv", lambda row: observation(row, tiers), folder)


def observation(row: Row, tiers: Mapping[str, str]) -> PriceObservation:
    """One line of `price_history.csv`; the tier is the provider's, empty where it is unknown."""
    provider = row.required_text("provider")
    low, high = row.positive("low_usd_per_gpu_hour"), row.positive("high_usd_per_gpu_hour")
    middle = row.positive("median_usd_per_gpu_hour")
    if not low <= middle <= high:
        row.wrong(f"the median {middle:g} is outside its range {low:g} to {high:g}")
    return PriceObservation(
        provider=provider,
        tier=tiers.get(provider, ""),
        gpu=row.required_text("gpu"),
        gpus_per_instance=int(row.positive("gpus_per_instance")),
        purchase=Purchase(row.choice("price_model", _RENTED)),
        term_months=row.whole("term_months") or 0,
        as_of=row.day("as_of"),
        as_of_precision=row.choice("as_of_precision", ("day", "month", "approx")),
        median=middle,
        low=low,
        high=high,
        rows=int(row.positive("rows")),
        source=row.required_text("source"),
    )


def price_summaries(
    observations: Iterable[PriceObservation], as_of: date
) -> tuple[PricePeriod, ...]:
    """One line for each purchase, term and tier over all its months."""
    return _periods(observations, as_of, lambda one: "")


def price_months(observations: Iterable[PriceObservation], as_of: date) -> tuple[PricePeriod, ...]:
    """One line for each purchase, term, tier and month that has a price, oldest first."""
    return _periods(observations, as_of, lambda one: f"{one.as_of:%Y-%m}")


def _periods(
    observations: Iterable[PriceObservation],
    as_of: date,
    month: Callable[[PriceObservation], str],
) -> tuple[PricePeriod, ...]:
    groups: dict[tuple[Purchase, int, str, str], list[PriceObservation]] = {}
    for one in observations:
        key = (one.purchase, one.term_months, one.tier, month(one))
        groups.setdefault(key, []).append(one)
    ordered = sorted(groups, key=lambda key: (_ORDER[key[0]], *key[1:]))
    return tuple(_period(groups[key], key[3], as_of) for key in ordered)


def _period(group: Sequence[PriceObservation], month: str, as_of: date) -> PricePeriod:
    """Each provider counts once, so that a list of many regions does not outvote a short one."""
    by_provider: dict[str, list[float]] = {}
    for one in group:
        by_provider.setdefault(one.provider, []).append(one.median)
    newest = max(one.as_of for one in group)
    return PricePeriod(
        tier=group[0].tier,
        purchase=group[0].purchase,
        term_months=group[0].term_months,
        month=month,
        median=median(median(prices) for prices in by_provider.values()),
        low=min(one.low for one in group),
        high=max(one.high for one in group),
        n=sum(one.rows for one in group),
        providers=len(by_provider),
        newest=newest,
        age_days=max((as_of - newest).days, 0),
        is_approximate=all(one.as_of_precision == "approx" for one in group),
        sources=tuple(dict.fromkeys(one.source for one in group)),
    )
