"""A Comparison as its readers need it: who wins, then every GPU, then those that cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from gpumix import fields
from gpumix.domain.comparison import NO_PRICE, ComparedGpu, Comparison, SweptBatch, WinnerAt
from gpumix.domain.plan import Lever
from gpumix.report.tables import Cell, Table, basis, column, estimate, remark, table, text, value
from gpumix.report.views import evidence as evidence_view
from gpumix.report.views.fit import of_room

ALWAYS_TOLD = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb")
"""GPUs that a first screen tells of whatever their cost."""
CHEAPEST_TOLD = 5
"""GPUs beside them, the cheapest that do the work."""
CHANGES_TOLD = 4
"""Changes of the cheapest GPU that a headline tells; the table has them all."""


def question(comparison: Comparison) -> str:
    """What was compared, in one line."""
    work = comparison.sample or (
        f"{fields.format_value('input_tokens', comparison.input_tokens)} tokens in, "
        f"{fields.format_value('output_tokens', comparison.output_tokens)} out"
    )
    parts = [work, *comparison.slo, comparison.engine, comparison.price_rule]
    return "; ".join(part for part in parts if part)


def headline(comparison: Comparison) -> str:
    """The cheapest GPU at each demand, in one sentence; the first changes where there are many."""
    if not comparison.winners:
        if any(row.status == NO_PRICE for row in comparison.rows):
            return "GPUs keep the promises; only a price is missing."
        return "No GPU keeps the promises."
    if comparison.at_load:
        best = comparison.at_load[0]
        usd = fields.format_value("usd_per_hour", best.usd_per_hour)
        gpus = f"{best.replicas * best.tp} x {best.gpu}"
        return f"Cheapest: {gpus} for {usd} an hour, {comparison.load_words}."
    changes = [b for a, b in pairwise(comparison.winners) if b.gpu != a.gpu]
    where = " at the least demand" if changes else ""
    steps = [f"Cheapest{where}: {comparison.winners[0].gpu}"]
    for winner in changes[:CHANGES_TOLD]:
        rate = fields.format_value("requests_per_s", winner.requests_per_s)
        steps.append(f"from {rate} requests/s {winner.gpu}")
    if len(changes) > CHANGES_TOLD:
        steps.append("then see the table")
    return "; ".join(steps) + "."


def first_rows(comparison: Comparison) -> list[ComparedGpu]:
    """The GPUs of a first screen, in the comparison's order: H100, A100, L40S, the five cheapest;
    all where there are no more than that."""
    if len(comparison.rows) <= len(ALWAYS_TOLD) + CHEAPEST_TOLD:
        return list(comparison.rows)
    others = [row for row in _able(comparison) if row.gpu not in ALWAYS_TOLD]
    cheapest = {row.gpu for row in others[:CHEAPEST_TOLD]}
    return [row for row in comparison.rows if row.gpu in cheapest or row.gpu in ALWAYS_TOLD]


def first_table(comparison: Comparison) -> Table:
    """The answer of a first screen: what each GPU does and costs, or why it does not."""
    return answer_table(comparison, first_rows(comparison))


def answer_table(comparison: Comparison, rows: Sequence[ComparedGpu]) -> Table:
    """What each of some GPUs does and costs, or why it does not, in their order."""
    cost = "usd_per_sample" if comparison.sample else "usd_per_mtok"
    loads = {one.gpu: one for one in comparison.at_load}
    full = len(comparison.utilisations) - 1
    drawn = table(
        fields.label(cost) + ", always busy",
        ComparedGpu,
        rows,
        ("gpu", lambda r: text(r.gpu)),
        ("tp", lambda r: value("tp", r.tp)),
        ("precision", lambda r: text(r.precision)),
        (
            "output_tokens_per_s_per_gpu",
            lambda r: estimate("output_tokens_per_s_per_gpu", r.output_tokens_per_s_per_gpu),
        ),
        ("sample_s", lambda r: estimate("sample_s", r.sample_s)),
        ("tpot_p95_s", lambda r: estimate("tpot_p95_s", r.tpot_p95_s)),
        ("price", _price),
        (cost, _at(cost, full)),
        ("replicas", lambda r: _of_load("replicas", loads.get(r.gpu))),
        ("usd_per_hour", lambda r: _of_load("usd_per_hour", loads.get(r.gpu))),
        ("status", lambda r: text("" if r.fits and r.price else r.status)),
        ("reason", lambda r: remark("" if r.fits and r.price else r.reason)),
        ("basis", _basis),
    )
    return drawn.without_absent()


def rest_words(comparison: Comparison) -> str:
    """What a first screen leaves out; empty where it is everything."""
    more = len(comparison.rows) - len(first_rows(comparison))
    tables = "measurements, demand, levers and hosted models"
    return f"{more} more GPUs, {tables}: --details" if more else f"{tables.capitalize()}: --details"


_LAYOUT: tuple[tuple[str, Callable[[WinnerAt], Cell]], ...] = (
    ("gpu", lambda w: text(w.gpu)),
    ("tp", lambda w: value("tp", w.tp)),
    ("precision", lambda w: text(w.precision)),
    ("replicas", lambda w: value("replicas", w.replicas)),
    ("usd_per_hour", lambda w: value("usd_per_hour", w.usd_per_hour)),
    ("load", lambda w: value("load", w.load, record=WinnerAt)),
)
"""Columns of a layout and its count."""


def load_table(comparison: Comparison) -> Table:
    """What carries the stated load on each GPU, and at what price."""
    return table(
        f"To carry {comparison.load_words}",
        WinnerAt,
        comparison.at_load,
        *_LAYOUT,
    )


def sweep_table(comparison: Comparison) -> Table:
    """Speed over batches, and over the first GPU at the same batch."""
    return table(
        fields.label("sweep"),
        SweptBatch,
        comparison.sweep,
        ("gpu", lambda s: text(s.gpu)),
        ("tp", lambda s: value("tp", s.tp)),
        ("precision", lambda s: text(s.precision)),
        ("batch", lambda s: _batch(s)),
        (
            "output_tokens_per_s_per_gpu",
            lambda s: estimate("output_tokens_per_s_per_gpu", s.output_tokens_per_s_per_gpu),
        ),
        ("tpot_p50_s", lambda s: estimate("tpot_p50_s", s.tpot_p50_s)),
        ("ratio", lambda s: value("ratio", s.ratio, "fits no such batch", SweptBatch)),
        ("basis", lambda s: basis(s.output_tokens_per_s_per_gpu.basis)),
    )


def _batch(swept: SweptBatch) -> Cell:
    return replace(value("batch", swept.batch), note="largest" if swept.is_largest else "")


def _of_load(name: str, load: WinnerAt | None) -> Cell:
    return value(name, getattr(load, name) if load else None)


def speed_table(comparison: Comparison) -> Table:
    """How fast every able GPU does it, in the comparison's order."""
    return table(
        "Speed",
        ComparedGpu,
        _able(comparison),
        ("gpu", lambda r: text(r.gpu)),
        ("tp", lambda r: value("tp", r.tp)),
        ("precision", lambda r: text(r.precision)),
        (
            "output_tokens_per_s_per_gpu",
            lambda r: estimate("output_tokens_per_s_per_gpu", r.output_tokens_per_s_per_gpu),
        ),
        (
            "output_tokens_per_s_per_user",
            lambda r: value("output_tokens_per_s_per_user", r.output_tokens_per_s_per_user),
        ),
        ("sample_s", lambda r: estimate("sample_s", r.sample_s)),
        ("ttft_p95_s", lambda r: estimate("ttft_p95_s", r.ttft_p95_s)),
        ("tpot_p95_s", lambda r: estimate("tpot_p95_s", r.tpot_p95_s)),
        ("cache_tokens", lambda r: of_room("cache_tokens", r.room)),
        (
            "longest_request_tokens",
            lambda r: of_room("longest_request_tokens", r.room),
        ),
        ("limit", lambda r: text(r.limit)),
        ("basis", _basis),
        ("note", lambda r: remark(r.note)),
    ).without_absent()


