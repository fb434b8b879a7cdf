"""A TrainingComparison as its readers need it: who wins at which value of time, then every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpumix import fields
from gpumix.domain.comparison import NO_PRICE
from gpumix.domain.job import ParetoRun, winner
from gpumix.domain.offer import Purchase
from gpumix.domain.training_comparison import (
    ComparedRun,
    PriceRatio,
    PurchasedRun,
    TrainingComparison,
)
from gpumix.report.tables import (
    Cell,
    Table,
    basis,
    estimate,
    money,
    remark,
    table,
    text,
    value,
)
from gpumix.report.views import evidence as evidence_view
from gpumix.report.views.fit import TRAINING_PARTS, of_training

SPOT = "spot"
_NAMED = {SPOT: "On spot", "buy": "Bought"}
"""Ways of paying that a title names in other words than the data."""


def question(found: TrainingComparison) -> str:
    """What was compared, in one line."""
    batch = found.global_batch
    parts = [
        f"{found.method} of {fields.compact(found.tokens)} tokens",
        f"sequences of {found.seq_len:,}",
        f"global batch {batch:,}" if batch else "global batch as the layout sets it",
        f"stack {found.stack}",
    ]
    if found.finish_within_s is not None:
        limit = fields.format_value("finish_within_s", found.finish_within_s)
        parts.append(f"P90 finish within {limit}")
    if found.programme_factor != 1.0:
        parts.append(f"programme_factor {found.programme_factor:g}")
    if found.calendar_usd_per_day:
        parts.append(f"a day is worth {_usd('calendar_usd_per_day', found.calendar_usd_per_day)}")
    return "; ".join([*parts, found.price_rule])


def headline(found: TrainingComparison) -> str:
    """The best run at each value of time, in one sentence."""
    cheapest = winner(found.pareto, 0.0)
    best = winner(found.pareto, found.calendar_usd_per_day)
    if cheapest is None:
        if any(run.status == NO_PRICE for run in found.runs):
            return "It can be done in time; only a price is missing."
        return "No GPU type and count can finish in time." if _able(found) else "It fits on no GPU."
    words = f"Cheapest: {run_words(cheapest)}"
    if best is not None and best is not cheapest:
        words += f"; best at your value of a day: {run_words(best)}"
    return f"{words}."


def pareto_table(pareto: Sequence[ParetoRun]) -> Table:
    """The trade of cost for time, with the value of a day at which it turns."""
    return table(
        fields.label("pareto"),
        ParetoRun,
        pareto,
        ("gpu", lambda p: text(p.gpu)),
        ("gpus", lambda p: value("gpus", p.gpus, record=ParetoRun)),
        ("purchase", lambda p: text(p.purchase)),
        ("finish_expected_s", lambda p: value("finish_expected_s", p.finish_expected_s)),
        ("finish_p90_s", lambda p: value("finish_p90_s", p.finish_p90_s)),
        ("usd_per_run", lambda p: value("usd_per_run", p.usd_per_run, record=ParetoRun)),
        (
            "wins_from_usd_per_day",
            lambda p: money("wins_from_usd_per_day", p.wins_from_usd_per_day, reason="never best"),
        ),
    )


def speed_table(found: TrainingComparison) -> Table:
    """How fast each run is, and where its step goes."""
    return table(
        "Speed",
        ComparedRun,
        shown(found),
        ("gpu", lambda r: text(r.gpu)),
        ("gpus", lambda r: value("gpus", r.gpus, record=ComparedRun)),
        ("precision", lambda r: text(r.precision)),
        ("tokens_per_s", lambda r: estimate("tokens_per_s", r.tokens_per_s)),
        ("within_share", lambda r: value("within_share", r.within_share)),
        ("between_share", lambda r: value("between_share", r.between_share)),
        ("bubble_share", lambda r: value("bubble_share", r.bubble_share)),
        ("mem_gib", lambda r: value("mem_gib", r.mem_gib)),
        ("runs_per_week", lambda r: value("runs_per_week", r.runs_per_week)),
        ("basis", _basis),
        ("layout", lambda r: remark(r.layout)),
    )


def memory_table(found: TrainingComparison) -> Table:
    """What takes the memory of one GPU in each run worth a line."""

    def part(name: str) -> Callable[[ComparedRun], Cell]:
        return lambda run: of_training(name, run.memory)

    return table(
        "Memory of one GPU at the peak",
        ComparedRun,
        [run for run in shown(found) if run.memory is not None],
        ("gpu", lambda r: text(r.gpu)),
        ("gpus", lambda r: value("gpus", r.gpus, record=ComparedRun)),
        *((name, part(name)) for name in TRAINING_PARTS),
        ("mem_gib", lambda r: value("mem_gib", r.mem_gib)),
    )


def nearest(found: TrainingComparison) -> list[evidence_view.Near]:
    """The measurement nearest to the prediction of each run worth a line."""
    return [(f"{run.gpus} x {run.gpu}", run.nearest) for run in shown(found) if run.nearest]


def cost_tables(found: TrainingComparison) -> list[Table]:
    """A table for each way of paying that has a price."""
    paid = [p.purchase for run in shown(found) for p in run.purchases]
    return [_cost_table(found, purchase) for purchase in sorted(dict.fromkeys(paid), key=_place)]


def _place(purchase: str) -> int:
    return list(Purchase).index(Purchase(purchase))


def _cost_table(found: TrainingComparison, purchase: str) -> Table:
    """What a run costs on capacity bought one way, and when it is done: the cheapest first, the
    wait counted, those in time before the late."""
    priced = [(r, p) for r in shown(found) if (p := r.bought(purchase)) is not None]
    priced.sort(key=lambda e: (not e[1].kept, e[1].usd_per_run + e[1].calendar_usd))
    named = _NAMED.get(purchase, purchase.replace("_", " ").capitalize())
    late = "" if all(p.kept for _, p in priced) else ", late ones last"
    title = f"{named}, cheapest first{late}"
    return table(
        title,
        PurchasedRun,
        priced,
        ("gpu", lambda e: text(e[0].gpu)),
        ("gpus", lambda e: value("gpus", e[0].gpus, record=ComparedRun)),
        ("price", _price),
        ("goodput", lambda e: value("goodput", e[1].goodput)),
        ("finish_expected_s", lambda e: value("finish_expected_s", e[1].finish_expected_s)),
        ("finish_p90_s", _p90),
        (
            "usd_storage_egress",
            lambda e: value("usd_storage_egress", e[1].usd_storage_egress),
        ),
        ("usd_per_run", lambda e: value("usd_per_run", e[1].usd_per_run, record=PurchasedRun)),
        ("calendar_usd", lambda e: value("calendar_usd", e[1].calendar_usd or None)),
        *_ceiling(purchase),
    ).without_absent()


def ratio_table(found: TrainingComparison) -> Table:
    """The price ratio up to which each GPU is worth it."""
    kept = ["gpu", "over", "gpus", "speedup", "break_even_cash", "break_even_with_time"]
    drawn = table(
        fields.label("ratios"),
        PriceRatio,
        [r for r in found.ratios if r.gpu in {run.gpu for run in shown(found)}],
        ("gpu", lambda r: text(r.gpu)),
        ("over", lambda r: text(r.over)),
        ("gpus", lambda r: value("gpus", r.gpus, record=PriceRatio)),
        ("speedup", lambda r: value("speedup", r.speedup)),
        ("break_even_cash", lambda r: value("break_even_cash", r.break_even_cash)),
        ("break_even_with_time", lambda r: value("break_even_with_time", r.break_even_with_time)),
        ("ratio_now", lambda r: value("ratio_now", r.ratio_now)),
        ("worth_it", lambda r: text("yes" if r.worth_it else "no", "good" if r.worth_it else "")),
    )
    return drawn if found.calendar_usd_per_day else drawn.without(kept[-1])


def unfit_table(found: TrainingComparison) -> Table:
    """What is left out, why, and what would help: the largest count of each GPU tried."""
    return table(
        "Left out",
        ComparedRun,
        _unfit(found),
        ("gpu", lambda r: text(r.gpu)),
        ("gpus", lambda r: value("gpus", r.gpus, record=ComparedRun)),
        ("status", lambda r: text(r.status)),
        ("fix", lambda r: text(r.fix)),
        ("reason", lambda r: text(r.reason)),
    )


def shown(found: TrainingComparison) -> list[ComparedRun]:
    """The runs worth a line: all of the counts asked for, else each GPU's best."""
    able = _able(found)
    if found.counts_stated:
        return able
    best: dict[str, ComparedRun] = {}
    for run in able:
        if run.purchases:
            best.setdefault(run.gpu, run)
    return list(best.values())


