"""One text workload on every GPU: what fits, how fast, at what price, and who wins when."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from gpumix.catalog import price_summary
from gpumix.compare.apis import compared_apis
from gpumix.compare.winners import layouts, winners
from gpumix.cost.unit_cost import break_even_utilisation, usd_per_mtok
from gpumix.domain import defaults as assumed
from gpumix.domain.comparison import ComparedGpu, Comparison, PriceUsed
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
LARGEST_INSTANCE = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare: a model under a load, on some GPUs (None = all), at some precisions
    (none = that of the model's name, else as published)."""

    model: str
    input_tokens: float | None = None
    output_tokens: float | None = None
    slos: tuple[Slo, ...] = ()
    precisions: tuple[str, ...] = ()
    engine: str = assumed.ENGINE
    gpus: tuple[str, ...] | None = None
    adapters: Adapters | None = None


def compare_gpus(question: Question, catalog: Catalog, as_of: date) -> Comparison:
    """The comparison of a question; what it does not state is a default, told first.

    Raises: InputError for unknown names and for models that do not answer in tokens.
    """
    workload, defaults = _workload(question, catalog)
    return compare_workload(workload, catalog, as_of, question.gpus, defaults)


def compare_workload(
    workload: Workload,
    catalog: Catalog,
    as_of: date,
    gpu_names: Sequence[str] | None = None,
    defaults: Sequence[str] = (),
) -> Comparison:
    """The comparison of a chat, batch or embedding workload."""
    if workload.demand is None or not workload.is_text:
        raise InputError(
            Problem(
                workload.id,
                f"compare answers for text in and out; this is {workload.kind}",
                "the report of `gpumix plan` shows every GPU tried for it",
            )
        )
    gpus = compared_gpus(gpu_names, catalog)
    largest = {gpu.id: LARGEST_INSTANCE for gpu in gpus}
    options = options_near(workload, largest, catalog)
    rows = _rows(workload, workload.demand, gpus, options, catalog, as_of)
    prices = {row.gpu: row.price.usd_per_gpu_hour for row in rows if row.price is not None}
    able = layouts(options, prices)

    def ask(changed: Workload, change: Change) -> list[Option]:
        return options_near(changed, largest, catalog, change)

    rows = _with_break_even(rows)
    rows.sort(key=lambda r: (not r.usd_per_mtok, r.usd_per_mtok[-1:] or (math.inf,), r.gpu))
    return Comparison(
        model=workload.model,
        input_tokens=workload.demand.input.mean,
        output_tokens=workload.demand.output.mean,
        slo=tuple(f"{s.name} <= {s.limit_s * 1e3:g} ms" for s in workload.slos),
        price_rule="median over providers of current on-demand offers",
        engine=workload.engine,
        as_of=as_of,
        utilisations=UTILISATIONS,
        rows=tuple(rows),
        winners=tuple(winners(able)),
        levers=levers(workload, Asker(catalog, ask, partial(_cheapest, prices))),
        defaults=(*gpu_notes(gpu_names, catalog), *defaults),
        warnings=(
            *unknown_software(workload, catalog.coefficients),
            *price_warnings([r.price for r in rows if r.price is not None]),
        ),
        apis=compared_apis(workload, catalog.api_prices, able),
    )


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
    named = catalog.named_model(question.model, "MODEL")
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
        demand=Demand(
            units_per_hour=(1.0,) * int(HOURS_PER_WEEK),
            growth_per_year=0.0,
            input=Lengths(prompt, 0.0),
            output=Lengths(answer, 0.0),
            arrival_cv=1.0,
            prefix_share=0.0,
            profile="flat",
        ),
        run=None,
        slos=slos,
        window=tuple(range(int(HOURS_PER_WEEK))),
        countries=(),
        gpus=(),
        confidence=0.5,  # a comparison shows the middle of each prediction
        adapters=question.adapters,
    )
    return workload, defaults


def compared_gpus(names: Sequence[str] | None, catalog: Catalog) -> list[Gpu]:
    """The GPUs of these names, or all. Raises: InputError naming every unknown one."""
    if names is None:
        return list(catalog.gpus.values())
    problems: list[Problem] = []
    found: list[Gpu] = []
    for name in names:
        try:
            found.append(catalog.gpu(name, "--gpus"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def gpu_notes(names: Sequence[str] | None, catalog: Catalog) -> tuple[str, ...]:
    """What was taken for GPUs whose names leave something open."""
    found = [catalog.named_gpu(name) for name in names or ()]
    return tuple(dict.fromkeys(one.note for one in found if one.note))


def _rows(
    workload: Workload,
    demand: Demand,
    gpus: Sequence[Gpu],
    options: Sequence[Option],
    catalog: Catalog,
    as_of: date,
) -> list[ComparedGpu]:
    """Each GPU at its best, with what stands behind its speed."""
    best = {gpu.id: most_work([o for o in options if o.gpu == gpu.id]) for gpu in gpus}
    able = [option for option in best.values() if option is not None and option.serves]
    behind = dict(zip((o.gpu for o in able), reasons(workload, able, catalog), strict=True))
    offers, rows = catalog.quoted(as_of), []
    for gpu in gpus:
        price = price_summary(offers, gpu.id, Purchase.ON_DEMAND)
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


def most_work(own: Sequence[Option]) -> Option | None:
    """The option with the most work a GPU; where none can serve, the one that comes nearest."""
    able = [o for o in own if o.serves]
    if able:
        return max(able, key=lambda o: (o.units_per_hour / o.gpus, -o.gpus))
    return min(own, key=lambda o: (o.shortfall or math.inf, o.gpus), default=None)


def _row(
    gpu: Gpu, best: Option | None, workload: Workload, demand: Demand, price: PriceUsed | None
) -> ComparedGpu:
    if best is None or not best.serves:
        return _blank(gpu, price, best.reason if best else "no 16-bit arithmetic")
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
        _blank(gpu, price, "" if price else "no current on-demand price"),
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


def _blank(gpu: Gpu, price: PriceUsed | None, reason: str) -> ComparedGpu:
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