def nearest(comparison: Comparison) -> list[evidence_view.Near]:
    """The measurement nearest to every able GPU's prediction."""
    return [(row.gpu, row.nearest) for row in _able(comparison) if row.nearest]


def cost_table(comparison: Comparison) -> Table:
    """What a million tokens, or a sample, costs on every able GPU at each utilisation."""
    cost = "usd_per_sample" if comparison.sample else "usd_per_mtok"
    drawn = table(
        fields.label(cost),
        ComparedGpu,
        _able(comparison),
        ("gpu", lambda r: text(r.gpu)),
        ("price", _price),
        ("providers", lambda r: value("providers", r.price.providers if r.price else None)),
        ("oldest", lambda r: value("oldest", r.price.oldest if r.price else None)),
        *((cost, _at(cost, i)) for i in range(len(comparison.utilisations))),
        (
            "total_tokens_per_s_per_rack_kw",
            lambda r: value("total_tokens_per_s_per_rack_kw", r.total_tokens_per_s_per_rack_kw),
        ),
        (
            "total_tokens_per_joule",
            lambda r: value("total_tokens_per_joule", r.total_tokens_per_joule),
        ),
        ("beats_cheapest_from", lambda r: value("beats_cheapest_from", r.beats_cheapest_from)),
    )
    drawn, loads = drawn.without_absent(), iter(comparison.utilisations)
    named = tuple(
        column(c.name, title=f"at {fields.format_value('utilisations', next(loads))}")
        if c.name == cost
        else c
        for c in drawn.columns
    )
    return replace(drawn, columns=named)