def _able(found: TrainingComparison) -> list[ComparedRun]:
    return [run for run in found.runs if run.fits]


def _unfit(found: TrainingComparison) -> list[ComparedRun]:
    """Misfits and runs without a price: all of the counts asked for, else of GPUs that have
    nothing else."""
    left_out = [r for r in found.runs if not r.purchases]
    misfits = sorted(left_out, key=lambda r: (not r.fits, r.gpu, -r.gpus))
    if found.counts_stated:
        return misfits
    able = {run.gpu for run in found.runs if run.purchases}
    return list({r.gpu: r for r in reversed(misfits) if r.gpu not in able}.values())


def run_words(run: ParetoRun) -> str:
    """`64 x h100-sxm-80gb spot ($142,912 in 61.7 days, P90 69.7 days)`."""
    usd = fields.format_value(fields.field("usd_per_run", ParetoRun), run.usd_per_run)
    done = fields.format_value("finish_expected_s", run.finish_expected_s)
    p90 = fields.format_value("finish_p90_s", run.finish_p90_s)
    return f"{run.gpus} x {run.gpu} {run.purchase} ({usd} in {done}, P90 {p90})"


def _usd(name: str, usd: float) -> str:
    return fields.format_value(name, usd)


def _basis(run: ComparedRun) -> Cell:
    return basis(run.tokens_per_s.basis) if run.tokens_per_s else value("basis", None)


def _price(entry: tuple[ComparedRun, PurchasedRun]) -> Cell:
    price = entry[1].price
    shown_price, spread = fields.interval_parts(
        "price", price.usd_per_gpu_hour, price.low, price.high
    )
    return Cell(shown_price, spread)


def _p90(entry: tuple[ComparedRun, PurchasedRun]) -> Cell:
    drawn = value("finish_p90_s", entry[1].finish_p90_s)
    return drawn if entry[1].kept else Cell(drawn.text, "late", "bad")


def _ceiling(
    purchase: str,
) -> list[tuple[str, Callable[[tuple[ComparedRun, PurchasedRun]], Cell]]]:
    if purchase != SPOT:
        return []
    return [("spot_ceiling", lambda e: value("spot_ceiling", e[0].spot_ceiling))]
