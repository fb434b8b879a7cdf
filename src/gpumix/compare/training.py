"""One training run on every GPU and count: what fits, how long, at what price, who wins when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from gpumix.compare.market import Market, whole_market
from gpumix.compare.serving import price_warnings
from gpumix.cost.jobs import (
    Finish,
    break_even_price_ratio,
    spot_price_ceiling,
    storage_usd,
    value_of_wait_usd,
)
from gpumix.cost.unit_cost import usd_per_run
from gpumix.domain.comparison import (
    NO_FIT,
    NO_PRICE,
    NOT_ALLOWED,
    NOT_SUPPORTED,
    SERVES,
    TOO_LATE,
    PriceUsed,
)
from gpumix.domain.defaults import GPUS_PER_NODE, PRECISION
from gpumix.domain.evidence import Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.job import ParetoRun, winner
from gpumix.domain.offer import Purchase
from gpumix.domain.training_comparison import (
    ComparedRun,
    PriceRatio,
    PurchasedRun,
    TrainingComparison,
)
from gpumix.domain.workload import TrainingRun
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.options.reasons import nearest_runs
from gpumix.options.runs import Job, Run, lacks, predict_run
from gpumix.options.tradeoff import front
from gpumix.options.training import can_gang
from gpumix.options.training_refusals import what_would_help, why_not
from gpumix.predict.software import unknown_name
from gpumix.units import GIGA, HOURS_PER_WEEK, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""GPUs of a run that are tried where none are stated."""
MOST_COUNTS = 16
MOST_REASONS = 8
ON_DEMAND, SPOT = Purchase.ON_DEMAND, Purchase.SPOT
REFERENCE = "a100-sxm-80gb"
"""Price ratios are told over this GPU where it runs the job, else over the slowest that does."""


@dataclass(frozen=True, slots=True)
class TrainQuestion:
    """What to compare: a run, at these precisions, on some GPUs and counts (None = all)."""

    model: str
    run: TrainingRun
    precisions: tuple[str, ...] = (PRECISION,)
    gpus: tuple[str, ...] | None = None
    counts: tuple[int, ...] | None = None
    defaults: tuple[str, ...] = ()
    purchases: tuple[Purchase, ...] = (ON_DEMAND, SPOT)
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Money:
    """Prices of what a run stores and sends away."""

    checkpoints_kept: float
    storage_usd_per_gb_month: float
    egress_usd_per_gb: float


@dataclass(frozen=True, slots=True)
class _Tried:
    """A compared run with the prediction behind it."""

    row: ComparedRun
    run: Run


def compare_train(
    question: TrainQuestion, catalog: Catalog, as_of: date, market: Market | None = None
) -> TrainingComparison:
    """The comparison of a training run over GPUs and counts, on what is for sale or what an
    inventory allows.

    Raises: InputError for unknown names, models without a shape to train, and absurd counts.
    """
    named = catalog.named_model(question.model, "MODEL")
    model = named.model
    if not model.layers or not model.hidden:
        raise InputError(
            Problem("MODEL", f"{model.id} has no layers to predict a training step from")
        )
    market = market or whole_market(
        question.gpus, catalog, as_of, question.purchases, question.providers
    )
    gpus = [gpu for gpu in market.gpus if gpu.id not in market.refused]
    counts = _counts(question)
    job = Job.of(question.run, model, catalog)
    money = _money(catalog)
    unfit: list[ComparedRun] = []
    tried: list[_Tried] = []
    for gpu in gpus:
        prices = {p: price for (name, p), price in market.prices.items() if name == gpu.id}
        size = market.largest[gpu.id]
        gangs = [count for count in counts if can_gang(count, size)]
        own = [_best_run(job, gpu, count, size, question.precisions) for count in gangs]
        tried += [_Tried(_row(job, r, prices, money), r) for r in own if isinstance(r, Run)]
        unfit += _unfit(job, gpu, gangs, own, question.precisions)
        why = f"the largest machine has {size}"
        smaller = f"at most {size} GPUs, or allow larger machines"
        unfit += [_blank(gpu, n, NOT_ALLOWED, why, smaller) for n in counts if n not in gangs]
    for gpu in (gpu for gpu in market.gpus if gpu.id in market.refused):
        unfit += [_not_allowed(gpu, count, market.refused[gpu.id]) for count in counts]
    run = question.run
    tried = _with_nearest(tried, question, catalog)
    rows = [*(one.row for one in tried), *unfit]
    pareto, ways_out = _pareto(rows), _ways_out(job, gpus, tried, question)
    return TrainingComparison(
        model=model.id,
        method=run.method,
        tokens=run.tokens,
        seq_len=run.seq_len,
        global_batch=run.global_batch,
        stack=run.stack,
        finish_within_s=None
        if run.finish_within_h is None
        else run.finish_within_h * SECONDS_PER_HOUR,
        calendar_usd_per_day=run.calendar_usd_per_day,
        programme_factor=run.programme_factor,
        price_rule=market.rule,
        as_of=as_of,
        runs=tuple(sorted(rows, key=_rank)),
        pareto=pareto,
        ratios=tuple(_ratios(tried, pareto, run)),
        why=tuple(_why(tried, pareto, run)),
        counts_stated=question.counts is not None or run.gpus is not None,
        defaults=(*market.notes, *named.notes, *question.defaults),
        warnings=(
            *unknown_name("stack", question.run.stack, catalog.coefficients.training["stack"]),
            *_warnings(rows, is_possible=not ways_out),
        ),
        ways_out=ways_out,
    )


