"""A Plan as its readers need it: the answer in one sentence, then tables. Computes no cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpumix import fields
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import (
    LISTED,
    BreakEven,
    Candidate,
    CostPart,
    Lever,
    MixLine,
    Placement,
    Plan,
    SloCheck,
    WorkloadPlan,
)
from gpumix.domain.proof import Replay, ReplayedSlo
from gpumix.domain.scenarios import CurvePoint
from gpumix.report.tables import (
    Cell,
    Table,
    basis,
    column,
    estimate,
    money,
    remark,
    table,
    text,
    value,
)
from gpumix.report.views.fit import of_room
from gpumix.report.views.mix import purchase_words, second_currency
from gpumix.report.views.sharing import served_together
from gpumix.report.views.timeline import years_words
from gpumix.report.views.today import today_headline
from gpumix.report.views.totals import cash_words, span_words, up_front_words, with_second

UNIT_COSTS = ("usd_per_mtok_total", "usd_per_run", "usd_per_sample", "usd_per_unit")
ALARMING = 0.10
"""Gap above which the headline warns that the plan is not proven (decision 0017)."""
_NAMED_IN_HEADLINE = 4
_FLIP_WORDS = {
    "held_share": "of hours held",
    "utilisation": "use",
    "usd_per_gpu_hour": "per GPU-hour",
}
"""What follows the number in a sentence about a flip, by quantity."""

_LISTED_IN_1_3 = "published prices only"
"""What plans up to schema 1.3 call the mix at listed prices."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the few figures at the top of a report."""

    label: str
    text: str
    note: str
    definition: str


def unit_cost_field(workload: WorkloadPlan) -> str:
    """The field that holds the workload's unit cost: of its tokens, run, sample or unit."""
    for name in UNIT_COSTS:
        if getattr(workload, name) is not None:
            return name
    return UNIT_COSTS[0]


def promises(plan: Plan) -> list[tuple[WorkloadPlan, SloCheck]]:
    """Every promise beside its workload."""
    return [(w, check) for w in plan.workloads for check in w.slo]


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def headline(plan: Plan) -> str:
    """The answer in one sentence: what to hold, what it keeps, what it costs a month."""
    one = len(plan.mix) == 1 and plan.mix[0].count == 1
    keep = "keeps" if one else "keep"
    checks = promises(plan)
    kept = sum(check.kept for _, check in checks)
    if not checks:
        keeps = "does all the work" if one else "do all the work"
    elif kept < len(checks):
        broken = [f"{w.id} {check.name}" for w, check in checks if not check.kept]
        keeps = f"{keep} {kept} of {len(checks)} promises (not {joined(broken)})"
    else:
        keeps = f"{keep} the promise" if kept == 1 else f"{keep} all {kept} promises"
    month = with_second(plan, "monthly_usd", plan.monthly_usd)
    held = f"{joined(_mix_words(plan.mix))} {keeps} at a level cost of {month} a month"
    told = f"{held}{up_front_words(plan)}.{today_headline(plan)}"
    return told[:1].upper() + told[1:]


def _above_cheapest(plan: Plan) -> str:
    """What signing fewer lines costs; nothing where the cheapest mix is as simple, or where the
    search for a simpler one came upon a cheaper one."""
    if plan.cheapest_usd is None or len(plan.curve) < 2 or not plan.cheapest_usd:
        return ""
    first, last = plan.curve[0], plan.curve[-1]
    if last.horizon_usd < plan.cheapest_usd:
        return f" {_counted(last)}."
    above = fields.field("delta_share", CurvePoint)
    share = fields.format_value(above, last.delta_share(plan.cheapest_usd))
    return (
        f" {_counted(last)}; the cheapest mix found has {_counted(first)} and costs"
        f" {fields.format_value('cheapest_usd', plan.cheapest_usd)} ({share} for the simpler one)."
    )


