"""One text workload on every GPU: what fits, how fast, at what price, and who wins when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from gpumix.compare.apis import compared_apis
from gpumix.compare.load import UNSTATED, Load, at_load, swept, with_room
from gpumix.compare.market import Market, whole_market
from gpumix.compare.winners import layouts, winners
from gpumix.cost.unit_cost import break_even_utilisation, usd_per_mtok
from gpumix.domain import defaults as assumed
from gpumix.domain.comparison import (
    MISSES,
    NO_FIT,
    NO_PRICE,
    NOT_ALLOWED,
    NOT_SUPPORTED,
    SERVES,
    ComparedGpu,
    Comparison,
    PriceUsed,
    SweptBatch,
)
from gpumix.domain.engines import engine_family
from gpumix.domain.evidence import Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import SHORTER, too_long
from gpumix.domain.offer import Purchase
from gpumix.domain.promises import DEFAULT_SLOS
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Adapters, Demand, Kind, Slo, Tier, Workload
from gpumix.errors import InputError, Problem
from gpumix.options.levers import Asker, Change, Priced, levers
from gpumix.options.option import Option
from gpumix.options.reasons import reasons
from gpumix.options.room import room_of
from gpumix.options.watts import per_watt
from gpumix.options.workloads import options_near
from gpumix.predict.software import unknown_software
from gpumix.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

UTILISATIONS = (0.3, 0.5, 0.7, 1.0)
LEAST_OF_MOST = 1.0 / 3.0
"""Share of the most work a GPU does in any layout below which fewer GPUs are not told."""
TOLD_FROM = 1.1
"""Times the work from which a layout of more GPUs is told."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare: a model under a load, on some GPUs (None = all), at some precisions
    (none = that of the model's name, else as published). The context of the load
    goes before the model's own."""

    model: str
    input_tokens: float | None = None
    output_tokens: float | None = None
    slos: tuple[Slo, ...] = ()
    precisions: tuple[str, ...] = ()
    engine: str = assumed.ENGINE
    gpus: tuple[str, ...] | None = None
    adapters: Adapters | None = None
    purchases: tuple[Purchase, ...] = (Purchase.ON_DEMAND,)
    providers: tuple[str, ...] = ()
    load: Load = UNSTATED


def compare_gpus(question: Question, catalog: Catalog, as_of: date) -> Comparison:
    """The comparison of a question; what it does not state is a default, told first.

    Raises: InputError for unknown names and for models that do not answer in tokens.
    """
    workload, defaults = _workload(question, catalog)
    market = whole_market(question.gpus, catalog, as_of, question.purchases, question.providers)
    return compare_workload(workload, catalog, as_of, market, defaults, question.load)


def compare_workload(
    workload: Workload,
    catalog: Catalog,
    as_of: date,
    market: Market,
    defaults: Sequence[str] = (),
    load: Load = UNSTATED,
) -> Comparison:
    """The comparison of a chat, batch or embedding workload on the GPUs of a market."""
    if workload.demand is None or not workload.is_text:
        raise InputError(
            Problem(
                workload.id,
                f"answers for text in and out; this is {workload.kind}",
            )
        )
    barred = _barred(workload.engine, market, catalog)
    largest = {g.id: market.largest[g.id] for g in market.gpus if g.id not in barred}
    options = with_room(options_near(workload, largest, catalog), load.context)
    rows = _rows(workload, workload.demand, market, options, catalog, barred)
    prices = {row.gpu: row.price.usd_per_gpu_hour for row in rows if row.price is not None}
    able = layouts(options, prices)

    def ask(changed: Workload, change: Change) -> list[Option]:
        return with_room(options_near(changed, largest, catalog, change), load.context)

    rows = _with_break_even(rows)
    rows.sort(key=lambda r: (not r.usd_per_mtok, r.usd_per_mtok[-1:] or (math.inf,), r.gpu))
    return Comparison(
        model=workload.model,
        input_tokens=workload.demand.input.mean,
        output_tokens=workload.demand.output.mean,
        slo=tuple(f"{s.name} <= {s.limit_s * 1e3:g} ms" for s in workload.slos),
        price_rule=market.rule,
        engine=workload.engine,
        as_of=as_of,
        utilisations=UTILISATIONS,
        rows=tuple(rows),
        winners=tuple(winners(able)),
        levers=levers(workload, Asker(catalog, ask, partial(_cheapest, prices))),
        defaults=(*market.notes, *defaults),
        warnings=(
            *unknown_software(workload, catalog.coefficients),
            *price_warnings([r.price for r in rows if r.price is not None]),
        ),
        apis=compared_apis(workload, catalog.api_prices, able),
        load_words=load.words,
        at_load=at_load(able, load.requests_per_s) if load.requests_per_s else (),
        sweep=_sweep(workload.demand, market, options) if load.sweep else (),
    )


def _sweep(demand: Demand, market: Market, options: Sequence[Option]) -> tuple[SweptBatch, ...]:
    best = {gpu.id: told_of([o for o in options if o.gpu == gpu.id]) for gpu in market.gpus}
    able = [gpu for gpu, option in best.items() if option is not None and option.replica]
    return swept(best, demand, next(iter(able), None))


def _barred(engine: str, market: Market, catalog: Catalog) -> dict[str, tuple[str, str]]:
    """GPU id -> status and reason of those that are not asked about."""
    gone = {one.architecture: one for one in catalog.dropped if one.engine == engine_family(engine)}
    dropped = {
        gpu.id: (
            NOT_SUPPORTED,
            f"{engine} {gone[gpu.architecture].since} and later do not run on "
            f"{gpu.architecture}; name another --engine",
        )
        for gpu in market.gpus
        if gpu.architecture in gone
    }
    return {**dropped, **{gpu: (NOT_ALLOWED, why) for gpu, why in market.refused.items()}}


def _cheapest(
    prices: Mapping[str, float], workload: Workload, options: Sequence[Option]
) -> Priced | None:
    """The option with the least USD per million total tokens, always busy."""
    if workload.demand is None:
        return None
    tokens = workload.demand.input.mean + workload.demand.output.mean
    priced = [
        Priced(usd_per_mtok(prices[o.gpu] * o.gpus, per_s * tokens, 1.0), o)
        for o in options
        if o.serves and o.gpu in prices and (per_s := o.units_per_hour / SECONDS_PER_HOUR) > 0.0
    ]
    return min(priced, key=lambda p: (p.usd, p.option.gpus, p.option.gpu), default=None)


def _workload(question: Question, catalog: Catalog) -> tuple[Workload, list[str]]:
    longest = question.load.context
    named = catalog.named_model(question.model, "MODEL").with_context(
        int(longest) if longest else None
    )
    model = named.model
    embeds = model.kind in ("embedding", "encoder")
    if not model.generates_text and not embeds:
        raise InputError(
            Problem("MODEL", f"{model.id} is {model.kind}: compare answers for text models")
        )
    if embeds and question.adapters is not None:
        raise InputError(Problem("--adapters", f"go with models that answer in text; {model.id}"))
    precisions, told = named.precisions(question.precisions)
    defaults = [*named.notes, *([told] if told else [])]
    if question.input_tokens is None:
        defaults.append(f"{assumed.INPUT_TOKENS:,.0f} input tokens")
    if question.output_tokens is None and not embeds:
        defaults.append(f"{assumed.OUTPUT_TOKENS:,.0f} output tokens")
    slos = () if embeds else question.slos or DEFAULT_SLOS
    if not question.slos and not embeds:
        defaults += [f"{s.name} {s.limit_s * 1e3:,.0f} ms" for s in DEFAULT_SLOS]
    defaults.append("Poisson arrivals, all requests of the same length")
    prompt = question.input_tokens or assumed.INPUT_TOKENS
    answer = 0.0 if embeds else question.output_tokens or assumed.OUTPUT_TOKENS
    if message := too_long(model, prompt, answer, named.context):
        raise InputError(Problem("--input, --output", message, SHORTER))
    workload = Workload(
        id=model.id,
        kind=Kind.EMBEDDING if embeds else Kind.CHAT,
        model=model.id,
        precisions=precisions,
        kv_precision=named.kv_precision,
        engine=question.engine,
        tier=Tier.STANDARD,
        demand=flat_week(Lengths(prompt, 0.0), Lengths(answer, 0.0)),
        run=None,
        slos=slos,
        window=tuple(range(int(HOURS_PER_WEEK))),
        countries=(),
        gpus=(),
        confidence=0.5,  # a comparison shows the middle of each prediction
        adapters=question.adapters,
    )
    return workload, defaults


def flat_week(input: Lengths, output: Lengths) -> Demand:
    """One unit an hour, every hour: what is compared says nothing of how much there is of it."""
    return Demand(
        units_per_hour=(1.0,) * int(HOURS_PER_WEEK),
        growth_per_year=0.0,
        input=input,
        output=output,
        arrival_cv=1.0,
        prefix_share=0.0,
        profile="flat",
    )


def _rows(
    workload: Workload,
    demand: Demand,
    market: Market,
    options: Sequence[Option],
    catalog: Catalog,
    barred: Mapping[str, tuple[str, str]],
) -> list[ComparedGpu]:
    """Each GPU in the layout that is told of it, with what stands behind its speed."""
    best = {gpu.id: told_of([o for o in options if o.gpu == gpu.id]) for gpu in market.gpus}
    able = [option for option in best.values() if option is not None and option.serves]
    behind = dict(zip((o.gpu for o in able), reasons(workload, able, catalog), strict=True))
    rows = []
    for gpu in market.gpus:
        price = market.price(gpu.id)
        if gpu.id in barred:
            rows.append(blank(gpu, price, *barred[gpu.id]))
            continue
        row = _row(gpu, best[gpu.id], workload, demand, price)
        option = best[gpu.id]
        if option is not None and gpu.id in behind:
            watts = per_watt(workload, option, catalog)
            speed = behind[gpu.id].speed
            limit = speed.limit if speed else ""
            row = replace(row, limit=limit, speed=speed, nearest=behind[gpu.id].nearest)
            row = replace(
                row,
                total_tokens_per_s_per_rack_kw=watts.total_tokens_per_s_per_rack_kw,
                total_tokens_per_joule=watts.total_tokens_per_joule,
            )
        rows.append(row)
    return rows


def told_of(own: Sequence[Option]) -> Option | None:
    """The option that is told of a GPU: the fewest GPUs that do the work, unless they do less than
    a third of what more of them do each; its note says where more of them do more."""
    most = most_work(own)
    if most is None or not most.serves:
        return most
    able = [o for o in own if o.serves and _per_gpu(o) >= LEAST_OF_MOST * _per_gpu(most)]
    found = min(able, key=lambda o: (o.gpus, -_per_gpu(o)))
    more = _per_gpu(most) / _per_gpu(found)
    if more < TOLD_FROM:
        return found
    words = f"{most.gpus} of them ({most.precision}) do {more:.2g} times as much each"
    return replace(found, note="; ".join(part for part in (found.note, words) if part))


def _per_gpu(option: Option) -> float:
    return option.units_per_hour / option.gpus


def most_work(own: Sequence[Option]) -> Option | None:
    """The option with the most work a GPU; where none can serve, the one that comes nearest."""
    able = [o for o in own if o.serves]
    if able:
        return max(able, key=lambda o: (_per_gpu(o), -o.gpus))
    return min(own, key=lambda o: (o.shortfall or math.inf, o.gpus), default=None)


def _row(
    gpu: Gpu, best: Option | None, workload: Workload, demand: Demand, price: PriceUsed | None
) -> ComparedGpu:
    row = blank(gpu, price, *status_of(best, price))
    if best is None or not best.serves:
        return row
    checks = {check.name.partition("_")[0]: check.predicted for check in best.slos}
    requests_per_s = best.units_per_hour / SECONDS_PER_HOUR
    per_gpu = None
    if best.rate is not None and demand.output.mean:
        per_gpu = best.rate.scaled(demand.output.mean / SECONDS_PER_HOUR / best.gpus)
    tpot = checks.get("tpot")
    tokens_per_s = requests_per_s * (demand.input.mean + demand.output.mean)
    costs: tuple[float, ...] = ()
    if price is not None:
        hourly = price.usd_per_gpu_hour * best.gpus
        costs = tuple(usd_per_mtok(hourly, tokens_per_s, u) for u in UTILISATIONS)
    return replace(
        row,
        tp=best.tp,
        precision=best.precision,
        fits=True,
        batch=best.batch,
        requests_per_s=requests_per_s,
        output_tokens_per_s_per_gpu=per_gpu,
        output_tokens_per_s_per_user=1.0 / tpot.value if tpot else None,
        ttft_p95_s=checks.get("ttft"),
        tpot_p95_s=tpot,
        usd_per_mtok=costs,
        note=best.note,
        room=room_of(best, workload),
    )


def status_of(best: Option | None, price: PriceUsed | None) -> tuple[str, str]:
    """What a GPU's best option is told as, and why it is not more."""
    if best is None:
        return NO_FIT, "no 16-bit arithmetic"
    if not best.serves:
        return MISSES if best.shortfall else NO_FIT, best.reason
    return (SERVES, "") if price else (NO_PRICE, "nobody lists a current price")


def blank(gpu: Gpu, price: PriceUsed | None, status: str, reason: str) -> ComparedGpu:
    """A row of a GPU of which no speed is told."""
    nothing: Estimate | None = None
    return ComparedGpu(
        gpu=gpu.id,
        tp=None,
        precision=None,
        fits=False,
        reason=reason,
        batch=None,
        requests_per_s=None,
        output_tokens_per_s_per_gpu=nothing,
        output_tokens_per_s_per_user=None,
        ttft_p95_s=nothing,
        tpot_p95_s=nothing,
        price=price,
        usd_per_mtok=(),
        beats_cheapest_from=None,
        limit="",
        note="",
        status=status,
    )


def _priced(rows: Sequence[ComparedGpu]) -> list[tuple[ComparedGpu, float, float]]:
    """Rows that serve at a price: (row, USD/h of a replica, its requests/s)."""
    return [
        (row, row.price.usd_per_gpu_hour * (row.tp or 1), row.requests_per_s)
        for row in rows
        if row.price is not None and row.requests_per_s
    ]


def _with_break_even(rows: Sequence[ComparedGpu]) -> list[ComparedGpu]:
    priced = _priced(rows)
    if not priced:
        return list(rows)
    cheapest = min(priced, key=lambda p: p[1])
    out = []
    for row in rows:
        mine = next((p for p in priced if p[0] is row), None)
        if mine is None or mine is cheapest:
            out.append(row)
            continue
        share = break_even_utilisation(mine[1], cheapest[1], mine[2], cheapest[2])
        out.append(replace(row, beats_cheapest_from=share if share <= 1.0 else None))
    return out


def price_warnings(prices: Sequence[PriceUsed]) -> list[str]:
    """How old the prices of a comparison are."""
    if not prices:
        return []
    oldest = min(p.oldest for p in prices)
    old = sum(p.is_old for p in prices)
    found = [f"prices date from {oldest} to {max(p.newest for p in prices)}"]
    if old:
        found.append(f"{old} of {len(prices)} GPUs have only prices older than they are good for")
    return found
