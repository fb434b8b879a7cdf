"""Two plans side by side in words and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gpumix import fields
from gpumix.domain.plan_difference import (
    CashChange,
    Figure,
    InputChange,
    LineChange,
    PlanDifference,
    PriceChange,
    PromiseChange,
    Side,
)
from gpumix.report.tables import Cell, Table, table, text, value

_LESS_IS_BETTER = ("_usd", "_usd_per_month", "promises_broken")
_SAME_MARGIN = 0.005
"""Margins that differ by less print as one."""
MOST_INPUTS = 30
"""Inputs that a page names."""


def headline(found: PlanDifference) -> str:
    """What it comes to, in a sentence or two."""
    cost = found.figure("monthly_usd")
    if found.is_same:
        return "The plans are the same: no line, dollar or promise differs."
    words = "The plans cost the same a month."
    if cost is not None and cost.delta is not None and _shown(cost.delta) != _shown(0.0):
        verb = "more" if cost.delta > 0.0 else "less"
        share = "" if cost.share is None else f" ({cost.share:+.1%})"
        words = f"{_shown(abs(cost.delta))} a month {verb}{share}."
    newly = [p for p in found.broken if p.before_kept is not False]
    if newly:
        named = ", ".join(f"{p.workload} {p.name}" for p in newly)
        return f"{words} Newly broken: {named}."
    if found.broken:
        return f"{words} {len(found.broken)} promises stay broken."
    return f"{words} Every promise is kept."


def _shown(usd: float) -> str:
    return fields.format_value("monthly_usd", usd)


def sides_words(found: PlanDifference) -> list[str]:
    """What is compared."""
    return [f"{name}: {_side(side)}" for name, side in
            (("Before", found.before), ("After", found.after))]  # fmt: skip


def _side(side: Side) -> str:
    data = f", data of {side.data_as_of}" if side.data_as_of else ""
    return (
        f"{side.name}, from {side.start:%Y-%m}, {side.months} months, prices of {side.as_of},"
        f" gpumix {side.version or 'unknown'}{data}"
    )


def figures_table(figures: Iterable[Figure]) -> Table:
    """Every figure of both plans that is not 0 in both."""
    shown = [one for one in figures if one.before or one.after]
    return table(
        "Figures",
        Figure,
        shown,
        ("name", lambda one: text(fields.label(one.name, Figure))),
        ("before", lambda one: value(one.name, one.before, record=Figure)),
        ("after", lambda one: value(one.name, one.after, record=Figure)),
        ("delta", _delta),
    )


def _delta(one: Figure) -> Cell:
    if one.delta is None:
        return text("")
    own = fields.format_value(fields.field(one.name, Figure), abs(one.delta))
    if own == fields.format_value(fields.field(one.name, Figure), 0.0):
        return Cell("no change", tone="muted")
    is_cost = one.name.endswith(_LESS_IS_BETTER)
    tone = ("bad" if one.delta > 0.0 else "good") if is_cost else ""
    share = f"{one.share:+.1%}" if one.share is not None and one.name != "gap" else ""
    return Cell(f"{'+' if one.delta > 0.0 else '-'}{own}", share, tone)


def cash_table(found: PlanDifference) -> Table:
    """Cash by year, where there is any."""
    return table(
        "Cash by year",
        CashChange,
        found.cash_by_year,
        ("year", lambda one: text(one.year)),
        _plain(CashChange, "before_usd"),
        _plain(CashChange, "after_usd"),
    )


def mix_table(lines: Iterable[LineChange]) -> Table:
    """Lines that were added, removed, or have another count."""
    return table(
        "Lines of the mix that differ",
        LineChange,
        lines,
        ("resource", lambda one: text(f"{_sign(one)} {one.resource}")),
        _plain(LineChange, "gpus_per_instance"),
        _plain(LineChange, "before_count"),
        _plain(LineChange, "after_count"),
        _plain(LineChange, "before_usd_per_month"),
        _plain(LineChange, "after_usd_per_month"),
    )  # fmt: skip


def _plain(record: type, name: str) -> tuple[str, Callable[[object], Cell]]:
    """A column of values as their field prints them."""
    return name, lambda one: value(name, getattr(one, name), record=record)


def _sign(one: LineChange) -> str:
    if not one.before_count:
        return "added:"
    return "removed:" if not one.after_count else "changed:"


def promises_table(found: PlanDifference) -> Table:
    """Promises that came, went, are newly kept or broken, or whose margin differs."""
    return table(
        "Promises that differ",
        PromiseChange,
        [one for one in found.promises if _differs(one)],
        ("workload", lambda one: text(one.workload)),
        ("name", lambda one: text(one.name)),
        ("before_kept", lambda one: _kept(one.before_kept)),
        ("after_kept", lambda one: _kept(one.after_kept)),
        _plain(PromiseChange, "before_margin"),
        _plain(PromiseChange, "after_margin"),
    )


def _differs(one: PromiseChange) -> bool:
    if one.before_kept != one.after_kept or one.after_kept is False:
        return True
    if one.before_margin is None or one.after_margin is None:
        return False
    return abs(one.before_margin - one.after_margin) >= _SAME_MARGIN


def _kept(kept: bool | None) -> Cell:
    if kept is None:
        return text("", note="not promised")
    return Cell("kept", tone="good") if kept else Cell("broken", tone="bad")


def prices_table(found: PlanDifference) -> Table:
    """Prices that differ."""
    return table(
        "Prices that differ",
        PriceChange,
        found.prices,
        ("resource", lambda one: text(one.resource)),
        _plain(PriceChange, "before_usd_per_gpu_hour"),
        _plain(PriceChange, "after_usd_per_gpu_hour"),
    )  # fmt: skip


def inputs_table(found: PlanDifference) -> Table:
    """Why: the inputs that differ."""
    return table(
        "Why: inputs that differ",
        InputChange,
        found.inputs[:MOST_INPUTS],
        ("kind", lambda one: text(one.kind)),
        ("what", lambda one: text(one.what)),
        ("before", lambda one: text(one.before)),
        ("after", lambda one: text(one.after)),
    )


def tables(found: PlanDifference) -> list[Table]:
    """All tables that have rows, the most important first."""
    every = (
        figures_table(found.figures), mix_table(found.mix), promises_table(found),
        cash_table(found), prices_table(found), inputs_table(found),
    )  # fmt: skip
    return [one for one in every if one.rows]


def notes(found: PlanDifference) -> list[str]:
    """Workloads that came and went, and inputs left out."""
    words = []
    if found.workloads_added:
        words.append(f"Workloads added: {', '.join(found.workloads_added)}.")
    if found.workloads_removed:
        words.append(f"Workloads removed: {', '.join(found.workloads_removed)}.")
    if not found.inputs and not found.is_same:
        words.append(
            "No input differs: the searches ended at another mix, or the same day's prices"
        )
        words[-1] += " were read otherwise."
    if len(found.inputs) > MOST_INPUTS:
        words.append(f"{len(found.inputs) - MOST_INPUTS} more inputs differ (--json has them).")
    return words