def unfit_table(comparison: Comparison, unpriced: bool = False) -> Table:
    """The GPUs that cannot, and why; with `unpriced` also those that nobody lists."""
    return table(
        "Cannot run it",
        ComparedGpu,
        [row for row in comparison.rows if not row.fits or (unpriced and not row.price)],
        ("gpu", lambda r: text(r.gpu)),
        ("status", lambda r: text(r.status)),
        ("reason", lambda r: text(r.reason)),
    )


def winners_table(comparison: Comparison) -> Table:
    """The cheapest layout and count from each demand on."""
    return table(
        fields.label("winners"),
        WinnerAt,
        comparison.winners,
        ("requests_per_s", lambda w: value("requests_per_s", w.requests_per_s)),
        *_LAYOUT,
    )


def levers_table(comparison: Comparison) -> Table:
    """What changes would save on the cheapest GPU, always busy."""
    return table(
        fields.label("levers"),
        Lever,
        comparison.levers,
        ("name", lambda lever: text(lever.name)),
        ("usd_per_mtok", lambda lever: value("usd_per_mtok", lever.unit_cost_usd)),
        ("saving_share", lambda lever: value("saving_share", lever.saving_share)),
        ("note", lambda lever: remark(lever.note)),
    )


def _basis(row: ComparedGpu) -> Cell:
    predicted = row.output_tokens_per_s_per_gpu or row.sample_s
    return basis(predicted.basis) if predicted else value("basis", None)


def _able(comparison: Comparison) -> list[ComparedGpu]:
    return [row for row in comparison.rows if row.fits]


def _price(row: ComparedGpu) -> Cell:
    price = row.price
    if price is None:
        return value("price", None, "no price")
    shown, spread = fields.interval_parts("price", price.usd_per_gpu_hour, price.low, price.high)
    return Cell(shown, spread)


def _at(cost: str, index: int) -> Callable[[ComparedGpu], Cell]:
    def cell(row: ComparedGpu) -> Cell:
        costs = row.usd_per_sample if cost == "usd_per_sample" else row.usd_per_mtok
        return value(cost, costs[index] if index < len(costs) else None)

    return cell
