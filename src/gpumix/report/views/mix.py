"""What to hold and rent, line by line, and what to ask a quote for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from gpumix import fields
from gpumix.domain.offer import OLD, Purchase, term_words
from gpumix.domain.plan import GpuCut, MixLine, Plan
from gpumix.domain.scenarios import CurvePoint, TermTarget
from gpumix.fields import Currency
from gpumix.report.tables import Cell, Table, basis, money, table, text, value
from gpumix.report.views.prices import paid_words

PURCHASE_WORDS = {
    Purchase.ON_DEMAND: "by the hour",
    Purchase.SPOT: "spot by the hour",
    Purchase.RESERVED_1Y: "reserved 1 year",
    Purchase.RESERVED_3Y: "reserved 3 years",
    Purchase.RESERVED: "reserved",
    Purchase.API: "by the token",
    Purchase.BUY: "bought",
    Purchase.OWNED: "already owned",
}


def purchase_words(purchase: str | None) -> str:
    """How a GPU is paid for, in words: `reserved 3 years`."""
    return PURCHASE_WORDS[Purchase(purchase)] if purchase else fields.ABSENT


def second_currency(plan: Plan) -> Currency:
    """The currency shown beside USD; USD itself where the plan names no other."""
    return Currency(plan.report_currency, plan.fx_per_usd)


def exchange_rate(plan: Plan) -> str:
    """What a dollar is in the second currency, of which day, and how old that is."""
    rate = f"1 USD = {plan.fx_per_usd:g} {plan.report_currency}"
    if plan.fx_as_of is None:
        return rate
    days = (plan.as_of - plan.fx_as_of).days
    return f"{rate} ({plan.fx_as_of}, {days} days old)" if days > 0 else f"{rate} ({plan.fx_as_of})"


def mix_table(plan: Plan) -> Table:
    """What to hold and rent, dearest line first."""
    second = second_currency(plan)
    lines = sorted(plan.mix, key=lambda line: -line.usd_per_month)
    gpus = sum(line.count * line.gpus_per_instance for line in gpu_lines(plan))
    blank = Cell("", tone="total")
    return table(
        fields.label("mix"),
        MixLine,
        lines,
        ("count", _count),
        ("gpu", _gpu),
        ("purchase", lambda m: text(purchase_of(m))),
        ("provider", _seller),
        ("usd_per_gpu_hour", _of_gpus("usd_per_gpu_hour")),
        ("price_as_of", _seen),
        ("utilisation", _of_gpus("utilisation")),
        ("serves", lambda m: text(", ".join(m.serves))),
        ("usd_per_month", lambda m: money("usd_per_month", m.usd_per_month, second)),
        total=(
            Cell("Total", tone="total"),
            Cell(f"{gpus:,} GPU{'' if gpus == 1 else 's'} at most", tone="total"),
            *(blank,) * 4,
            Cell(fields.format_value("utilisation", plan.utilisation), tone="total"),
            blank,
            money("monthly_usd", plan.monthly_usd, second),
        ),
    )


def gpu_lines(plan: Plan) -> list[MixLine]:
    """The lines that hold GPUs: all but those of APIs."""
    return [line for line in plan.mix if line.purchase != Purchase.API]


def _gpu(line: MixLine) -> Cell:
    if line.purchase == Purchase.API:
        return text("API", note="latency unknown")
    return text(f"{line.gpus_per_instance} × {line.gpu}")


def _of_gpus(name: str) -> Callable[[MixLine], Cell]:
    """The cell of a figure that an API does not have."""
    return lambda line: value(
        name, None if line.purchase == Purchase.API else getattr(line, name), "paid by the token"
    )


def _count(line: MixLine) -> Cell:
    if line.purchase == Purchase.API:
        return Cell("")
    if Purchase(line.purchase).is_committed:
        by_year = ", ".join(map(str, line.counts_by_year))
        note = f"by year: {by_year}" if len(set(line.counts_by_year)) > 1 else ""
        return Cell(fields.format_value("count", line.count), note)
    mean = fields.format_value("mean_count", line.mean_count)
    return Cell(f"≤ {line.count}", f"mean {mean}")


def purchase_of(line: MixLine) -> str:
    """How a line is paid for: `reserved 6 months, 100 % up front, estimated`."""
    words = purchase_words(line.purchase)
    if line.term_months:
        words = paid_words(Purchase(line.purchase), line.term_months, line.upfront_share)
    return f"{words}, estimated" if line.estimated else words


def _seller(line: MixLine) -> Cell:
    """Who rents it out, which kind of provider that is, and where; or the site of one's own."""
    where = "" if line.region == "unspecified" else line.region
    rented = line.price_as_of is not None and bool(line.instance or line.tier)
    known = (line.tier, line.country or ("" if where or not rented else "region not stated"))
    about = ", ".join(word for word in known if word)
    return text(f"{line.provider} {where}".strip() + (f" ({about})" if about else ""))