def _counted(point: CurvePoint) -> str:
    lines = f"{point.lines} line{'' if point.lines == 1 else 's'}"
    providers = f"{point.providers} provider{'' if point.providers == 1 else 's'}"
    return f"{lines} from {providers}"


def _without_estimates(plan: Plan) -> str:
    """What the plan costs without commitments that nobody lists; nothing where it has none."""
    other = next((a for a in plan.regret if a.name in (LISTED, _LISTED_IN_1_3)), None)
    if other is None or not any(line.derived for line in plan.mix):
        return ""
    if other.horizon_usd is None:
        return f" No plan without estimated terms: {other.reason}."
    cost = fields.format_value("horizon_usd", other.horizon_usd)
    return f" Without estimated terms, at {LISTED}: {cost}."


def _mix_words(mix: Sequence[MixLine]) -> list[str]:
    gpus: dict[tuple[str, str], int] = {}
    for line in sorted(mix, key=lambda line: -line.usd_per_month):
        if line.purchase == Purchase.API:
            gpus[f"{line.provider}'s API", line.purchase] = 0
            continue
        if not line.count:  # all sold at the start
            continue
        key = line.gpu, line.purchase
        gpus[key] = gpus.get(key, 0) + line.count * line.gpus_per_instance
    words = []
    for (gpu, purchase), number in gpus.items():
        if purchase == Purchase.API:
            words.append(f"{gpu} {purchase_words(purchase)}")
            continue
        upto = "" if Purchase(purchase).is_committed else "up to "
        words.append(f"{upto}{number:,} {gpu} {purchase_words(purchase)}")
    if len(words) > _NAMED_IN_HEADLINE:
        rest = len(words) - _NAMED_IN_HEADLINE + 1
        words = [*words[: _NAMED_IN_HEADLINE - 1], f"{rest} smaller lines"]
    return words or ["No GPU at all"]


def sureness(plan: Plan) -> str:
    """The whole horizon's cost, its interval, and how far a better plan could be."""
    interval = fields.format_interval(
        "horizon_usd", plan.horizon_usd, plan.horizon_low_usd, plan.horizon_high_usd
    )
    gap = fields.format_value("gap", max(plan.gap, fields.LEAST_SHARE))
    proof = (
        "proven cheapest under this model"
        if plan.gap < 1e-6
        else f"no plan can be more than {gap} cheaper under this model"
        if plan.gap <= ALARMING
        else f"not proven: it may cost up to {gap} too much"
    )
    span = f"over {span_words(plan)}"
    told = f"Present cost {interval} {span}{cash_words(plan)}; {proof}."
    more = (years_words, _waiting, _cut_short, _above_cheapest, _without_estimates)
    return told + "".join(words(plan) for words in more)


def _waiting(plan: Plan) -> str:
    if not plan.wait_usd:
        return ""
    worth = fields.format_value("wait_usd", plan.wait_usd)
    return f" Waiting for training jobs is worth {worth} beside that; the plan weighs both."


def _cut_short(plan: Plan) -> str:
    if plan.cut_short_s is None:
        return ""
    return (
        f" Cut short after {fields.format_value('cut_short_s', plan.cut_short_s)}: what was not"
        " looked at by then is missing, and another run may give another plan."
    )


def tiles(plan: Plan) -> tuple[Tile, ...]:
    """The figures a manager looks for first."""
    second = second_currency(plan)
    checks = promises(plan)
    kept = sum(check.kept for _, check in checks)

    def tile(name: str, text: str, note: str) -> Tile:
        own = fields.field(name)
        return Tile(own.label, text, note, own.definition)

    month = money("monthly_usd", plan.monthly_usd, second)
    whole = money("horizon_usd", plan.horizon_usd, second)
    low = fields.format_value("horizon_low_usd", plan.horizon_low_usd)
    high = fields.format_value("horizon_high_usd", plan.horizon_high_usd)
    idle = fields.format_value("idle_usd_per_month", plan.idle_usd_per_month)
    capex = f"{with_second(plan, 'capex_usd', plan.capex_usd)} up front"
    return (
        tile("monthly_usd", month.text, "; ".join(n for n in (month.note, capex) if n)),
        tile("horizon_usd", whole.text, f"80 %: {low}–{high}"),
        tile("utilisation", fields.format_value("utilisation", plan.utilisation), f"{idle} idle"),
        tile("slo", f"{kept} of {len(checks)}", _proof_words([check for _, check in checks])),
        tile("gap", fields.format_value("gap", plan.gap), f"mix {plan.status}"),
    )


