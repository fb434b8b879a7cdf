"""What the options of a case cost as its work grows: a chart of steps, a table, who is cheapest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gpumix import fields
from gpumix.domain.tco import ByVolume, TcoAnswer, VolumeCrossing
from gpumix.report.tables import Cell, Column, Table, column, text, value
from gpumix.report.views import charts, compare_charts
from gpumix.report.views.tco import in_currency

_MOST_ROWS = 24


def words(found: ByVolume) -> Iterator[str]:
    """Who is cheapest from where on, a sentence a change."""
    if not found.crossings:
        least = min(found.present_cost, key=lambda name: found.present_cost[name][-1])
        yield f"{least} costs least at every volume up to {_worked(found, found.work[-1])}."
    for one in found.crossings:
        yield _sentence(found, one)


def _sentence(found: ByVolume, one: VolumeCrossing) -> str:
    at = _worked(found, one.work)
    if one.is_step:
        return (
            f"Above {at}, where it takes a further step, {one.after} costs less than {one.before}."
        )
    return f"Above {at}, where both cost the same, {one.after} costs less than {one.before}."


def _worked(found: ByVolume, work: float) -> str:
    """`1,200,000 requests a day`, `5 GPUs' worth of work`."""
    number = _number(found, work)
    return f"{number} {found.unit}s a day" if found.unit else f"{number} GPUs' worth of work"


def _number(found: ByVolume, work: float) -> str:
    """Whole units, and parts of a GPU's work."""
    if found.unit or math.isclose(work, round(work), abs_tol=1e-6):
        return fields.format_value(fields.field("work", ByVolume), work)
    return fields.significant(work, 3)


def axis(found: ByVolume) -> str:
    """What the work is counted in."""
    return f"Work [{found.unit}s a day]" if found.unit else fields.label("gpus", "VolumePoint")


def chart(found: ByVolume, answer: TcoAnswer) -> charts.Spec:
    """Present cost over the work, a line an option with its steps; the case's own work marked."""
    rows: list[dict[str, Any]] = []
    for name, ends in found.present_cost.items():
        before = 0.0
        for i, work in enumerate(found.work):
            rows.append({"work": before, "cost": found.present_cost_after[name][i], "option": name})
            rows.append({"work": work, "cost": ends[i], "option": name})
            before = work
    now = found.work[-1] / found.shares[-1]
    x = {"field": "work", "type": "quantitative", "title": axis(found),
         "scale": {"domainMax": found.work[-1], "nice": False},
         "axis": {"tickCount": 8, "grid": False, "format": "~s"}}  # fmt: skip
    return compare_charts.option_lines(rows, x, in_currency(answer, "present_cost"), now)


def table(found: ByVolume, answer: TcoAnswer) -> Table:
    """What every option costs where a step ends; the cheapest of a row is marked."""
    names = list(found.present_cost)
    own = fields.field("present_cost")
    columns = (
        Column("work", axis(found), True, fields.field("work", ByVolume).definition),
        *(Column("present_cost", name, True, own.definition) for name in names),
    )
    every = len(found.work)
    shown = sorted({*range(0, every, -(-every // _MOST_ROWS)), every - 1})
    rows = []
    for i in shown:
        costs = {name: found.present_cost[name][i] for name in names}
        least = min(costs.values())
        cells = [_cost(found, name, i, costs[name], costs[name] == least) for name in names]
        rows.append((text(_number(found, found.work[i])), *cells))
    return Table(f"{in_currency(answer, 'present_cost')} by volume", columns, tuple(rows))


def crossings_table(found: ByVolume, answer: TcoAnswer) -> Table:
    """Every volume at which what is owned first and another option change places."""
    of = VolumeCrossing
    columns = (
        column("after", of),
        column("before", of),
        Column("work", axis(found), True, fields.field("work", ByVolume).definition),
        Column("present_cost", in_currency(answer, "present_cost"), True,
               fields.field("present_cost").definition),
        column("is_step", of),
    )  # fmt: skip
    rows = [
        (
            text(one.after),
            text(one.before),
            text(_number(found, one.work)),
            value("present_cost", one.present_cost),
            text("a further step" if one.is_step else "both cost the same"),
        )
        for pair in found.of_pairs.values()
        for one in pair
    ]
    return Table("Where owning and another option change places", columns, tuple(rows))


def _cost(found: ByVolume, name: str, i: int, cost: float, is_least: bool) -> Cell:
    gpus = found.gpus[name][i]
    held = "" if gpus is None else f"{fields.format_value('gpu_count', gpus)} GPUs"
    held = held.removesuffix("s") if gpus == 1.0 else held
    note = ", ".join(part for part in (held, "least" if is_least else "") if part)
    return Cell(fields.format_value("present_cost", cost), note, "good" if is_least else "")
