"""The first screen of a plan: what to sign, what it costs, how sure that is, what comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpumix import fields
from gpumix.domain.offer import OLD, Purchase
from gpumix.domain.plan import MixLine, Plan, SloCheck, WorkloadPlan
from gpumix.domain.timeline import Action
from gpumix.report.tables import Cell, Table, money, table, text
from gpumix.report.views.assumptions import unconfirmed_words
from gpumix.report.views.cfo import flips, next_best
from gpumix.report.views.mix import purchase_of, second_currency
from gpumix.report.views.plan import ALARMING, promises
from gpumix.report.views.timeline import step_words
from gpumix.report.views.today import today_headline
from gpumix.report.views.totals import span_words, with_second

MOST_LINES = 6
"""Lines of the mix that a first screen shows; the rest is summed in one."""


def answer(plan: Plan) -> str:
    """Its level cost and whether it keeps its promises: `$44,668 a month at level cost; all 6
    promises are kept.`"""
    month = with_second(plan, "monthly_usd", plan.monthly_usd)
    return f"{month} a month at level cost; {_kept_words(plan)}.{today_headline(plan)}"


def _kept_words(plan: Plan) -> str:
    checks = promises(plan)
    if not checks:
        return "it promises no latency and no deadline"
    broken = [f"{w.id} {check.name}" for w, check in checks if not check.kept]
    if broken:
        return f"{len(checks) - len(broken)} of {len(checks)} promises kept, not {broken[0]}"
    replayed = sum(check.replayed for _, check in checks)
    proof = " in a replay of the traffic" if replayed else ", as predicted"
    if 0 < replayed < len(checks):
        proof = f", {replayed} of them{proof}"
    what = "the promise is" if len(checks) == 1 else f"all {len(checks)} promises are"
    return f"{what} kept{proof}"


def answer_table(plan: Plan) -> Table:
    """The mix, dearest line first; small lines beyond `MOST_LINES` in one row."""
    second = second_currency(plan)
    lines = sorted(plan.mix, key=lambda line: -line.usd_per_month)
    most = MOST_LINES if len(lines) <= MOST_LINES else MOST_LINES - 1
    shown, rest = lines[:most], lines[most:]
    gpus = sum(m.count * m.gpus_per_instance for m in lines if m.purchase != Purchase.API)
    drawn = table(
        fields.label("mix"),
        MixLine,
        shown,
        ("count", lambda m: text(_count(m))),
        ("gpu", lambda m: text(_gpu(m))),
        ("purchase", lambda m: text(purchase_of(m))),
        ("provider", lambda m: text(" ".join(w for w in (m.provider, m.country) if w))),
        ("usd_per_month", lambda m: money("usd_per_month", m.usd_per_month, second)),
        total=(
            Cell("Total", tone="total"),
            Cell(f"{gpus:,} GPU{'' if gpus == 1 else 's'} at most", tone="total"),
            *(Cell("", tone="total"),) * 2,
            money("monthly_usd", plan.monthly_usd, second),
        ),
    )
    if not rest:
        return drawn
    usd = sum(line.usd_per_month for line in rest)
    more = (text(""), text(f"{len(rest)} smaller lines"), text(""), text(""),
            money("usd_per_month", usd, second))  # fmt: skip
    return Table(drawn.title, drawn.columns, (*drawn.rows[:-1], more, drawn.rows[-1]))


def _gpu(line: MixLine) -> str:
    is_api = line.purchase == Purchase.API
    return "API" if is_api else f"{line.gpus_per_instance} × {line.gpu}"


def _count(line: MixLine) -> str:
    if line.purchase == Purchase.API:
        return ""
    if not line.count:
        return "sold"
    return f"{'' if Purchase(line.purchase).is_committed else '≤ '}{line.count:,}"


def answer_words(plan: Plan) -> list[tuple[str, str]]:
    """What a signer asks next, each by its name: cost, promises, the runner-up, what flips the
    choice, doubt, the first step."""
    parts = (
        ("Cost", _cost(plan)),
        ("Promises", _nearest(promises(plan))),
        ("Next best", _runner_up(plan)),
        ("Flips if", next(iter(flips(plan)), "")),
        ("Doubt", "; ".join(_doubts(plan))),
        ("First", _first(plan)),
    )
    return [(name, words[:1].upper() + words[1:]) for name, words in parts if words]


def _cost(plan: Plan) -> str:
    """Present cost with its interval, then cash: of the first year and for servers."""
    low, usd, high = (
        fields.format_value("horizon_usd", end)
        for end in (plan.horizon_low_usd, plan.horizon_usd, plan.horizon_high_usd)
    )
    front = with_second(plan, "capex_usd", plan.capex_usd) if plan.capex_usd else "nothing"
    told = f"present cost {usd} over {span_words(plan)} (80 %: {low} to {high})"
    if plan.first_year_monthly_usd is None:
        return f"{told}; {front} for servers"
    first = fields.format_value("first_year_monthly_usd", plan.first_year_monthly_usd)
    return f"{told}; cash {first} a month in the first year, {front} for servers"


def _nearest(checks: Sequence[tuple[WorkloadPlan, SloCheck]]) -> str:
    """The promise that is likeliest to break."""
    known = [(w, c) for w, c in checks if c.p_kept is not None]
    if not known:
        return ""
    workload, check = min(known, key=lambda one: one[1].p_kept or 0.0)
    seconds = fields.format_value("limit_s", check.limit_s)
    chance = fields.format_value("p_kept", check.p_kept)
    return f"the nearest is {workload.id} {check.name} ≤ {seconds}: kept with {chance}"


def _runner_up(plan: Plan) -> str:
    other = next_best(plan)
    if other is None or other.horizon_usd is None:
        return ""
    above = other.horizon_usd - plan.horizon_usd
    usd = fields.format_value("horizon_usd", abs(above))
    return f"{other.name}, {usd} {'more' if above >= 0.0 else 'less'} over {span_words(plan)}"


def _doubts(plan: Plan) -> Iterator[str]:
    if plan.gap > ALARMING:
        yield f"it may cost up to {fields.format_value('gap', plan.gap)} too much (not proven)"
    old = sum(OLD in line.marks for line in plan.mix)
    if old:
        yield f"prices of {old} of {len(plan.mix)} lines are old: ask again before signing"
    share = plan.ledger.assumed_share() if plan.ledger else 0.0
    if share >= fields.LEAST_SHARE:
        yield f"{100 * share:.0f} % of all amounts rest on assumed prices"
    if any(a.owner for a in plan.assumptions) and (words := unconfirmed_words(plan)):
        yield words
    if plan.warnings:
        some = "1 warning" if len(plan.warnings) == 1 else f"{len(plan.warnings)} warnings"
        yield f"{some} in the details"


def _first(plan: Plan) -> str:
    lines = {line.resource: line for line in plan.mix}
    if not plan.timeline:
        return ""
    # What is signed that day goes before what is rented by the hour.
    step = min(plan.timeline, key=lambda one: (one.date, one.action is Action.RENT))
    more = len(plan.timeline) - 1
    rest = f"; {more} more step{'' if more == 1 else 's'}" if more else ""
    return f"by {step.date} {step_words(step, lines.get(step.resource))}{rest}"
