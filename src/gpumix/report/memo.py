"""A plan's memo: one A4 page for whoever signs it, as HTML that prints or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpumix import fields
from gpumix.domain.plan import Alternative, Plan, SloCheck, WorkloadPlan
from gpumix.report.markdown import drawn, escaped
from gpumix.report.pages import environment
from gpumix.report.tables import Cell, Table, column, money, table, text, value
from gpumix.report.views import cfo as view
from gpumix.report.views import mix as mix_view
from gpumix.report.views import plan as plan_view
from gpumix.report.views.mix import second_currency

MOST_ALTERNATIVES = 3
MOST_FLIPS = 2
_MOST_PROMISES = 5
_MOST_QUOTES = 3
_MOST_YEARS = 4
_SENTENCE, _LINE, _CELL = 210, 92, 44
"""Characters of a sentence, a line and a cell; longer ones are cut: it stays one page."""
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Memo:
    """What the page says, part by part."""

    decision: tuple[str, ...]
    cash: Table
    alternatives: Table
    flips: tuple[str, ...]
    promises: tuple[str, ...]
    quotes: tuple[str, ...]
    expires: str
    trust: str


def memo(plan: Plan) -> Memo:
    """The parts of a plan's memo, each short enough for one page together."""
    return Memo(
        decision=_short((plan_view.headline(plan), *view.answer_lines(plan)[:2]), _SENTENCE),
        cash=_cash(plan),
        alternatives=_alternatives(plan),
        flips=_short(view.flips(plan)[:MOST_FLIPS], _SENTENCE) or ("no input is known to flip it",),
        promises=_short(_promises(plan)),
        quotes=_short(_quotes(plan), _SENTENCE),
        expires=_cut(view.expiry_words(plan), _SENTENCE),
        trust=_cut(view.trust_words(plan), _SENTENCE),
    )


def memo_html(plan: Plan) -> str:
    """The memo, a whole HTML document that prints on one A4 page."""
    template = environment().get_template("memo.html.j2")
    return template.render(plan=plan, memo=memo(plan), rate=_rate(plan))


def memo_markdown(plan: Plan) -> str:
    """The same as Markdown."""
    own = memo(plan)
    parts = [
        f"# {escaped(_cut(plan.name))}",
        "## Decision",
        *map(escaped, own.decision),
        drawn(own.cash),
        drawn(own.alternatives) if own.alternatives.rows else "",
        "## What would flip it",
        _listed(own.flips),
        "## How sure each promise is",
        _listed(own.promises),
        "## Quotations to request",
        _listed(own.quotes),
        "## Expires",
        escaped(own.expires),
        escaped(own.trust),
        escaped(_rate(plan)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _listed(words: Sequence[str]) -> str:
    return "\n".join(f"- {escaped(one)}" for one in words)


def _rate(plan: Plan) -> str:
    return mix_view.exchange_rate(plan) if plan.report_currency != fields.USD.code else ""


def _cash(plan: Plan) -> Table:
    """Cash of the first year by group, and of every year."""
    whole = view.cash_table(plan)
    if whole.rows:
        return _narrow(whole, plan.years)
    second = second_currency(plan)
    years = view.year_names(plan)
    columns = tuple(column("cash_by_year_usd", title=year) for year in years)
    cells = tuple(money("cash_by_year_usd", usd, second) for usd in plan.cash_by_year_usd)
    return Table(f"Cash by year, in {fields.USD.code}", columns, (cells,) if cells else ())


def _narrow(whole: Table, years: int) -> Table:
    """The first years and all of them together, where a page has no room for every one."""
    if years <= _MOST_YEARS:
        return whole
    kept = [*range(_MOST_YEARS + 1), years + 1]
    rows = (tuple(row[i] for i in kept) for row in whole.rows)
    return replace(whole, columns=tuple(whole.columns[i] for i in kept), rows=tuple(rows))


def _alternatives(plan: Plan) -> Table:
    """The three that a manager asks for first: what they cost and what they break."""
    rows = view.asked_first(plan, MOST_ALTERNATIVES)
    second = second_currency(plan)
    return table(
        f"Alternatives: present cost, in {fields.USD.code}",
        Alternative,
        rows,
        ("name", lambda a: text(_cut(a.name, _CELL))),
        ("horizon_usd", lambda a: money("horizon_usd", a.horizon_usd, second)),
        ("delta_share", lambda a: value("delta_share", a.delta_share)),
        ("breaks", _breaks),
    )


def _breaks(other: Alternative) -> Cell:
    if other.horizon_usd is None:
        return Cell(_cut(f"not possible: {other.reason}", _CELL))
    return Cell(_cut("; ".join(other.breaks), _CELL) or "nothing")


def _sureness(promise: tuple[WorkloadPlan, SloCheck]) -> tuple[bool, float]:
    _, check = promise
    return check.kept, 1.0 if check.p_kept is None else check.p_kept


def _promises(plan: Plan) -> list[str]:
    """How sure each is, the least sure first."""
    checks = sorted(plan_view.promises(plan), key=_sureness)
    words = []
    for workload, check in checks[:_MOST_PROMISES]:
        sure = "predicted" if check.p_kept is None else (
            f"holds with {fields.format_value('p_kept', check.p_kept)}"
        )  # fmt: skip
        words.append(
            f"{workload.id} {check.name}: {'kept' if check.kept else 'NOT kept'}, {sure}"
            f" ({check.predicted.basis.value})"
        )
    more = len(checks) - _MOST_PROMISES
    return [*words, *([f"{more} more, all surer: see the report"] if more > 0 else [])] or [
        "no workload promises a latency or a deadline"
    ]


def _quotes(plan: Plan) -> list[str]:
    """What to ask a quotation for: what is bought on a price that nobody quoted, and commitments
    that nobody lists."""
    asked = [
        f"{count} × ({line.gpus_per_instance} × {line.gpu}), {mix_view.purchase_of(line)},"
        f" {line.provider}: {'an estimated' if line.estimated else 'an assumed'} price"
        for line, count in view.unquoted(plan)
    ]
    told = [mix_view.target_words(target, plan.targets) for target in plan.targets]
    return [*asked, *told][:_MOST_QUOTES] or [_NONE]


def _short(words: Sequence[str], most: int = _LINE) -> tuple[str, ...]:
    return tuple(_cut(one, most) for one in words)


def _cut(words: str, most: int = _LINE) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