def _with_nearest(
    tried: Sequence[_Tried], question: TrainQuestion, catalog: Catalog
) -> list[_Tried]:
    """The same runs with the measurement nearest to each."""
    found = nearest_runs(question.model, question.run, [one.run for one in tried], catalog)
    return [
        _Tried(replace(one.row, nearest=nearest), one.run)
        for one, nearest in zip(tried, found, strict=True)
    ]


def _counts(question: TrainQuestion) -> tuple[int, ...]:
    stated = question.counts or ((question.run.gpus,) if question.run.gpus else None)
    if stated is None:
        return COUNTS
    counts = tuple(dict.fromkeys(stated))
    wrong = [n for n in counts if n < 1 or not can_gang(n, GPUS_PER_NODE)]
    if wrong or len(counts) > MOST_COUNTS:
        raise InputError(
            Problem(
                "--counts",
                f"no gang can have {', '.join(map(str, wrong))} GPUs"
                if wrong
                else f"names {len(counts)} counts",
                f"at most {MOST_COUNTS} counts, each up to 8 or a multiple of 8",
            )
        )
    return counts


def _money(catalog: Catalog) -> _Money:
    def typical(name: str) -> float:
        return catalog.defaults[name].typical or 0.0

    return _Money(
        typical("checkpoints_kept"), typical("storage_usd_per_gb_month"), typical("egress_aws")
    )


def _best_run(job: Job, gpu: Gpu, count: int, size: int, precisions: Sequence[str]) -> Run | str:
    """The fastest run over the precisions, or why there is none."""
    runs: list[Run] = []
    reason = ""
    for precision in precisions:
        try:
            runs.append(predict_run(job, gpu, count, min(size, GPUS_PER_NODE), precision))
        except NoEstimate as error:
            reason = str(error)
    return max(runs, key=lambda r: r.tokens_per_s) if runs else reason


def _row(job: Job, run: Run, prices: Mapping[Purchase, PriceUsed], money: _Money) -> ComparedRun:
    steady, spot = run.steady(job), run.spot(job)
    availability = job.reliability.spot_terms(run.gpu.id).availability
    bought = [
        _bought(job, run, purchase, price, spot, availability, money)
        if purchase is SPOT
        else _bought(job, run, purchase, price, steady, 1.0, money)
        for purchase, price in prices.items()
    ]
    tokens = Estimate(
        run.tokens_per_s, run.tokens_per_s * run.low, run.tokens_per_s * run.high,
        run.basis, "perf.training",
    )  # fmt: skip
    return ComparedRun(
        gpu=run.gpu.id,
        gpus=run.gpus,
        precision=run.precision,
        layout=str(run.layout),
        fits=True,
        reason="" if bought else "nobody lists a current price",
        fix="",
        tokens_per_s=tokens,
        limit=run.layout.limit,
        within_share=run.shares.within,
        between_share=run.shares.between,
        bubble_share=run.shares.bubble,
        mem_gib=run.layout.mem_gib,
        undisturbed_s=run.work_h * SECONDS_PER_HOUR,
        runs_per_week=HOURS_PER_WEEK / steady.expected_h,
        purchases=tuple(bought),
        spot_ceiling=spot_price_ceiling(1.0 / spot.held_h, 1.0 / steady.held_h),
        note="; ".join(part for part in (run.why(), _caution(run), run.measured) if part),
        memory=run.layout.parts,
        status=_status(job, steady, bought),
    )


