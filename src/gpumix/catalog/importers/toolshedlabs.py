"""The feed of toolshedlabs-hash/gpu-price-feed: a day a line, each provider's cheapest offers."""

from __future__ import annotations

from datetime import date
from typing import Final

from gpumix.catalog.importers.cells import day_in, number_of
from gpumix.catalog.importers.names import ANY_REGION
from gpumix.catalog.importers.reading import Quote, Reading, Source, as_mapping, as_text
from gpumix.domain.offer import Purchase
from gpumix.errors import InputError
from gpumix.reading import parse_json

_NOTE: Final = "the provider's cheapest offer of that day, of whatever size and region"
_MARKETPLACES: Final = ("vast", "vastai", "akash", "salad", "tensordock")
_STATISTIC: Final = "cheapest live offer of a marketplace: moves by twice within a day"


def read(source: Source) -> Reading:
    """Quotes of one GPU on demand, of each line's day. A line that is no JSON is refused alone."""
    reading = Reading()
    for number, text in enumerate(source.text.splitlines(), start=1):
        if not text.strip():
            continue
        place = f"{source.name} line {number}"
        try:
            row = as_mapping(parse_json(text, place))
        except InputError:
            reading.refuse(place, "line is not valid JSON")
            continue
        day = day_in(as_text(row.get("collected_at")))
        for provider, prices in as_mapping(row.get("cheapest")).items():
            for gpu, price in as_mapping(prices).items():
                _add(place, provider, gpu, number_of(price), day, reading)
    return reading


def _add(
    place: str, provider: str, gpu: str, price: float | None, day: date | None, reading: Reading
) -> None:
    if provider.lower() in _MARKETPLACES and "unstated" not in gpu and "MIG" not in gpu:
        reading.refuse(place, _STATISTIC, f"{provider} {gpu}")
        return
    reading.quotes.append(
        Quote(
            place=f"{place} {provider} {gpu}",
            provider=provider,
            instance="",
            gpu=gpu,
            gpus=1.0,
            region=ANY_REGION,
            purchase=Purchase.ON_DEMAND,
            price=price,
            as_of=day,
            note=_NOTE,
        )
    )
