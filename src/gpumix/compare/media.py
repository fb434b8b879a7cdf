"""Images, videos and units of custom work on every GPU: how long one takes, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from gpumix.compare.load import UNSTATED, Load, at_load
from gpumix.compare.market import Market, whole_market
from gpumix.compare.serving import (
    UTILISATIONS,
    blank,
    flat_week,
    price_warnings,
    status_of,
    told_of,
)
from gpumix.compare.winners import layouts, winners
from gpumix.cost.unit_cost import usd_per_unit
from gpumix.domain import defaults as assumed
from gpumix.domain.comparison import NOT_ALLOWED, ComparedGpu, Comparison, PriceUsed
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Purchase
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Kind, Tier, Workload
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.options.custom import custom_options
from gpumix.options.media import ENGINE, picture_options
from gpumix.options.option import Option
from gpumix.options.reasons import reasons
from gpumix.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Picture:
    """What to compare: a sample of a model on some GPUs (None = all); what is None is as the model
    is used by default."""

    model: str
    resolution: str | None = None
    steps: int | None = None
    frames: int | None = None
    gpus: tuple[str, ...] | None = None
    purchases: tuple[Purchase, ...] = (Purchase.ON_DEMAND,)
    providers: tuple[str, ...] = ()


def compare_pictures(asked: Picture, catalog: Catalog, as_of: date) -> Comparison:
    """The comparison of one image or video after another, without a limit on its time.

    Raises: InputError for unknown names and for models of which nothing can be said.
    """
    model = catalog.named_model(asked.model, "MODEL").model
    stated = (asked.resolution, asked.steps, asked.frames)
    workload = Workload(
        id=model.id,
        kind=Kind.MEDIA,
        model=model.id,
        precisions=(assumed.PRECISION,),
        kv_precision="",
        engine=ENGINE,
        tier=Tier.STANDARD,
        demand=flat_week(Lengths(0.0, 0.0), Lengths(0.0, 0.0)),
        run=None,
        slos=(),
        window=tuple(range(int(HOURS_PER_WEEK))),
        countries=(),
        gpus=(),
        resolution=asked.resolution,
        steps=asked.steps,
        frames=asked.frames,
        confidence=0.5,  # a comparison shows the middle of each prediction
    )
    told = () if any(stated) else ("resolution, steps and frames as the model is used by default",)
    market = whole_market(asked.gpus, catalog, as_of, asked.purchases, asked.providers)
    return compare_media(workload, catalog, as_of, market, told)


def compare_media(
    workload: Workload,
    catalog: Catalog,
    as_of: date,
    market: Market,
    defaults: Sequence[str] = (),
    load: Load = UNSTATED,
) -> Comparison:
    """The comparison of a media or custom workload on the GPUs of a market.

    Raises: InputError where the work of a sample is not known.
    """
    gpus = [gpu for gpu in market.gpus if gpu.id not in market.refused]
    try:
        options = _options(workload, gpus, market, catalog)
    except NoEstimate as error:
        raise InputError(Problem("MODEL", str(error), "gpumix explain --list models")) from None
    rows = [_row(gpu, options, market) for gpu in market.gpus]
    able = [o for row in rows if row.fits and (o := _best(row.gpu, options))]
    behind = dict(zip((o.gpu for o in able), reasons(workload, able, catalog), strict=True))
    rows = [
        replace(row, speed=behind[row.gpu].speed, nearest=behind[row.gpu].nearest)
        if row.gpu in behind
        else row
        for row in rows
    ]
    prices = {gpu.id: price.usd_per_gpu_hour for gpu in gpus if (price := market.price(gpu.id))}
    rows.sort(key=lambda r: (not r.usd_per_sample, r.usd_per_sample[-1:] or (math.inf,), r.gpu))
    able_at = layouts(options, prices)
    used: list[PriceUsed] = [row.price for row in rows if row.price is not None]
    return Comparison(
        model=workload.model or workload.id,
        input_tokens=0.0,
        output_tokens=0.0,
        slo=tuple(f"{s.name} <= {s.limit_s:g} s" for s in workload.slos),
        price_rule=market.rule,
        engine=workload.engine,
        as_of=as_of,
        utilisations=UTILISATIONS,
        rows=tuple(rows),
        winners=tuple(winners(able_at)),
        defaults=(*market.notes, *defaults),
        warnings=tuple(price_warnings(used)),
        sample=_sample(workload, catalog),
        load_words=load.words,
        at_load=at_load(able_at, load.requests_per_s) if load.requests_per_s else (),
    )


def _options(
    workload: Workload, gpus: Sequence[Gpu], market: Market, catalog: Catalog
) -> list[Option]:
    if workload.kind is Kind.CUSTOM:
        return custom_options(workload, gpus, market.largest)
    model = catalog.models[workload.model]
    return picture_options(workload, model, gpus, market.largest, catalog.coefficients)


def _sample(workload: Workload, catalog: Catalog) -> str:
    """One sample in words: its size, frames and steps; or the unit of custom work."""
    if workload.kind is Kind.CUSTOM:
        return f"one {workload.unit}"
    steps = workload.steps or catalog.models[workload.model].default_steps
    parts = (
        workload.resolution or "",
        f"{workload.frames} frames" if workload.frames else "",
        f"{steps:g} steps" if steps else "",
    )
    return ", ".join(part for part in parts if part) or "one sample"


def _best(gpu: str, options: Sequence[Option]) -> Option | None:
    return told_of([option for option in options if option.gpu == gpu])


def _row(gpu: Gpu, options: Sequence[Option], market: Market) -> ComparedGpu:
    price = market.price(gpu.id)
    if why := market.refused.get(gpu.id):
        return blank(gpu, price, NOT_ALLOWED, why)
    best = _best(gpu.id, options)
    row = blank(gpu, price, *status_of(best, price))
    if best is None or not best.serves or best.rate is None:
        return row
    per_s = best.rate.scaled(1.0 / SECONDS_PER_HOUR)
    costs: tuple[float, ...] = ()
    if price is not None:
        hourly = price.usd_per_gpu_hour * best.gpus
        costs = tuple(float(usd_per_unit(hourly, best.units_per_hour * u)) for u in UTILISATIONS)
    return replace(
        row,
        tp=best.tp,
        precision=best.precision,
        fits=True,
        requests_per_s=best.units_per_hour / SECONDS_PER_HOUR,
        sample_s=replace(per_s, value=1 / per_s.value, low=1 / per_s.high, high=1 / per_s.low),
        usd_per_sample=costs,
        note=best.note,
    )