def _status(job: Job, steady: Finish, bought: Sequence[PurchasedRun]) -> str:
    """On capacity that nobody takes back the finish is the same however it is paid for."""
    if any(one.kept for one in bought):
        return SERVES
    in_time = steady.p90_h <= (job.run.finish_within_h or float("inf"))
    return NO_PRICE if in_time else TOO_LATE


def _caution(run: Run) -> str:
    if run.caution == 1.0:
        return ""
    return "no measurement of this architecture: using the low end of the interval"


def _bought(
    job: Job,
    run: Run,
    purchase: Purchase,
    price: PriceUsed,
    done: Finish,
    availability: float,
    money: _Money,
) -> PurchasedRun:
    asked = job.run
    gpus = usd_per_run(price.usd_per_gpu_hour * run.gpus, done.held_h, asked.programme_factor)
    kept_bytes = run.checkpoint_bytes * money.checkpoints_kept
    stored = storage_usd(kept_bytes, done.expected_h, money.storage_usd_per_gb_month)
    stored += run.result_bytes / GIGA * money.egress_usd_per_gb
    limit_h = asked.finish_within_h or float("inf")
    return PurchasedRun(
        purchase=purchase.value,
        price=price,
        goodput=run.work_h * run.caution / done.held_h,
        availability=availability,
        finish_expected_s=done.expected_h * SECONDS_PER_HOUR,
        finish_p50_s=done.p50_h * SECONDS_PER_HOUR,
        finish_p90_s=done.p90_h * SECONDS_PER_HOUR,
        kept=done.p90_h <= limit_h,
        usd_gpus=gpus,
        usd_storage_egress=stored,
        usd_per_run=gpus + stored,
        calendar_usd=value_of_wait_usd(asked.calendar_usd_per_day, done.expected_h),
    )


def _unfit(
    job: Job,
    gpu: Gpu,
    counts: Sequence[int],
    found: Sequence[Run | str],
    precisions: Sequence[str],
) -> Iterator[ComparedRun]:
    """Rows of the counts at which nothing fits, with what would make it fit."""
    if not counts:  # no machine of it is large enough for any
        return
    able = [n for n, one in zip(counts, found, strict=True) if isinstance(one, Run)]
    other = "" if able else why_not(job, gpu, max(counts), precisions)
    for count, one in zip(counts, found, strict=True):
        if isinstance(one, Run):
            continue
        more = min((n for n in able if n > count), default=None)
        fix = f"{more} GPUs" if more else other or f"a larger global_batch, or {able[-1]} GPUs"
        lacking = all(lacks(gpu, precision) for precision in precisions)
        yield _blank(gpu, count, NOT_SUPPORTED if lacking else NO_FIT, one, fix)


def _not_allowed(gpu: Gpu, count: int, why: str) -> ComparedRun:
    return _blank(gpu, count, NOT_ALLOWED, why, "allow it in the inventory")


def _blank(gpu: Gpu, count: int, status: str, reason: str, fix: str) -> ComparedRun:
    """A row of a GPU and count of which no speed is told."""
    return ComparedRun(
        gpu=gpu.id,
        gpus=count,
        precision=None,
        layout="",
        fits=False,
        reason=reason,
        fix=fix,
        tokens_per_s=None,
        limit="",
        within_share=None,
        between_share=None,
        bubble_share=None,
        mem_gib=None,
        undisturbed_s=None,
        runs_per_week=None,
        purchases=(),
        spot_ceiling=None,
        note="",
        status=status,
    )


def _rank(row: ComparedRun) -> tuple[bool, float, str, int]:
    """Cheapest first, the wait counted; those in time before those late, misfits last."""
    totals = [p.usd_per_run + p.calendar_usd for p in row.purchases if p.kept]
    late = [p.usd_per_run + p.calendar_usd for p in row.purchases]
    return (not totals, min(totals or late or [float("inf")]), row.gpu, row.gpus)


# -- cost against time -----------------------------------------------------------------------


def _pareto(rows: Sequence[ComparedRun]) -> tuple[ParetoRun, ...]:
    """Runs in time that no other beats on cost and time."""
    return front(
        ParetoRun(
            row.gpu, row.gpus, p.purchase, p.finish_expected_s, p.finish_p90_s, p.usd_per_run, None
        )
        for row in rows
        for p in row.purchases
        if p.kept
    )