def _proof_words(checks: Sequence[SloCheck]) -> str:
    """How it is known that promises are kept."""
    replayed = sum(check.replayed for check in checks)
    if replayed == len(checks):
        return "kept in the replay"
    return f"kept: {replayed} in the replay" if replayed else "kept as predicted"


def workloads_table(plan: Plan) -> Table:
    """What each workload runs on and costs."""
    second = second_currency(plan)
    return table(
        fields.label("workloads"),
        WorkloadPlan,
        plan.workloads,
        ("id", lambda w: text(w.id, note=w.model)),
        ("kind", lambda w: text(w.kind, note=w.tier)),
        ("placements", lambda w: text(", ".join(dict.fromkeys(p.gpu for p in w.placements)))),
        ("usd_per_month", lambda w: money("usd_per_month", w.usd_per_month, second)),
        ("unit_cost_usd", unit_cost),
        ("usd_per_mtok_input", lambda w: value("usd_per_mtok_input", w.usd_per_mtok_input)),
        ("usd_per_mtok_output", lambda w: value("usd_per_mtok_output", w.usd_per_mtok_output)),
    )


def unit_cost(workload: WorkloadPlan) -> Cell:
    """The unit cost with what it is of: `$0.118 / M tokens`."""
    name = unit_cost_field(workload)
    cost = getattr(workload, name)
    if cost is None:
        return value(name, None, "no work in the horizon")
    if name == "usd_per_unit":
        return Cell(f"{fields.format_value(name, cost)} / {workload.unit}")
    return Cell(f"{fields.format_value(name, cost)} {fields.label(name).removeprefix('$ ')}")


def slo_table(plan: Plan) -> Table:
    """Every promise beside its prediction."""
    return table(
        fields.label("slo"),
        SloCheck,
        promises(plan),
        ("id", lambda p: text(p[0].id)),
        ("name", lambda p: text(p[1].name)),
        ("limit_s", lambda p: value("limit_s", p[1].limit_s)),
        ("predicted", lambda p: estimate("predicted", p[1].predicted)),
        ("basis", lambda p: basis(p[1].predicted.basis)),
        ("confidence", lambda p: value("confidence", p[1].confidence)),
        ("p_kept", lambda p: value("p_kept", p[1].p_kept)),
        ("kept", lambda p: kept_cell(p[1].kept, "" if p[1].replayed else "predicted")),
    )


_WITHOUT_ANSWERS = ("embedding", "media", "custom")
"""Kinds of work whose requests have no answer in tokens."""


def kept_cell(is_kept: bool, note: str = "") -> Cell:
    """Whether a promise is kept; the note says how that is known."""
    return Cell("yes", note, tone="good") if is_kept else Cell("no", note, tone="bad")


def replay_table(plan: Plan) -> Table:
    """Every promise beside what the plan's replicas did in simulation."""
    rows = [(w, w.replay, slo) for w in plan.workloads if w.replay for slo in w.replay.slo]
    return table(
        fields.label("replay"),
        ReplayedSlo,
        rows,
        ("id", lambda r: text(r[0].id)),
        ("name", lambda r: text(r[2].name)),
        ("limit_s", lambda r: value("limit_s", r[2].limit_s)),
        ("week_s", lambda r: value("week_s", r[2].week_s)),
        ("worst_s", lambda r: value("worst_s", r[2].worst_s)),
        ("standard_error_s", lambda r: value("standard_error_s", r[2].standard_error_s)),
        ("worst_hour", lambda r: text(hour_words(r[2].worst_hour), note=_year(plan, r[2]))),
        ("within", lambda r: value("within", r[1].within)),
        ("shed", lambda r: value("shed", r[1].shed)),
        ("kept", lambda r: kept_cell(r[2].kept)),
    )