def _seen(line: MixLine) -> Cell:
    """The day on which the price was seen and its age; said where that is too long ago."""
    if line.age_days is None or line.price_as_of is None:
        return value("price_as_of", line.price_as_of, "a server of your own")
    old = ", old" if OLD in line.marks else ""
    return text(f"{line.price_as_of} ({line.age_days} d{old})")


def mix_sources_table(plan: Plan) -> Table:
    """Where each line's price comes from and how old it is."""
    return table(
        "Prices of the mix",
        MixLine,
        plan.mix,
        ("resource", lambda m: text(m.resource)),
        ("usd_per_gpu_hour", _of_gpus("usd_per_gpu_hour")),
        ("instance", lambda m: text(m.instance)),
        ("price_as_of", lambda m: value("price_as_of", m.price_as_of, "no date given")),
        ("age_days", lambda m: value("age_days", m.age_days, "a server of your own")),
        ("basis", lambda m: basis(m.basis)),
        ("marks", lambda m: text(", ".join(m.marks))),
        ("source", lambda m: text(m.source)),
    )


def cuts_table(plan: Plan) -> Table:
    """How GPUs are cut so that replicas of several workloads share them."""
    held = {line.resource: line.count * line.gpus_per_instance for line in plan.mix}
    cut = Counter[str]()
    for one in plan.cuts:
        cut[one.resource] += one.count
    anew = {resource for resource, count in cut.items() if count > held.get(resource, count)}
    return table(
        fields.label("cuts"),
        GpuCut,
        plan.cuts,
        ("count", lambda c: value("count", c.count, record=GpuCut)),
        ("gpu", lambda c: text(c.gpu)),
        (
            "pattern",
            lambda c: text(cut_words(c), note="in some hours" if c.resource in anew else ""),
        ),
        ("resource", lambda c: text(c.resource)),
    )


def cut_words(cut: GpuCut) -> str:
    """What a GPU is cut into: `4 × 1g.10gb, 1 × 3g.40gb`."""
    return ", ".join(f"{count} × {name}" for name, count in cut.pattern.items())


def curve_table(plan: Plan) -> Table:
    """From the cheapest mix to the plan: what fewer providers, types and lines cost."""
    cheapest = plan.cheapest_usd or 1.0
    return table(
        fields.label("curve"),
        CurvePoint,
        plan.curve if len(plan.curve) > 1 else (),
        ("lines", lambda c: value("lines", c.lines, record=CurvePoint)),
        ("gpu_types", lambda c: value("gpu_types", c.gpu_types, record=CurvePoint)),
        ("providers", lambda c: value("providers", c.providers, record=CurvePoint)),
        ("horizon_usd", lambda c: money("horizon_usd", c.horizon_usd, second_currency(plan))),
        ("delta_share", lambda c: value("delta_share", c.delta_share(cheapest), record=CurvePoint)),
    )


def targets_table(plan: Plan) -> Table:
    """Prices of commitments that nobody lists and that would pay, a sentence each."""
    return table(
        fields.label("targets"),
        TermTarget,
        plan.targets,
        ("what", lambda t: text(target_words(t, plan.targets))),
    )


def target_words(target: TermTarget, targets: Sequence[TermTarget]) -> str:
    """`3 years of 12 b200-sxm-180gb below $3.42 an hour would pay; ...`, one of several."""
    below = fields.format_value("usd_per_gpu_hour", target.usd_per_gpu_hour)
    usual = fields.format_value("usd_per_gpu_hour", target.usual_usd_per_gpu_hour)
    words = (
        f"{term_words(target.term_months)} of {target.gpus} {target.gpu} below {below} an hour "
        f"would pay; a {target.tier} usually asks {usual}"
    )
    if target is not targets[-1]:
        return words
    saves = fields.format_value("saves_usd_per_month", target.saves_usd_per_month)
    whose = "these" if len(targets) > 1 else "this"
    return f"{words}; at {whose} it would save {saves} a month"