# -- price ratios and reasons ----------------------------------------------------------------


def _count_of(tried: Sequence[_Tried], pareto: Sequence[ParetoRun], run: TrainingRun) -> int:
    """The count at which GPUs are held against each other: the best run's."""
    best = winner(pareto, run.calendar_usd_per_day)
    return best.gpus if best is not None else max((t.row.gpus for t in tried), default=0)


def _ratios(
    tried: Sequence[_Tried], pareto: Sequence[ParetoRun], run: TrainingRun
) -> Iterator[PriceRatio]:
    """Each GPU over the reference at the best run's count, on demand; fastest first."""
    able = [t for t in tried if t.row.bought(ON_DEMAND) is not None]
    count = _count_of(able, pareto, run)
    same = sorted(
        (t for t in able if t.row.gpus == count), key=lambda t: (-t.run.tokens_per_s, t.row.gpu)
    )
    if len(same) < 2:
        return
    base = next((t for t in same if t.row.gpu == REFERENCE), same[-1])
    slow = base.row.bought(ON_DEMAND)
    for one in same:
        fast = one.row.bought(ON_DEMAND)
        if one is base or fast is None or slow is None:
            continue
        yield _ratio(one, base, fast, slow, run)


def _ratio(
    one: _Tried, base: _Tried, fast: PurchasedRun, slow: PurchasedRun, run: TrainingRun
) -> PriceRatio:
    """The break-even of one run over another."""
    slower = one.run.caution / base.run.caution
    speedup = one.run.tokens_per_s / base.run.tokens_per_s / slower
    price = slow.price.usd_per_gpu_hour
    hourly = value_of_wait_usd(run.calendar_usd_per_day, 1.0)

    def at(value: float) -> float:
        ratio = break_even_price_ratio(
            fast.usd_gpus / fast.price.usd_per_gpu_hour,
            slow.usd_gpus / price,
            fast.finish_expected_s / SECONDS_PER_HOUR,
            slow.finish_expected_s / SECONDS_PER_HOUR,
            value,
            price,
        )
        return max(ratio, 0.0)

    now = fast.price.usd_per_gpu_hour / price
    return PriceRatio(
        gpu=one.row.gpu,
        over=base.row.gpu,
        gpus=one.row.gpus,
        speedup=speedup,
        break_even_cash=at(0.0),
        break_even_with_time=at(hourly),
        ratio_now=now,
        worth_it=now <= at(hourly),
    )


def _why(tried: Sequence[_Tried], pareto: Sequence[ParetoRun], run: TrainingRun) -> Iterator[str]:
    """Why GPUs without a fast link are slower than the fastest with one, at the best count."""
    able = [t for t in tried if t.row.purchases]
    count = _count_of(able, pareto, run)
    same = sorted((t for t in able if t.row.gpus == count), key=lambda t: -t.run.tokens_per_s)
    linked = [t for t in same if not t.run.is_on_pcie]
    if not linked or count == 1:
        return
    for one in [t for t in same if t.run.is_on_pcie][:MOST_REASONS]:
        yield one.run.against(linked[0].run)


def _ways_out(
    job: Job, gpus: Sequence[Gpu], tried: Sequence[_Tried], question: TrainQuestion
) -> tuple[str, ...]:
    """What would make a run possible that nothing does in time; empty where something does."""
    limit_h = question.run.finish_within_h
    late = [one.run.steady(job).p90_h / (limit_h or float("inf")) for one in tried]
    if any(ratio <= 1.0 for ratio in late):
        return ()
    return what_would_help(job, gpus, question.precisions, min(late, default=None))


def _warnings(rows: Sequence[ComparedRun], is_possible: bool) -> list[str]:
    prices = {(r.gpu, p.purchase): p.price for r in rows for p in r.purchases}
    found = price_warnings(list(prices.values()))
    if any(p.purchase == SPOT for r in rows for p in r.purchases):
        found.append(
            "spot: interruptions and availability come from traces of older GPUs; large gangs "
            "may be unobtainable on spot"
        )
    if any(p.kept for r in rows for p in r.purchases):
        return found
    if not is_possible:
        return [*found, "no GPU type and count can finish in time; see the reasons"]
    unpriced = dict.fromkeys(r.gpu for r in rows if r.status == NO_PRICE)
    return [*found, f"only a price is missing of what can finish in time: {', '.join(unpriced)}"]