def hour_words(hour: int) -> str:
    """An hour of the week in words: `Tue 14:00`."""
    return f"{_DAYS[hour // 24]} {hour % 24:02d}:00"


def _year(plan: Plan, slo: ReplayedSlo) -> str:
    """In which year the worst hour lies, where there are several."""
    return f"year {slo.worst_year + 1}" if plan.years > 1 else ""


def replay_words(plan: Plan) -> str:
    """How much was replayed, in a sentence; empty where nothing was."""
    found = list({served_together(w): w.replay for w in plan.workloads if w.replay}.values())
    if not found:
        return ""
    total = sum(r.requests for r in found)
    again = sum(r.corrections for r in found)
    remade = f"; the plan was made again {again} times" if again else ""
    return (
        f"{total:,} requests were simulated, the busiest hour of every block of every year{remade}."
    )


def traffic_words(plan: Plan) -> list[str]:
    """What the replayed traffic of each workload was drawn with, and where it comes from."""
    return [
        f"{w.id}: {fields.label('arrival_cv')} {w.replay.arrival_cv:.2f}"
        f"{'' if w.kind in _WITHOUT_ANSWERS else _answers(w.replay)}"
        f" ({w.replay.traffic or 'assumed'})."
        for w in plan.workloads
        if w.replay
    ]


def _answers(replay: Replay) -> str:
    """What only traffic with answers has."""
    return (
        f", {fields.label('length_correlation').lower()} {replay.length_correlation:+.2f}, "
        f"{replay.prefix_share:.0%} of prompt tokens in cache"
    )


def cost_table(plan: Plan) -> Table:
    """Components of the cost by year."""
    years = [str(plan.start.year + i) for i in range(plan.years)]
    own = fields.field("usd_by_year")
    rows = [
        (text(part.name), *(Cell(fields.format_value(own, usd)) for usd in part.usd_by_year))
        for part in plan.costs
    ]
    sums = (sum(usd) for usd in zip(*(part.usd_by_year for part in plan.costs), strict=True))
    total = (Cell("Total", tone="total"), *(Cell(fields.format_value(own, s)) for s in sums))
    columns = (column("name", CostPart), *(column("usd_by_year", title=year) for year in years))
    return Table(fields.label("costs"), columns, (*rows, total) if rows else (), bool(rows))


def break_even_table(plan: Plan) -> Table:
    """Where the answer flips, a sentence each; prices of the next GPU where no rule tells them."""
    told = {"usd_per_gpu_hour"} if plan.rules else set()
    return table(
        fields.label("break_evens"),
        BreakEven,
        [flip for flip in plan.break_evens if flip.quantity not in told],
        ("what", lambda b: text(break_even_words(b))),
    )


def break_even_words(flip: BreakEven) -> str:
    """`Reserving a b200-sxm-180gb for 3 years pays above 51 % of hours held (today 98 %)`."""
    name = flip.quantity if flip.quantity in _FLIP_WORDS else "BreakEven.value"
    value = fields.format_value(name, flip.value)
    now = "not in this plan" if flip.now is None else f"today {fields.format_value(name, flip.now)}"
    words = f"{flip.what} {value} {_FLIP_WORDS.get(flip.quantity, flip.quantity)} ({now})"
    return f"{words}; {flip.note}" if flip.note else words


