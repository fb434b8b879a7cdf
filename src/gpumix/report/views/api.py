"""The work done by APIs, as readers of a plan or a comparison need it. Computes no cost."""

from __future__ import annotations

from collections.abc import Callable

from gpumix import fields
from gpumix.domain.api_plan import NOT_OFFERED, ApiBreakEven, ApiOption, WorkloadApi
from gpumix.domain.comparison import ComparedApi, Comparison
from gpumix.domain.plan import Plan
from gpumix.report.tables import Cell, Table, remark, table, text, value

_Row = tuple[WorkloadApi, ApiOption | None]
_WAYS = {"rent": "renting", "own": "owning"}


def api_table(plan: Plan) -> Table:
    """The cheapest API of every workload's own model, and the cheapest substitute apart."""
    if plan.api is None or not plan.api.covers:
        return Table(fields.label("api"), (), ())
    return table(
        fields.label("api"),
        ApiOption,
        [row for w in plan.api.workloads for row in _cheapest(w)],
        ("id", lambda r: text(r[0].id)),
        ("kind", lambda r: text(r[1].kind.value if r[1] else "")),
        ("provider", lambda r: text(r[1].provider if r[1] else "")),
        ("usd_per_mtok_total", _of("usd_per_mtok_total")),
        ("usd_per_month", _of("usd_per_month")),
        ("delta_share", _of("delta_share")),
        ("batch", _of("batch")),
        ("name", lambda r: remark(r[1].name if r[1] else "")),
        ("reason", lambda r: remark(r[0].reason)),
    ).without_absent()


def _of(name: str) -> Callable[[_Row], Cell]:
    """The cell of one figure of a workload's API; "-" where it has none."""
    return lambda row: value(name, getattr(row[1], name, None), record=ApiOption)


def _cheapest(found: WorkloadApi) -> list[_Row]:
    best = [*found.same[:1], *found.substitutes[:1]]
    return [(found, option) for option in best] or [(found, None)]


def api_words(plan: Plan) -> str:
    """What all by API costs, what no API does, and what is not known of it; empty without any."""
    api = plan.api
    if api is None or api.usd_per_month is None:
        return ""
    month = fields.format_value("usd_per_month", api.usd_per_month)
    share = fields.format_value("delta_share", api.delta_share)
    parts = [f"By API: {month} a month for {', '.join(api.covers)}, {share} against this plan"]
    if api.substituted:
        parts.append(f"{', '.join(api.substituted)} by a substitute, another model")
    if api.not_covered:
        parts.append(f"no API does {', '.join(api.not_covered)}")
    parts.append("the latency of APIs is unknown, so their promises are not checked")
    return "; ".join(parts) + "."


def flips_table(plan: Plan) -> Table:
    """From which demand renting, and from which owning, costs less than the API."""
    api = plan.api
    rows = [
        (w, e)
        for w in (api.workloads if api is not None else ())
        for e in w.break_evens
        if e.reason != NOT_OFFERED[e.way]
    ]
    return table(
        fields.label("ApiBreakEven"),
        ApiBreakEven,
        rows,
        ("id", lambda r: text(r[0].id)),
        ("way", lambda r: text(_WAYS[r[1].way])),
        ("tokens_per_day", lambda r: _from(r[1])),
        ("now", lambda r: Cell(fields.compact(r[0].tokens_per_day or 0.0))),
        ("gpu", lambda r: text(r[1].gpu)),
        ("replicas", lambda r: value("replicas", r[1].replicas or None)),
        ("usd_per_month", lambda r: value("usd_per_month", r[1].usd_per_month)),
        ("against", lambda r: text(r[1].against)),
        ("reason", lambda r: remark(r[1].reason)),
    ).without_absent()


def _from(even: ApiBreakEven | ComparedApi) -> Cell:
    if even.tokens_per_day is None:
        return Cell("never", even.reason, "muted")
    return Cell(fields.compact(even.tokens_per_day))


def compared_table(comparison: Comparison) -> Table:
    """Each API's price of the compared work, and from which demand a rented GPU costs less."""
    return table(
        fields.label("apis"),
        ComparedApi,
        comparison.apis,
        ("provider", lambda a: text(f"API: {a.provider}")),
        ("kind", lambda a: text(a.kind.value)),
        ("name", lambda a: text(a.name)),
        ("usd_per_mtok_total", lambda a: value("usd_per_mtok_total", a.usd_per_mtok_total)),
        ("tokens_per_day", _from),
        ("gpu", lambda a: text(a.gpu)),
        ("replicas", lambda a: value("replicas", a.replicas or None)),
        ("reason", lambda a: remark(a.reason)),
    )