def placements_table(workload: WorkloadPlan) -> Table:
    """The replicas a workload runs as."""
    return table(
        fields.label("placements"),
        Placement,
        workload.placements,
        ("gpu", lambda p: text(p.gpu, note=p.resource)),
        ("gpus", lambda p: value("gpus", p.gpus)),
        ("slice", lambda p: text(p.slice)),
        ("tp", lambda p: value("tp", p.tp)),
        ("precision", lambda p: text(p.precision)),
        ("peak_replicas", lambda p: value("peak_replicas", p.peak_replicas)),
        ("shared_with", lambda p: text(", ".join(p.shared_with))),
        ("share", lambda p: value("share", p.share)),
        ("units_per_hour", lambda p: value("units_per_hour", p.units_per_hour)),
        ("output_tokens_per_s", lambda p: value("output_tokens_per_s", p.output_tokens_per_s)),
        ("batch", lambda p: value("batch", p.batch)),
        ("cache_tokens", lambda p: of_room("cache_tokens", p.room)),
        ("note", lambda p: remark(p.note)),
    ).without_absent()


def candidates_table(workload: WorkloadPlan) -> Table:
    """Every GPU considered, cheapest first, those that cannot serve last with the reason."""
    rows = sorted(
        workload.candidates,
        key=lambda c: (c.unit_cost_usd is None, c.unit_cost_usd or 0.0, c.gpu),
    )
    own = unit_cost_field(workload)
    drawn = table(
        fields.label("candidates"),
        Candidate,
        rows,
        ("chosen", lambda c: Cell("✓", tone="good") if c.chosen else Cell("")),
        ("gpu", lambda c: text(c.gpu)),
        ("precision", lambda c: text(c.precision)),
        ("tp", lambda c: value("tp", c.tp)),
        ("gpus", lambda c: value("gpus", c.gpus)),
        ("tokens_per_s_per_gpu", _of("tokens_per_s_per_gpu")),
        ("ttft_p95_s", _of("ttft_p95_s")),
        ("tpot_p95_s", _of("tpot_p95_s")),
        ("purchase", lambda c: text(purchase_words(c.purchase) if c.purchase else "")),
        ("usd_per_gpu_hour", _of("usd_per_gpu_hour")),
        (own, lambda c: value(own, c.unit_cost_usd)),
        ("total_tokens_per_s_per_rack_kw", _of("total_tokens_per_s_per_rack_kw")),
        ("total_tokens_per_joule", _of("total_tokens_per_joule")),
        ("reason", lambda c: remark(c.reason)),
    )
    return drawn.without_absent()


def _of(name: str) -> Callable[[Candidate], Cell]:
    return lambda candidate: value(name, getattr(candidate, name))


def levers_table(workload: WorkloadPlan) -> Table:
    """What could be saved before a GPU is bought."""
    own = unit_cost_field(workload)
    return table(
        fields.label("levers"),
        Lever,
        workload.levers,
        ("name", lambda lever: text(lever.name)),
        (own, lambda lever: value(own, lever.unit_cost_usd)),
        ("saving_share", lambda lever: value("saving_share", lever.saving_share)),
        ("note", lambda lever: remark(lever.note)),
    )


def best_levers_table(plan: Plan) -> Table:
    """The change that would save most on each workload, where one saves anything."""
    return table(
        fields.label("levers"),
        Lever,
        [(w, w.levers[0]) for w in plan.workloads if w.levers],
        ("id", lambda row: text(row[0].id)),
        ("name", lambda row: text(row[1].name)),
        ("saving_share", lambda row: value("saving_share", row[1].saving_share)),
        ("note", lambda row: remark(row[1].note)),
    )


def dearest(plan: Plan) -> WorkloadPlan | None:
    """The text workload that costs most: `gpumix compare` takes a closer look at those."""
    textual = [w for w in plan.workloads if w.usd_per_mtok_total is not None]
    return max(textual, key=lambda w: w.usd_per_month, default=None)
